#include "reference.h"

#include <algorithm>
#include <cmath>

namespace check {
namespace {

double sigmoid(double value) { return 1 / (1 + std::exp(-value)); }

double clamp(double value, double low, double high) { return std::min(std::max(value, low), high); }

double activate(ConvRules const& rules, double value, int channel) {
  std::string const& kind = rules.activation;
  if (kind == "relu") return std::max(value, 0.0);
  if (kind == "clip") return clamp(value, rules.alpha[0], rules.beta);
  if (kind == "leaky_relu") return value < 0 ? rules.alpha[0] * value : value;
  if (kind == "prelu") return value < 0 ? rules.alpha[channel] * value : value;
  if (kind == "silu") return value * sigmoid(value);
  if (kind == "hard_swish") return value * clamp(value / 6 + 0.5, 0, 1);
  if (kind == "hard_sigmoid") return clamp(rules.alpha[0] * value + rules.beta, 0, 1);
  if (kind == "sigmoid") return sigmoid(value);
  return kind == "tanh" ? std::tanh(value) : value;
}

// Calls `visit(tap, y, x)` for each tap of the window at an output position that lies in the input.
template <typename Visit>
void for_taps(ConvRules const& r, Size const& in, int y, int x, Visit visit) {
  for (int row = 0; row < r.kernel[0]; ++row) {
    for (int column = 0; column < r.kernel[1]; ++column) {
      int const at_y = y * r.strides[0] - r.pads[0] + row * r.dilations[0];
      int const at_x = x * r.strides[1] - r.pads[1] + column * r.dilations[1];
      if (at_y >= 0 && at_y < in.h && at_x >= 0 && at_x < in.w) visit(row * r.kernel[1] + column, at_y, at_x);
    }
  }
}

double convolved(ConvRules const& r, ConvInput const& in, int n, int y, int x, int o) {
  int const per_group = in.x.size.c / r.group, taps = r.kernel[0] * r.kernel[1];
  int const first = o / (in.out_channels / r.group) * per_group;
  double sum = in.bias.empty() ? 0 : in.bias[o];
  for_taps(r, in.x.size, y, x, [&](int tap, int at_y, int at_x) {
    for (int c = 0; c < per_group; ++c) {
      sum += in.x.at(n, at_y, at_x, first + c) * in.w[(int64_t{o} * taps + tap) * per_group + c];
    }
  });
  if (in.z.size.c > 0) sum += in.z.at(n, y, x, o);
  return activate(r, sum, o);
}

bool unknown(Picture const& picture, int n, int y, int x) {
  for (int c = 0; c < picture.size.c; ++c) {
    if (std::isnan(picture.at(n, y, x, c))) return true;
  }
  return false;
}

void compute_pixel(ConvRules const& r, ConvInput const& in, bool half, int n, int y, int x, ConvOutput& out) {
  std::vector<double> values(in.out_channels), change(in.out_channels);
  for (int o = 0; o < in.out_channels; ++o) {
    values[o] = stored(convolved(r, in, n, y, x, o), half);
    change[o] = (values[o] - in.y_prev.at(n, y, x, o)) * (in.channel_weight.empty() ? 1 : in.channel_weight[o]);
  }
  double const norm = channel_norm(r.norm, change);
  out.margin[(int64_t{n} * out.mask.h + y) * out.mask.w + x] =
      std::isnan(norm) || std::isinf(r.threshold) ? 1 : std::abs(norm - r.threshold) / (1 + r.threshold);
  if (norm <= r.threshold) return;
  out.mask.at(n, y, x) = 1;
  for (int o = 0; o < in.out_channels; ++o) out.y.at(n, y, x, o) = values[o];
}

}  // namespace

double channel_norm(std::string const& kind, std::vector<double> const& difference) {
  double sum = 0, largest = 0;
  for (double value : difference) {
    sum += kind == "l2" ? value * value : std::abs(value);
    largest = std::isnan(value) ? value : std::max(largest, std::abs(value));
  }
  double const mean = sum / static_cast<double>(difference.size());
  if (kind == "linf") return std::isnan(sum) ? sum : largest;
  return kind == "l2" ? std::sqrt(mean) : mean;
}

ConvOutput conv_reference(ConvRules const& r, ConvInput const& in, bool half) {
  Size const size = in.y_prev.size;
  ConvOutput out{in.y_prev, Mask(size.n, size.h, size.w), Mask(size.n, size.h, size.w), {}};
  out.margin.assign(out.mask.bits.size(), 1);
  for (int n = 0; n < size.n; ++n) {
    for (int y = 0; y < size.h; ++y) {
      for (int x = 0; x < size.w; ++x) {
        bool candidate = in.mask_z.n > 0 && in.mask_z.at(n, y, x) != 0;
        for_taps(r, in.x.size, y, x, [&](int, int at_y, int at_x) { candidate |= in.mask_x.at(n, at_y, at_x) != 0; });
        bool active = candidate;
        if (in.gate.n > 0) {
          bool const wanted = candidate || in.pending.at(n, y, x) != 0;
          active = wanted && (in.gate.at(n, y, x) != 0 || unknown(in.y_prev, n, y, x));
          out.pending_next.at(n, y, x) = wanted && !active;
        }
        if (active) compute_pixel(r, in, half, n, y, x, out);
      }
    }
  }
  return out;
}

ConvOutput gate_reference(GateRules const& rules, Picture const& x, Picture const& ref) {
  Size const size = x.size;
  ConvOutput out{ref, Mask(size.n, size.h, size.w), {}, {}};
  out.margin.assign(out.mask.bits.size(), 1);
  int const reach = rules.window / 2;
  for (int64_t pixel = 0; pixel < static_cast<int64_t>(out.mask.bits.size()); ++pixel) {
    int const n = pixel / (int64_t{size.h} * size.w), y = pixel / size.w % size.h, at = pixel % size.w;
    double texture = 0;
    int inside = 0;
    std::vector<double> mean(size.c, 0), difference(size.c);
    for (int row = std::max(0, y - reach); row <= std::min(size.h - 1, y + reach); ++row) {
      for (int column = std::max(0, at - reach); column <= std::min(size.w - 1, at + reach); ++column, ++inside) {
        for (int c = 0; c < size.c; ++c) {
          difference[c] = x.at(n, row, column, c) - ref.at(n, row, column, c);
          mean[c] += difference[c];
        }
        texture += channel_norm(rules.norm, difference);
      }
    }
    for (double& value : mean) value /= inside;
    texture /= inside;
    double const with_sign = channel_norm(rules.norm, mean);
    double const margin = std::min(std::abs(texture - rules.threshold), std::abs(with_sign - rules.threshold_signed));
    out.margin[pixel] = std::isnan(margin) ? 1 : margin / (1 + rules.threshold);
    if (texture <= rules.threshold && with_sign <= rules.threshold_signed) continue;
    out.mask.bits[pixel] = 1;
    for (int c = 0; c < size.c; ++c) out.y.at(n, y, at, c) = x.at(n, y, at, c);
  }
  return out;
}

}  // namespace check
