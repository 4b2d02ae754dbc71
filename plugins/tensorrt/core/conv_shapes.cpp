#include "core/conv_shapes.h"

#include "core/choices.h"
#include "core/tensors.h"

namespace edgeskip::tensorrt {
namespace {

using nvinfer1::Dims;
using nvinfer1::PluginTensorDesc;

// A mask of the given size, or one bit per picture.
void require_mask(std::string const& plugin, char const* name, Dims const& dims, int64_t streams, int height,
                  int width) {
  if (dims.nbDims == 4 && dims.d[2] == 1 && dims.d[3] == 1) height = width = 1;
  require_dims(plugin, name, dims, {streams, 1, height, width}, "a mask of its tensor's size or one bit per picture");
}

// `dims` with each size that broadcasts replaced by the one it broadcasts to.
Dims broadcast(Dims dims, Dims const& target) {
  for (int axis = 0; dims.nbDims == target.nbDims && axis < dims.nbDims; ++axis) {
    if (dims.d[axis] == 1) dims.d[axis] = target.d[axis];
  }
  return dims;
}

}  // namespace

cuda::ConvShape ConvShapes::of(PluginTensorDesc const* inputs) const {
  require_picture(plugin_, "x", inputs[inputs_.x].dims);
  require_picture(plugin_, "w", inputs[inputs_.w].dims);
  PictureSize const x = picture_size(inputs[inputs_.x].dims, channels_last_);
  check_w(inputs, x.channels);
  cuda::ConvShape shape = geometry_;
  shape.batch = static_cast<int>(x.streams);
  shape.in_height = static_cast<int>(x.height);
  shape.in_width = static_cast<int>(x.width);
  shape.in_channels = static_cast<int>(x.channels);
  shape.out_channels = static_cast<int>(inputs[inputs_.w].dims.d[0]);
  shape.out_height = cuda::conv_output_size(shape, 0);
  shape.out_width = cuda::conv_output_size(shape, 1);
  if (shape.out_height < 1 || shape.out_width < 1) {
    throw PluginError(plugin_, "the shape of x", to_text(inputs[inputs_.x].dims), "the kernel does not fit into it");
  }
  return shape;
}

void ConvShapes::check_w(PluginTensorDesc const* inputs, int64_t in_channels) const {
  Dims const& w = inputs[inputs_.w].dims;
  int64_t const group = geometry_.group;
  if (in_channels % group != 0 || w.d[0] % group != 0) {
    throw PluginError(
        plugin_, "field group", std::to_string(group),
        "it must divide the channels of x, " + std::to_string(in_channels) + ", and of y, " + std::to_string(w.d[0]));
  }
  require_dims(plugin_, "w", w, {w.d[0], geometry_.kernel[0], geometry_.kernel[1], in_channels / group},
               "output channels, kernel height, kernel width, channels of x / group");
}

void ConvShapes::check(Descriptions const& tensors, size_t prelu_values) const {
  require_inputs(plugin_, tensors.input_count, inputs_.count);
  cuda::ConvShape const shape = of(tensors.inputs);
  std::vector<int64_t> y = {shape.batch, shape.out_channels, shape.out_height, shape.out_width};
  if (channels_last_) y = {shape.batch, shape.out_height, shape.out_width, shape.out_channels};
  Dims const& y_prev = tensors.inputs[inputs_.y_prev].dims;
  require_dims(plugin_, "y_prev", y_prev, y, "the shape of the layer's output");
  if (inputs_.z >= 0) {
    require_dims(plugin_, "z", broadcast(tensors.inputs[inputs_.z].dims, y_prev), y,
                 "that of y_prev, or 1 where it broadcasts");
  }
  if (prelu_values > 0 && prelu_values != static_cast<size_t>(shape.out_channels)) {
    throw PluginError(plugin_, "the number of values of field alpha", std::to_string(prelu_values),
                      "prelu takes one per channel of y, " + std::to_string(shape.out_channels));
  }
  check_masks(tensors.inputs, shape);
  check_vectors(tensors.inputs, shape);
}

void ConvShapes::check_masks(PluginTensorDesc const* inputs, cuda::ConvShape const& shape) const {
  require_mask(plugin_, "mask_x", inputs[inputs_.mask_x].dims, shape.batch, shape.in_height, shape.in_width);
  for (auto const& [index, name] : {std::pair{inputs_.mask_z, "mask_z"}, std::pair{inputs_.gate, "gate"}}) {
    if (index >= 0) require_mask(plugin_, name, inputs[index].dims, shape.batch, shape.out_height, shape.out_width);
  }
  if (inputs_.pending >= 0) {
    require_dims(plugin_, "pending", inputs[inputs_.pending].dims, {shape.batch, 1, shape.out_height, shape.out_width},
                 "a mask of the output's size");
  }
}

void ConvShapes::check_vectors(PluginTensorDesc const* inputs, cuda::ConvShape const& shape) const {
  for (auto const& [index, name] : {std::pair{inputs_.b, "b"}, std::pair{inputs_.channel_weight, "channel_weight"}}) {
    if (index >= 0) require_dims(plugin_, name, inputs[index].dims, {shape.out_channels}, "one value per channel of y");
  }
}

void ConvShapes::infer(nvinfer1::DimsExprs const* inputs, nvinfer1::DimsExprs* outputs, int output_count,
                       nvinfer1::IExprBuilder& builder) const {
  nvinfer1::DimsExprs const& y_prev = inputs[inputs_.y_prev];
  require_rank(plugin_, "x", inputs[inputs_.x]);
  require_rank(plugin_, "y_prev", y_prev);
  Axes const at = axes(channels_last_);
  outputs[0] = y_prev;
  outputs[0].d[0] = inputs[inputs_.x].d[0];
  for (int mask = 1; mask < output_count; ++mask) {
    outputs[mask] = outputs[0];
    outputs[mask].d[1] = builder.constant(1);
    outputs[mask].d[2] = y_prev.d[at.height];
    outputs[mask].d[3] = y_prev.d[at.width];
  }
}

}  // namespace edgeskip::tensorrt
