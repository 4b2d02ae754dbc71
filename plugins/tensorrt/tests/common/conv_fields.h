// EdgeskipConv's attributes and inputs of one case, as the host and the harness hand them over.
#pragma once

#include "cases.h"

namespace check {

// Calls `ints(name, values)`, `floats(name, values)` or `text(name, value)` for each attribute.
template <typename OnInts, typename OnFloats, typename OnText>
void for_attributes(ConvCase const& layer, OnInts ints, OnFloats floats, OnText text) {
  using Ints = std::vector<int32_t>;
  ConvRules const& r = layer.rules;
  ints("kernel_shape", Ints(r.kernel, r.kernel + 2));
  ints("strides", Ints(r.strides, r.strides + 2));
  ints("pads", Ints(r.pads, r.pads + 4));
  ints("dilations", Ints(r.dilations, r.dilations + 2));
  ints("group", Ints{r.group});
  ints("block", Ints{layer.block});
  ints("channels_last", Ints{layer.channels_last});
  ints("has_bias", Ints{layer.bias});
  ints("has_residual", Ints{layer.residual});
  ints("has_residual_mask", Ints{layer.residual});
  ints("has_gate", Ints{layer.gate});
  ints("has_pending", Ints{layer.gate});
  ints("has_channel_weight", Ints{layer.channel_weight});
  floats("threshold", std::vector<float>{r.threshold});
  floats("beta", std::vector<float>{r.beta});
  if (!r.alpha.empty()) floats("alpha", r.alpha);
  text("activation", r.activation);
  text("norm", r.norm);
}

// Calls `add(name, present)` for each input in the plugin's order.
template <typename Add>
void for_inputs(ConvCase const& layer, Add add) {
  add("x", true);
  add("mask_x", true);
  add("w", true);
  add("b", layer.bias);
  add("z", layer.residual);
  add("mask_z", layer.residual);
  add("gate", layer.gate);
  add("channel_weight", layer.channel_weight);
  add("y_prev", true);
  add("pending", layer.gate);
}

inline std::vector<int64_t> dimensions(Size const& s, bool channels_last) {
  return channels_last ? std::vector<int64_t>{s.n, s.h, s.w, s.c} : std::vector<int64_t>{s.n, s.c, s.h, s.w};
}

// Dimensions of an input by its name.
inline std::vector<int64_t> input_dimensions(ConvCase const& layer, std::string const& name) {
  Size const out = output_size(layer);
  if (name == "x") return dimensions({layer.n, layer.h, layer.w, layer.in_channels}, layer.channels_last);
  if (name == "mask_x") return {layer.n, 1, layer.h, layer.w};
  if (name == "w") return {out.c, layer.rules.kernel[0], layer.rules.kernel[1], layer.in_channels / layer.rules.group};
  if (name == "b" || name == "channel_weight") return {out.c};
  if (name == "z" || name == "y_prev") return dimensions(out, layer.channels_last);
  return {out.n, 1, out.h, out.w};
}

enum class Type { picture, single, mask };
inline Type input_type(std::string const& name) {
  if (name == "b" || name == "channel_weight") return Type::single;
  return name == "x" || name == "w" || name == "z" || name == "y_prev" ? Type::picture : Type::mask;
}

}  // namespace check
