// docs/contract.md, SkipConv, in float64 and with nothing but loops.
#include <cmath>
#include <sstream>

#include "base/geometry.h"
#include "tests/common/conv_case.h"

namespace edgeskip::cuda {

namespace {

double sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }
double unit(double x) { return x < 0.0 ? 0.0 : x > 1.0 ? 1.0 : x; }

double activated(const ConvCase& c, const ConvData& d, int channel, double x) {
  const double alpha = c.rules.alpha, beta = c.rules.beta;
  switch (c.rules.activation) {
    case Activation::none: return x;
    case Activation::relu: return x < 0.0 ? 0.0 : x;
    case Activation::clip: return x < alpha ? alpha : x > beta ? beta : x;
    case Activation::leaky_relu: return x < 0.0 ? alpha * x : x;
    case Activation::prelu: return x < 0.0 ? d.prelu_alpha[channel] * x : x;
    case Activation::silu: return x * sigmoid(x);
    case Activation::hard_swish: return x * unit(x / 6.0 + 0.5);
    case Activation::hard_sigmoid: return unit(alpha * x + beta);
    case Activation::sigmoid: return sigmoid(x);
    case Activation::tanh: return std::tanh(x);
  }
  return x;
}

double rounded(ElementType type, double value) {
  const float single = static_cast<float>(value);
  return type == ElementType::float16 ? to_float(to_half(single)) : single;
}

struct InputTap {
  int64_t x, w;  // elements, of the group's first channel and of output channel 0
};

std::vector<InputTap> taps_of(const ConvCase& c, const ConvData& d, Pixel p) {
  const ConvShape& s = c.shape;
  std::vector<InputTap> taps;
  for (int ky = 0; ky < s.kernel[0]; ++ky)
    for (int kx = 0; kx < s.kernel[1]; ++kx) {
      const int y = p.y * s.strides[0] - s.pads[0] + ky * s.dilations[0];
      const int x = p.x * s.strides[1] - s.pads[1] + kx * s.dilations[1];
      if (y < 0 || y >= s.in_height || x < 0 || x >= s.in_width) continue;
      taps.push_back({pixel_offset(d.x.view, s.in_width, {p.picture, y, x}),
                      int64_t{ky * s.kernel[1] + kx} * (s.in_channels / s.group)});
    }
  return taps;
}

bool is_candidate(const ConvCase& c, const ConvData& d, Pixel p) {
  const ConvShape& s = c.shape;
  for (int ky = 0; ky < s.kernel[0]; ++ky)
    for (int kx = 0; kx < s.kernel[1]; ++kx) {
      const int y = p.y * s.strides[0] - s.pads[0] + ky * s.dilations[0];
      const int x = p.x * s.strides[1] - s.pads[1] + kx * s.dilations[1];
      if (y < 0 || y >= s.in_height || x < 0 || x >= s.in_width) continue;
      if (d.mask_x[c.broadcast_mask ? p.picture : (p.picture * s.in_height + y) * s.in_width + x]) return true;
    }
  return c.mask_z && d.mask_z[pixel_index(s.out_height, s.out_width, p)];
}

double norm_of(const ConvCase& c, const ConvData& d, const double* yhat, int64_t before) {
  double sum = 0.0, largest = 0.0;
  for (int k = 0; k < c.shape.out_channels; ++k) {
    double difference = rounded(c.rules.type, yhat[k]) - d.y_prev.get(before + k * d.y_prev.view.channel_stride);
    if (c.channel_weight) difference *= d.channel_weight[k];
    sum += c.rules.norm == Norm::l2 ? difference * difference : std::fabs(difference);
    largest = std::isnan(difference) || std::isnan(largest) ? NAN : std::max(largest, std::fabs(difference));
  }
  if (c.rules.norm == Norm::linf) return largest;
  const double mean = sum / c.shape.out_channels;
  return c.rules.norm == Norm::l2 ? std::sqrt(mean) : mean;
}

bool unknown(const ConvCase& c, const ConvData& d, int64_t at) {
  for (int k = 0; k < c.shape.out_channels; ++k)
    if (std::isnan(d.y_prev.get(at + k * d.y_prev.view.channel_stride))) return true;
  return false;
}

void evaluate_pixel(const ConvCase& c, const ConvData& d, Pixel p, double* yhat) {
  const ConvShape& s = c.shape;
  const std::vector<InputTap> taps = taps_of(c, d, p);
  const int inputs = s.in_channels / s.group, outputs = s.out_channels / s.group;
  const int64_t depth = int64_t{s.kernel[0]} * s.kernel[1] * inputs;
  std::vector<double> x;
  x.reserve(taps.size() * s.in_channels);
  for (const InputTap& tap : taps)
    for (int k = 0; k < s.in_channels; ++k) x.push_back(d.x.get(tap.x + k * d.x.view.channel_stride));
  for (int o = 0; o < s.out_channels; ++o) {
    double sum = c.bias ? d.bias[o] : 0.0;
    for (size_t t = 0; t < taps.size(); ++t)
      for (int k = 0; k < inputs; ++k)
        sum += x[t * s.in_channels + o / outputs * inputs + k] * d.w.get(o * depth + taps[t].w + k);
    if (c.residual) sum += d.z.get(pixel_offset(d.z.view, s.out_width, p) + o * d.z.view.channel_stride);
    yhat[o] = activated(c, d, o, sum);
  }
}

}  // namespace

ConvExpectation conv_expectation(const ConvCase& c, const ConvData& d) {
  const ConvShape& s = c.shape;
  const int64_t pixels = int64_t{s.batch} * s.out_height * s.out_width;
  ConvExpectation e;
  e.yhat.resize(static_cast<size_t>(pixels * s.out_channels));
  e.active.resize(static_cast<size_t>(pixels)), e.norm.resize(static_cast<size_t>(pixels));
  for (int64_t i = 0; i < pixels; ++i) {
    const Pixel p = pixel_at(s.out_height, s.out_width, static_cast<int>(i));
    evaluate_pixel(c, d, p, &e.yhat[i * s.out_channels]);
    const int64_t before = pixel_offset(d.y_prev.view, s.out_width, p);
    e.norm[i] = norm_of(c, d, &e.yhat[i * s.out_channels], before);
    const bool candidate = is_candidate(c, d, p) || (c.pending && d.pending[i]);
    e.active[i] = candidate && (!c.gate || d.gate[i] || unknown(c, d, before));
  }
  return e;
}

double conv_tolerance(ElementType type) { return type == ElementType::float16 ? 1e-3 : 1e-5; }

ConvErrors compare_conv(const ConvCase& c, const ConvData& before, const ConvData& after) {
  const ConvShape& s = c.shape;
  const ConvExpectation e = conv_expectation(c, before);
  const HostTensor& y = c.in_place ? after.y_prev : after.y;
  ConvErrors errors;
  double largest = 0.0;
  for (const double value : e.yhat) largest = std::max(largest, std::fabs(value));
  const double margin = 4e-3 * largest;  // within it rounding may decide
  for (size_t i = 0; i < e.active.size(); ++i) {
    const Pixel p = pixel_at(s.out_height, s.out_width, static_cast<int>(i));
    const int64_t at = pixel_offset(y.view, s.out_width, p);
    const bool published = after.mask_y[i] == 1;
    bool wrong = after.mask_y[i] != 0 && !published;
    if (published && !e.active[i]) wrong = true;
    if (e.active[i] && published != !(e.norm[i] <= c.rules.threshold))
      wrong = wrong || !(std::fabs(e.norm[i] - c.rules.threshold) <= margin);
    const bool wanted = is_candidate(c, before, p) || (c.pending && before.pending[i]);
    if (c.gate) wrong = wrong || after.pending_next[i] != (wanted && !e.active[i]);
    for (int k = 0; k < s.out_channels; ++k) {
      const int64_t element = at + k * y.view.channel_stride;
      const double value = y.get(element), old = before.y_prev.get(element);
      if (!published) {
        wrong = wrong || !(value == old || (std::isnan(value) && std::isnan(old)));
        continue;
      }
      const double error = std::fabs(value - e.yhat[i * s.out_channels + k]) / largest;
      errors.relative = error <= errors.relative ? errors.relative : error;
    }
    errors.published += published;
    if (wrong && errors.wrong++ == 0) {
      std::ostringstream text;
      text << "pixel " << p.picture << "," << p.y << "," << p.x << ": mask " << after.mask_y[i] << " active "
           << int{e.active[i]} << " norm " << e.norm[i];
      errors.first = text.str();
    }
  }
  return errors;
}

}  // namespace edgeskip::cuda
