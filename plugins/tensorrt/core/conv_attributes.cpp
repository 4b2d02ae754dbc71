// EdgeskipConv's attributes and the rules that bind them.
#include "core/choices.h"
#include "core/conv.h"
#include "core/conv_rules.h"

namespace edgeskip::tensorrt {
namespace {

void require_each_at_least(Attributes const& attributes, char const* name, int least) {
  for (int value : attributes.ints(name)) {
    attributes.require(value >= least, name, "each value must be " + std::to_string(least) + " or more");
  }
}

void check_presence(Attributes const& a) {
  for (char const* flag : {"has_bias", "has_residual", "has_residual_mask", "has_gate", "has_channel_weight",
                           "has_pending", "channels_last", "in_place"}) {
    require_flag(a, flag);
  }
  a.require(!a.flag("has_residual_mask") || a.flag("has_residual"), "has_residual_mask",
            "a residual mask needs a residual");
  a.require(a.flag("has_pending") == a.flag("has_gate"), "has_pending", "gate and pending come together");
}

void check_activation(Attributes const& a) {
  std::string const& kind = a.text("activation");
  if (kind == "clip" || kind == "leaky_relu" || kind == "hard_sigmoid") {
    a.require(a.floats("alpha").size() == 1, "alpha", "activation " + kind + " takes one value");
  }
  if (kind == "prelu") a.require(!a.floats("alpha").empty(), "alpha", "activation prelu takes one value per channel");
}

}  // namespace

AttributeTable const& conv_attributes() {
  static AttributeTable const table = {
      {"kernel_shape", 2, Ints{}, true},
      {"strides", 2, Ints{1, 1}},
      {"pads", 4, Ints{0, 0, 0, 0}},
      {"dilations", 2, Ints{1, 1}},
      {"group", 1, Ints{1}},
      {"activation", 1, "none", false, kActivations},
      {"alpha", kAnyLength, Floats{}},
      {"beta", 1, Floats{0}},
      {"threshold", 1, Floats{0}, true},
      {"norm", 1, "l2", false, kNorms},
      {"block", 1, Ints{1}},
      {"has_bias", 1, Ints{0}},
      {"has_residual", 1, Ints{0}},
      {"has_residual_mask", 1, Ints{0}},
      {"has_gate", 1, Ints{0}},
      {"has_channel_weight", 1, Ints{0}},
      {"has_pending", 1, Ints{0}},
      {"channels_last", 1, Ints{0}},
      {"in_place", 1, Ints{0}},
      {"x_scale", kAnyLength, Floats{}},
      {"w_scale", kAnyLength, Floats{}},
  };
  return table;
}

void check_conv_attributes(Attributes const& a) {
  require_each_at_least(a, "kernel_shape", 1);
  require_each_at_least(a, "strides", 1);
  require_each_at_least(a, "dilations", 1);
  require_each_at_least(a, "pads", 0);
  a.require(a.integer("group") >= 1, "group", "it must be 1 or more");
  a.require(a.number("threshold") >= 0, "threshold", "a threshold is 0 or more");
  int const block = a.integer("block");
  a.require(block == 1 || block == 2 || block == 4 || block == 8, "block", "it must be 1, 2, 4 or 8");
  for (char const* name : {"x_scale", "w_scale"}) {
    a.require(a.floats(name).empty(), name,
              "scales are reserved for INT8, which this version does not have: leave them out");
  }
  check_presence(a);
  check_activation(a);
}

cuda::ConvRules conv_rules(Attributes const& a) {
  cuda::ConvRules rules;
  cuda::activation_from_name(a.text("activation").c_str(), &rules.activation);
  cuda::norm_from_name(a.text("norm").c_str(), &rules.norm);
  rules.alpha = a.floats("alpha").empty() ? 0.0f : a.floats("alpha")[0];
  rules.beta = a.number("beta");
  rules.threshold = a.number("threshold");
  rules.block = a.integer("block");
  return rules;
}

cuda::ConvShape conv_geometry(Attributes const& a) {
  cuda::ConvShape shape;
  for (int axis = 0; axis < 2; ++axis) {
    shape.kernel[axis] = a.ints("kernel_shape")[axis];
    shape.strides[axis] = a.ints("strides")[axis];
    shape.dilations[axis] = a.ints("dilations")[axis];
  }
  for (int side = 0; side < 4; ++side) shape.pads[side] = a.ints("pads")[side];
  shape.group = a.integer("group");
  return shape;
}

}  // namespace edgeskip::tensorrt
