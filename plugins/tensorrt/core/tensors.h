// Sizes of pictures in either order of dimensions, and the helpers that checks and shape inference share.
#pragma once

#include <NvInferRuntime.h>

#include <string>
#include <vector>

#include "core/operation.h"
#include "edgeskip/status.h"
#include "edgeskip/tensor.h"

namespace edgeskip::tensorrt {

// [N, C, H, W] or, channels last, [N, H, W, C]. A size that is not known yet is -1.
struct PictureSize {
  int64_t streams, channels, height, width;
};

PictureSize picture_size(nvinfer1::Dims const& dims, bool channels_last);

// "[1, 3, 8, 8]"
std::string to_text(nvinfer1::Dims const& dims);

// Where height and width stand among the dimensions.
struct Axes {
  int channels, height, width;
};
constexpr Axes axes(bool channels_last) { return channels_last ? Axes{3, 1, 2} : Axes{1, 2, 3}; }

// The constant behind an expression, -1 where it depends on the number of streams.
int64_t constant_of(nvinfer1::IDimensionExpr const* expression);

// Dimensions of a mask of `streams` pictures, [N, 1, H, W].
nvinfer1::DimsExprs mask_shape(nvinfer1::IDimensionExpr const* streams, int64_t height, int64_t width,
                               nvinfer1::IExprBuilder& builder);

// (size + pads - dilation * (kernel - 1) - 1) / stride + 1, as ONNX Conv and MaxPool have it.
int64_t window_count(int64_t size, int64_t pads, int64_t kernel, int64_t stride, int64_t dilation);

// Raises PluginError unless `dims` is `expected`; sizes of -1 on either side agree with everything.
void require_dims(std::string const& plugin, char const* tensor, nvinfer1::Dims const& dims,
                  std::vector<int64_t> const& expected, std::string const& rule);

// Raises PluginError unless the tensor has four dimensions.
void require_picture(std::string const& plugin, char const* tensor, nvinfer1::Dims const& dims);

// Descriptions with the largest sizes of the profile.
std::vector<nvinfer1::PluginTensorDesc> largest(nvinfer1::DynamicPluginTensorDesc const* tensors, int32_t count);

inline TensorKind kind_of(nvinfer1::PluginTensorDesc const& tensor) {
  return {tensor.type, tensor.format, tensor.dims.nbDims == 4 ? static_cast<int64_t>(tensor.dims.d[1]) : 0};
}

// Whether the kernels read a picture that is stored so: LINEAR in either order of dimensions, and for [N, C, H, W] the
// formats with channels inside, where no channel is padded (what TensorRT would read there is not ours to write).
bool is_picture(TensorKind const& tensor, bool channels_last);

// The picture as the kernels see it; sizes of 1 broadcast over `target`. Raises PluginError where that is no view.
cuda::TensorView view_of(std::string const& plugin, char const* name, nvinfer1::PluginTensorDesc const& tensor,
                         void const* data, bool channels_last, PictureSize const& target);
cuda::ElementType element_type(nvinfer1::DataType type);

// The mask as the kernels see it.
cuda::MaskView mask_view(nvinfer1::PluginTensorDesc const& tensor, void const* data);

// Raises PluginError with the kernels' sentence unless `status` is ok.
void require_ok(std::string const& plugin, cuda::Status status);

inline bool is_float(nvinfer1::DataType type) {
  return type == nvinfer1::DataType::kFLOAT || type == nvinfer1::DataType::kHALF;
}
inline bool is_linear(TensorKind const& tensor, nvinfer1::DataType type) {
  return tensor.type == type && tensor.format == nvinfer1::TensorFormat::kLINEAR;
}
inline bool is_mask(TensorKind const& tensor) { return is_linear(tensor, nvinfer1::DataType::kINT32); }

}  // namespace edgeskip::tensorrt
