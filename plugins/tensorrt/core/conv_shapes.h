// The sizes of EdgeskipConv's tensors.
#pragma once

#include "core/conv_inputs.h"
#include "core/operation.h"
#include "edgeskip/conv.h"

namespace edgeskip::tensorrt {

class ConvShapes {
 public:
  ConvShapes(cuda::ConvShape geometry, ConvInputs inputs, bool channels_last, std::string plugin)
      : geometry_(geometry), inputs_(inputs), channels_last_(channels_last), plugin_(std::move(plugin)) {}

  // The layer's sizes from those of x, w and the attributes. Raises PluginError where they do not fit.
  cuda::ConvShape of(nvinfer1::PluginTensorDesc const* inputs) const;

  // Raises PluginError where an input's shape does not follow from those of x and w. `prelu_values`: of alpha, 0
  // without.
  void check(Descriptions const& tensors, size_t prelu_values) const;

  // y as y_prev, the masks from y_prev's height and width.
  void infer(nvinfer1::DimsExprs const* inputs, nvinfer1::DimsExprs* outputs, int output_count,
             nvinfer1::IExprBuilder& builder) const;

 private:
  void check_w(nvinfer1::PluginTensorDesc const* inputs, int64_t in_channels) const;
  void check_masks(nvinfer1::PluginTensorDesc const* inputs, cuda::ConvShape const& shape) const;
  void check_vectors(nvinfer1::PluginTensorDesc const* inputs, cuda::ConvShape const& shape) const;

  cuda::ConvShape geometry_;
  ConvInputs inputs_;
  bool channels_last_;
  std::string plugin_;
};

}  // namespace edgeskip::tensorrt
