#include "cases.h"

#include <algorithm>
#include <cmath>

namespace check {
namespace {

constexpr double kMargin = 2e-3;  // closer to the threshold than this, float16 sums may decide either way

ConvCase half_case(std::string name) {
  ConvCase layer;
  layer.name = std::move(name);
  return layer;
}

ConvRules rules(int kernel, int stride, std::string activation = "relu", float threshold = 0) {
  ConvRules result;
  for (int axis = 0; axis < 2; ++axis) result.kernel[axis] = kernel, result.strides[axis] = stride;
  for (int& pad : result.pads) pad = kernel / 2;
  result.activation = std::move(activation);
  result.threshold = threshold;
  return result;
}

void fill(std::vector<double>& values, int64_t count, double reach, bool half, Random& random) {
  values.resize(count);
  for (double& value : values) value = stored(random.uniform(-reach, reach), half);
}

}  // namespace

std::vector<ConvCase> conv_cases() {
  std::vector<ConvCase> all;
  auto const add = [&](char const* name, ConvRules const& of, auto change) {
    ConvCase layer = half_case(name);
    layer.rules = of;
    layer.seed = all.size() + 1;
    change(layer);
    all.push_back(layer);
  };
  auto const plain = [](ConvCase&) {};
  add("3x3", rules(3, 1), plain);
  add("3x3 threshold 0.3, blocks of 4", rules(3, 1, "silu", 0.3f), [](ConvCase& c) { c.block = 4; });
  add("1x1 l1", rules(1, 1, "leaky_relu", 0.2f), [](ConvCase& c) { c.rules.norm = "l1", c.rules.alpha = {0.1f}; });
  add("3x3 stride 2, three streams, linf", rules(3, 2, "hard_swish", 0.4f),
      [](ConvCase& c) { c.n = 3, c.rules.norm = "linf"; });
  add("5x5 dilation 2", rules(5, 1),
      [](ConvCase& c) { std::fill_n(c.rules.dilations, 2, 2), std::fill_n(c.rules.pads, 4, 4); });
  add("3 input channels", rules(3, 2), [](ConvCase& c) { c.in_channels = 3; });
  add("depthwise", rules(3, 1, "clip"),
      [](ConvCase& c) { c.in_channels = 32, c.rules.group = 32, c.rules.alpha = {0.0f}, c.rules.beta = 6.0f; });
  add("groups of 8", rules(3, 1), [](ConvCase& c) { c.rules.group = 2; });
  add("residual with mask, channel weights", rules(3, 1, "relu", 0.1f),
      [](ConvCase& c) { c.residual = c.channel_weight = true; });
  add("learned gate", rules(3, 1), [](ConvCase& c) { c.gate = true, c.block = 2; });
  add("prelu", rules(3, 1, "prelu"), [](ConvCase& c) {
    for (int o = 0; o < c.out_channels; ++o) c.rules.alpha.push_back(0.01f * o);
  });
  add("float32", rules(3, 1, "sigmoid", 0.05f), [](ConvCase& c) { c.half = false; });
  add("float32 planes", rules(3, 1, "tanh"), [](ConvCase& c) { c.half = c.channels_last = false, c.out_channels = 7; });
  add("float16 planes, gate and residual", rules(3, 1),
      [](ConvCase& c) { c.channels_last = false, c.gate = c.residual = true; });
  return all;
}

Size output_size(ConvCase const& layer) {
  ConvRules const& r = layer.rules;
  auto const count = [&](int size, int axis) {
    return (size + r.pads[axis] + r.pads[axis + 2] - r.dilations[axis] * (r.kernel[axis] - 1) - 1) / r.strides[axis] +
           1;
  };
  return {layer.n, count(layer.h, 0), count(layer.w, 1), layer.out_channels};
}

ConvInput first_input(ConvCase const& layer) {
  Random random(layer.seed);
  Size const out = output_size(layer);
  int const taps = layer.rules.kernel[0] * layer.rules.kernel[1], per_group = layer.in_channels / layer.rules.group;
  ConvInput input;
  input.out_channels = layer.out_channels;
  input.x = Picture({layer.n, layer.h, layer.w, layer.in_channels});
  input.y_prev = Picture(out, kUnknown);
  fill(input.w, int64_t{1} * layer.out_channels * taps * per_group, 2 / std::sqrt(1.0 * taps * per_group), layer.half,
       random);
  if (layer.bias) fill(input.bias, layer.out_channels, 0.5, false, random);
  if (layer.channel_weight) {
    fill(input.channel_weight, layer.out_channels, 1, false, random);
    for (double& value : input.channel_weight) value = std::abs(value);
  }
  if (layer.residual) input.z = Picture(out), input.mask_z = Mask(out.n, out.h, out.w);
  if (layer.gate) input.gate = Mask(out.n, out.h, out.w), input.pending = Mask(out.n, out.h, out.w, 1);
  input.mask_x = Mask(layer.n, layer.h, layer.w);
  return input;
}

void next_frame(ConvCase const& layer, int frame, ConvInput& input) {
  Random random(layer.seed * 1000 + frame);
  double const share = frame == 0 ? 1.0 : frame == 2 ? 0.0 : 0.1;
  auto const change = [&](Picture& picture, Mask& mask) {
    for (size_t pixel = 0; pixel < mask.bits.size(); ++pixel) {
      mask.bits[pixel] = random.chance(share);
      for (int c = 0; mask.bits[pixel] != 0 && c < picture.size.c; ++c) {
        picture.values[pixel * picture.size.c + c] = stored(random.uniform(-1, 1), layer.half);
      }
    }
  };
  change(input.x, input.mask_x);
  if (layer.residual) change(input.z, input.mask_z);
  for (int32_t& bit : input.gate.bits) bit = random.chance(0.5);
}

double largest_error(ConvOutput const& expected, Picture const& got, Mask const& mask, Mask const* pending_next) {
  double largest = 0;
  double const infinity = std::numeric_limits<double>::infinity();
  int const channels = got.size.c;
  for (size_t pixel = 0; pixel < mask.bits.size(); ++pixel) {
    if (pending_next != nullptr && pending_next->bits[pixel] != expected.pending_next.bits[pixel]) return infinity;
    if (expected.margin[pixel] < kMargin) continue;
    if (mask.bits[pixel] != expected.mask.bits[pixel]) return infinity;
    for (int c = 0; c < channels; ++c) {
      double const is = got.values[pixel * channels + c], should = expected.y.values[pixel * channels + c];
      if (std::isnan(is) != std::isnan(should)) return infinity;
      if (!std::isnan(is)) largest = std::max(largest, std::abs(is - should) / (1 + std::abs(should)));
    }
  }
  return largest;
}

}  // namespace check
