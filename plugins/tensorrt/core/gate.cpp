#include "core/gate.h"

#include <limits>

#include "core/choices.h"
#include "core/tensors.h"
#include "edgeskip/gate.h"

namespace edgeskip::tensorrt {
namespace {

using nvinfer1::DataType;

enum : int { kX, kRef, kY, kMask };  // kY and kMask: as positions among all tensors

class GateOperation final : public Operation {
 public:
  explicit GateOperation(Attributes given) : Operation(std::move(given)) {
    auto const& a = attributes();
    a.require(a.number("threshold") >= 0, "threshold", "a threshold is 0 or more");
    a.require(a.number("threshold_signed") >= 0, "threshold_signed", "a threshold is 0 or more");
    int const window = a.integer("window");
    a.require(window >= 1 && window % 2 == 1 && window <= cuda::kLargestWindow, "window",
              "it must be an odd number up to " + std::to_string(cuda::kLargestWindow));
    require_flag(a, "channels_last");
    channels_last_ = a.flag("channels_last");
    rules_.threshold = a.number("threshold");
    rules_.threshold_signed = a.number("threshold_signed");
    rules_.window = window;
    cuda::norm_from_name(a.text("norm").c_str(), &rules_.norm);
  }

  int output_count() const override { return 2; }
  DataType output_type(int output, DataType const* inputs, int) const override {
    return output == 0 ? inputs[kX] : DataType::kINT32;
  }

  void output_shapes(nvinfer1::DimsExprs const* inputs, int input_count, nvinfer1::DimsExprs* outputs,
                     nvinfer1::IExprBuilder& builder) const override {
    require_inputs(plugin(), input_count, 2);
    require_rank(plugin(), "x", inputs[kX]);
    Axes const at = axes(channels_last_);
    outputs[0] = inputs[kX];
    outputs[1] = inputs[kX];
    outputs[1].d[1] = builder.constant(1);
    outputs[1].d[2] = inputs[kX].d[at.height];
    outputs[1].d[3] = inputs[kX].d[at.width];
  }

  bool supports(int position, TensorKind const* tensors, int) const override {
    TensorKind const& tensor = tensors[position];
    if (position == kMask) return is_mask(tensor);
    if (position == kY) return tensor.type == tensors[kX].type && tensor.format == tensors[kRef].format;
    return is_picture(tensor, channels_last_) && tensor.type == tensors[kX].type;
  }

  void check(Descriptions const& tensors) const override {
    require_inputs(plugin(), tensors.input_count, 2);
    auto const& x = tensors.inputs[kX].dims;
    require_picture(plugin(), "x", x);
    require_dims(plugin(), "ref", tensors.inputs[kRef].dims, {x.d[0], x.d[1], x.d[2], x.d[3]}, "the shape of x");
  }

  size_t workspace_bytes(Descriptions const&) const override { return 0; }

  void enqueue(Call const& call) const override {
    PictureSize const size = picture_size(call.tensors.inputs[kX].dims, channels_last_);
    cuda::GateShape const shape{static_cast<int>(size.streams), static_cast<int>(size.height),
                                static_cast<int>(size.width), static_cast<int>(size.channels)};
    cuda::GateRules rules = rules_;
    rules.type = element_type(call.tensors.inputs[kX].type);
    auto const view = [&](char const* name, nvinfer1::PluginTensorDesc const& tensor, void const* data) {
      return view_of(plugin(), name, tensor, data, channels_last_, size);
    };
    cuda::GateBuffers buffers;
    buffers.x = view("x", call.tensors.inputs[kX], call.inputs[kX]);
    buffers.ref = view("ref", call.tensors.inputs[kRef], call.inputs[kRef]);
    buffers.y = view("y", call.tensors.outputs[0], call.outputs[0]);
    buffers.mask = static_cast<int32_t*>(call.outputs[1]);
    require_ok(plugin(), cuda::launch_gate(shape, rules, buffers, call.stream));
  }

  int state_input_of(int output) const override { return output == 0 ? kRef : -1; }

 private:
  cuda::GateRules rules_;
  bool channels_last_ = false;
};

}  // namespace

AttributeTable const& gate_attributes() {
  static AttributeTable const table = {
      {"threshold", 1, Floats{0}, true}, {"threshold_signed", 1, Floats{std::numeric_limits<float>::infinity()}},
      {"norm", 1, "l2", false, kNorms},  {"window", 1, Ints{1}},
      {"channels_last", 1, Ints{0}},
  };
  return table;
}

OperationPointer make_gate(Attributes attributes) { return std::make_shared<GateOperation>(std::move(attributes)); }

}  // namespace edgeskip::tensorrt
