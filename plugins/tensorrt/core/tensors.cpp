#include "core/tensors.h"

#include "core/error.h"

namespace edgeskip::tensorrt {
namespace {

std::string sizes_text(std::vector<int64_t> const& sizes) {
  std::string result = "[";
  for (size_t axis = 0; axis < sizes.size(); ++axis) result += (axis == 0 ? "" : ", ") + std::to_string(sizes[axis]);
  return result + "]";
}

}  // namespace

PictureSize picture_size(nvinfer1::Dims const& dims, bool channels_last) {
  Axes const at = axes(channels_last);
  return {dims.d[0], dims.d[at.channels], dims.d[at.height], dims.d[at.width]};
}

std::string to_text(nvinfer1::Dims const& dims) {
  return sizes_text(std::vector<int64_t>(dims.d, dims.d + (dims.nbDims > 0 ? dims.nbDims : 0)));
}

int64_t constant_of(nvinfer1::IDimensionExpr const* expression) {
  return expression->isConstant() ? static_cast<int64_t>(expression->getConstantValue()) : -1;
}

nvinfer1::DimsExprs mask_shape(nvinfer1::IDimensionExpr const* streams, int64_t height, int64_t width,
                               nvinfer1::IExprBuilder& builder) {
  nvinfer1::DimsExprs result{};
  result.nbDims = 4;
  result.d[0] = streams;
  result.d[1] = builder.constant(1);
  result.d[2] = builder.constant(height);
  result.d[3] = builder.constant(width);
  return result;
}

int64_t window_count(int64_t size, int64_t pads, int64_t kernel, int64_t stride, int64_t dilation) {
  return (size + pads - dilation * (kernel - 1) - 1) / stride + 1;
}

void require_dims(std::string const& plugin, char const* tensor, nvinfer1::Dims const& dims,
                  std::vector<int64_t> const& expected, std::string const& rule) {
  bool same = dims.nbDims == static_cast<int32_t>(expected.size());
  for (size_t axis = 0; same && axis < expected.size(); ++axis) {
    same = dims.d[axis] == expected[axis] || dims.d[axis] == -1 || expected[axis] == -1;
  }
  if (!same) {
    throw PluginError(plugin, std::string("the shape of ") + tensor, to_text(dims),
                      "it must be " + sizes_text(expected) + ", " + rule);
  }
}

void require_picture(std::string const& plugin, char const* tensor, nvinfer1::Dims const& dims) {
  if (dims.nbDims != 4) {
    throw PluginError(plugin, std::string("the shape of ") + tensor, to_text(dims), "four dimensions are needed");
  }
}

std::vector<nvinfer1::PluginTensorDesc> largest(nvinfer1::DynamicPluginTensorDesc const* tensors, int32_t count) {
  std::vector<nvinfer1::PluginTensorDesc> result;
  for (int32_t index = 0; index < count; ++index) {
    result.push_back(tensors[index].desc);
    result.back().dims = tensors[index].max;
  }
  return result;
}

bool is_picture(TensorKind const& tensor, bool channels_last) {
  using nvinfer1::DataType;
  using nvinfer1::TensorFormat;
  if (!is_float(tensor.type)) return false;
  if (tensor.format == TensorFormat::kLINEAR) return true;
  if (channels_last) return false;
  if (tensor.type == DataType::kFLOAT) return tensor.format == TensorFormat::kHWC;
  int64_t const packed = tensor.format == TensorFormat::kHWC8 ? 8 : tensor.format == TensorFormat::kHWC16 ? 16 : 0;
  return packed > 0 && tensor.second_size > 0 && tensor.second_size % packed == 0;
}

cuda::TensorView view_of(std::string const& plugin, char const* name, nvinfer1::PluginTensorDesc const& tensor,
                         void const* data, bool channels_last, PictureSize const& target) {
  PictureSize const size = picture_size(tensor.dims, channels_last);
  bool const planes = !channels_last && tensor.format == nvinfer1::TensorFormat::kLINEAR;
  auto const h = static_cast<int>(size.height), w = static_cast<int>(size.width), c = static_cast<int>(size.channels);
  auto* memory = const_cast<void*>(data);
  cuda::TensorView view = planes ? cuda::channels_first(memory, h, w, c) : cuda::channels_last(memory, h, w, c);
  if (size.streams == 1 && target.streams != 1) view.picture_stride = 0;
  if (size.channels == 1 && target.channels != 1) view.channel_stride = 0;
  if (size.height != target.height || size.width != target.width) {
    if (size.height != 1 || size.width != 1) {
      throw PluginError(plugin, std::string("the shape of ") + name, to_text(tensor.dims),
                        "it broadcasts over height and width or over none of them");
    }
    view.pixel_stride = 0;
  }
  return view;
}

cuda::ElementType element_type(nvinfer1::DataType type) {
  return type == nvinfer1::DataType::kHALF ? cuda::ElementType::float16 : cuda::ElementType::float32;
}

cuda::MaskView mask_view(nvinfer1::PluginTensorDesc const& tensor, void const* data) {
  return {static_cast<int32_t const*>(data), static_cast<int>(tensor.dims.d[2]), static_cast<int>(tensor.dims.d[3])};
}

void require_ok(std::string const& plugin, cuda::Status status) {
  if (status == cuda::Status::ok) return;
  std::string message = cuda::status_text(status);
  if (status == cuda::Status::launch_failed) message += std::string(": ") + cuda::last_cuda_error();
  throw PluginError(plugin, message);
}

}  // namespace edgeskip::tensorrt
