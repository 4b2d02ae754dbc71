// What a skip convolution may be: ids, sizes and channels fit, and the geometry gives y's size.
#include <algorithm>

#include "conv.h"

namespace edgeskip {

namespace {

Window kernel_window(const ConvSpec& spec) {
  Window window = spec.window;
  window.kernel[0] = spec.weight_shape[2];
  window.kernel[1] = spec.weight_shape[3];
  return window;
}

void check_shapes(const Check& check, const ConvSpec& spec) {
  const Plan& plan = check.plan();
  for (const int extent : spec.weight_shape) check.require(extent >= 1, "weight is empty");
  check.require(spec.group >= 1, "group must be at least 1: " + std::to_string(spec.group));
  const int grouped = spec.weight_shape[0];  // outputs, transposed: inputs
  check.require(grouped % spec.group == 0, "weight's first extent " + std::to_string(grouped) +
                                               " is no multiple of group " + std::to_string(spec.group));
  const GroupShape shape = group_shape(spec);
  check.channels("x", plan.channels_of(spec.x), shape.inputs * shape.groups);
  check.channels("y", plan.channels_of(spec.y), shape.outputs * shape.groups);
  const size_t outputs = static_cast<size_t>(shape.outputs) * shape.groups;
  check.require(spec.bias.empty() || spec.bias.size() == outputs,
                "bias has " + std::to_string(spec.bias.size()) + " values, expected " + std::to_string(outputs));
  check.require(spec.channel_weight.empty() || spec.channel_weight.size() == outputs,
                "channel_weight has " + std::to_string(spec.channel_weight.size()) + " values, expected " +
                    std::to_string(outputs));
  check.window(spec.window);
  const Size in = plan.size_of(spec.x), out = plan.size_of(spec.y);
  if (!spec.transposed) return check.size("y", out, Check::pooled(in, spec.window));
  // output_padding makes a transposed output larger, by less than the stride or the dilation (ONNX)
  for (int axis = 0; axis < 2; ++axis) {
    const int64_t smallest = int64_t{(axis ? in.width : in.height) - 1} * spec.window.strides[axis] +
                             int64_t{spec.window.kernel[axis] - 1} * spec.window.dilations[axis] + 1 -
                             spec.window.pads[axis] - spec.window.pads[axis + 2];
    const int64_t actual = axis ? out.width : out.height;
    const int64_t slack = std::max(spec.window.strides[axis], spec.window.dilations[axis]);
    check.require(actual >= smallest && actual < smallest + slack,
                  "y is " + std::to_string(actual) + (axis ? " wide" : " high") + ", expected " +
                      std::to_string(smallest) + " and output padding below " + std::to_string(slack));
  }
}

void check_scale(const Check& check, const ConvSpec& spec) {
  if (spec.scale == -1) return;
  check.tensor("scale", spec.scale);
  check.size("scale", check.plan().size_of(spec.scale), {1, 1});
  check.channels("scale", check.plan().channels_of(spec.scale), check.plan().channels_of(spec.x));
  const int* pads = spec.window.pads;
  const bool pointwise = spec.window.kernel[0] == 1 && spec.window.kernel[1] == 1 && !spec.transposed &&
                         std::all_of(pads, pads + 4, [](int pad) { return pad == 0; });
  check.require(pointwise, "scale needs a 1x1 kernel without padding");
}

void check_activated(const Check& check, const ConvSpec& spec) {
  if (spec.activated == -1) return;
  const Plan& plan = check.plan();
  check.tensor("activated", spec.activated);
  check.size("activated", plan.size_of(spec.activated), plan.size_of(spec.y));
  check.channels("activated", plan.channels_of(spec.activated), plan.channels_of(spec.y));
  check.activation(spec.function.kind, spec.function.alpha, plan.channels_of(spec.y), true);
  for (const int other : {spec.x, spec.y, spec.z, spec.scale})
    check.require(other == -1 || !plan.overlap(spec.activated, other), "activated and another tensor share channels");
}

void check_ids(const Check& check, const ConvSpec& spec) {
  check.tensor("x", spec.x);
  check.tensor("y", spec.y);
  check.mask_of("mask_x", spec.mask_x, spec.x);
  check.mask_of("mask_y", spec.mask_y, spec.y);
  check.apart("x", spec.x, spec.y);
  if (spec.z != -1) {
    check.tensor("z", spec.z);
    check.size("z", check.plan().size_of(spec.z), check.plan().size_of(spec.y));
    check.channels("z", check.plan().channels_of(spec.z), check.plan().channels_of(spec.y));
    check.apart("z", spec.z, spec.y);
  }
  if (spec.mask_z != -1) check.mask_of("mask_z", spec.mask_z, spec.y);
  check.require((spec.gate == -1) == (spec.pending == -1), "gate and pending go together");
  if (spec.gate == -1) return;
  check.mask_of("gate", spec.gate, spec.y);
  check.mask_of("pending", spec.pending, spec.y);
  for (const int other : {spec.mask_x, spec.mask_y, spec.mask_z, spec.gate})
    check.require(other != spec.pending, "pending is also another mask of this op");
}

}  // namespace

int add_conv(Plan& plan, const std::string& name, ConvSpec spec) {
  const Check check(plan, "add_conv", name);
  spec.window = kernel_window(spec);
  check_ids(check, spec);
  check_shapes(check, spec);
  check_scale(check, spec);
  check_activated(check, spec);
  check.activation(spec.activation.kind, spec.activation.alpha, plan.channels_of(spec.y), false);
  check.threshold("threshold", spec.threshold);
  check.norm(spec.norm);
  check.require(spec.block == 1 || spec.block == 2 || spec.block == 4 || spec.block == 8,
                "block must be 1, 2, 4 or 8: " + std::to_string(spec.block));
  if (spec.pending != -1) {
    const Size size = plan.size_of(spec.y);
    plan.mark_pending(spec.pending);
    spec.known = plan.add_mask(size.height, size.width);
  }
  MaskUse masks{{spec.mask_x}, {spec.mask_y}};
  if (spec.mask_z != -1) masks.reads.push_back(spec.mask_z);
  // pending pixels wait for the gate
  if (spec.gate != -1) masks.reads.push_back(spec.pending);
  // pixels that no input reaches are computed in every frame
  const Size in = plan.size_of(spec.x), out = plan.size_of(spec.y);
  if (spec.transposed && spec.gate == -1 && !unreached_pixels(in, out, spec.window).empty()) masks.reads.clear();
  const auto shared = std::make_shared<const ConvSpec>(std::move(spec));
  const auto build = [shared](const BuildContext& context) { return std::make_unique<ConvOperation>(context, shared); };
  return plan.add_operation(name, build, std::move(masks));
}

}  // namespace edgeskip
