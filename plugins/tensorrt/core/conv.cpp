#include "core/conv.h"

#include "core/choices.h"
#include "core/conv_inputs.h"
#include "core/conv_rules.h"
#include "core/conv_shapes.h"
#include "core/tensors.h"

namespace edgeskip::tensorrt {
namespace {

using nvinfer1::DataType;
using nvinfer1::TensorFormat;

class ConvOperation final : public Operation {
 public:
  explicit ConvOperation(Attributes given)
      : Operation(std::move(given)),
        inputs_(attributes()),
        rules_(conv_rules(attributes())),
        channels_last_(attributes().flag("channels_last")),
        in_place_(attributes().flag("in_place")),
        shapes_(conv_geometry(attributes()), inputs_, channels_last_, plugin()) {}

  int output_count() const override { return inputs_.pending >= 0 ? 3 : 2; }
  DataType output_type(int output, DataType const* inputs, int) const override {
    return output == 0 ? inputs[inputs_.x] : DataType::kINT32;
  }

  void output_shapes(nvinfer1::DimsExprs const* inputs, int input_count, nvinfer1::DimsExprs* outputs,
                     nvinfer1::IExprBuilder& builder) const override {
    require_inputs(plugin(), input_count, inputs_.count);
    shapes_.infer(inputs, outputs, output_count(), builder);
  }

  bool supports(int position, TensorKind const* tensors, int) const override {
    TensorKind const& tensor = tensors[position];
    TensorKind const& x = tensors[inputs_.x];
    if (position == inputs_.x || position == inputs_.z)
      return is_picture(tensor, channels_last_) && tensor.type == x.type;
    if (position == inputs_.w) return is_linear(tensor, x.type);
    if (position == inputs_.b || position == inputs_.channel_weight) return is_linear(tensor, DataType::kFLOAT);
    if (position == inputs_.y_prev) return is_state(tensor) && tensor.type == x.type;
    if (position != inputs_.count) return is_mask(tensor);
    return tensor.type == x.type && tensor.format == tensors[inputs_.y_prev].format;  // y lies as y_prev
  }

  void check(Descriptions const& tensors) const override { shapes_.check(tensors, device_constants().size()); }

  size_t workspace_bytes(Descriptions const& tensors) const override {
    return cuda::conv_workspace_bytes(shapes_.of(tensors.inputs), rules_for(tensors), inputs_.channel_weight >= 0);
  }

  void enqueue(Call const& call) const override {
    cuda::ConvShape const shape = shapes_.of(call.tensors.inputs);
    cuda::ConvRules const rules = rules_for(call.tensors);
    cuda::ConvBuffers const buffers = buffers_of(call, shape);
    size_t const bytes = cuda::conv_workspace_bytes(shape, rules, inputs_.channel_weight >= 0);
    require_ok(plugin(), cuda::launch_conv(shape, rules, buffers, call.workspace, bytes, call.stream));
  }

  std::vector<float> device_constants() const override {
    return rules_.activation == cuda::Activation::prelu ? attributes().floats("alpha") : std::vector<float>{};
  }

  int state_input_of(int output) const override {
    return output == 0 ? inputs_.y_prev : output == 2 ? inputs_.pending : -1;
  }

 private:
  // State that is updated in place must be bound as it is: LINEAR, so that TensorRT puts no copy between.
  bool is_state(TensorKind const& tensor) const {
    return is_picture(tensor, channels_last_) && (!in_place_ || tensor.format == TensorFormat::kLINEAR);
  }

  cuda::ConvRules rules_for(Descriptions const& tensors) const {
    cuda::ConvRules rules = rules_;
    rules.type = element_type(tensors.inputs[inputs_.x].type);
    return rules;
  }

  cuda::ConvBuffers buffers_of(Call const& call, cuda::ConvShape const& shape) const {
    PictureSize const in{shape.batch, shape.in_channels, shape.in_height, shape.in_width};
    PictureSize const out{shape.batch, shape.out_channels, shape.out_height, shape.out_width};
    auto const* tensors = call.tensors.inputs;
    auto const picture = [&](int index, char const* name, PictureSize const& size) {
      return index < 0 ? cuda::TensorView{}
                       : view_of(plugin(), name, tensors[index], call.inputs[index], channels_last_, size);
    };
    auto const mask = [&](int index) {
      return index < 0 ? cuda::MaskView{} : mask_view(tensors[index], call.inputs[index]);
    };
    auto const vector = [&](int index) { return index < 0 ? nullptr : static_cast<float const*>(call.inputs[index]); };
    cuda::ConvBuffers buffers;
    buffers.x = picture(inputs_.x, "x", in);
    buffers.mask_x = mask(inputs_.mask_x);
    buffers.w = call.inputs[inputs_.w];
    buffers.bias = vector(inputs_.b);
    buffers.z = picture(inputs_.z, "z", out);
    buffers.mask_z = mask(inputs_.mask_z);
    buffers.gate = mask(inputs_.gate);
    buffers.channel_weight = vector(inputs_.channel_weight);
    buffers.prelu_alpha = call.constants;
    buffers.y_prev = picture(inputs_.y_prev, "y_prev", out);
    if (inputs_.pending >= 0) {
      buffers.pending = static_cast<int32_t const*>(call.inputs[inputs_.pending]);
      buffers.pending_next = static_cast<int32_t*>(call.outputs[2]);
    }
    buffers.y = view_of(plugin(), "y", call.tensors.outputs[0], call.outputs[0], channels_last_, out);
    buffers.mask_y = static_cast<int32_t*>(call.outputs[1]);
    return buffers;
  }

  ConvInputs inputs_;
  cuda::ConvRules rules_;
  bool channels_last_, in_place_;
  ConvShapes shapes_;
};

}  // namespace

OperationPointer make_conv(Attributes attributes) {
  check_conv_attributes(attributes);
  return std::make_shared<ConvOperation>(std::move(attributes));
}

}  // namespace edgeskip::tensorrt
