// Eight channels of a pixel at a time: loads, stores, norms and activations of a layer's results.
#pragma once

#include "base/element.h"
#include "edgeskip/conv.h"
#include "edgeskip/tensor.h"
#include "kernels/conv/args.h"

namespace edgeskip::cuda {

template <class T>
EDGESKIP_HD void load_vectors(const T* from, float (&out)[8]) {
  constexpr int per_vector = Element<T>::per_vector;
  EDGESKIP_UNROLL
  for (int v = 0; v < 8 / per_vector; ++v) {
    T values[per_vector];
    const Vector16 vector = reinterpret_cast<const Vector16*>(from)[v];
    std::memcpy(values, &vector, sizeof vector);
    EDGESKIP_UNROLL
    for (int i = 0; i < per_vector; ++i) out[v * per_vector + i] = to_float(values[i]);
  }
}

template <class T>
EDGESKIP_HD void store_vectors(T* to, const float (&in)[8]) {
  constexpr int per_vector = Element<T>::per_vector;
  EDGESKIP_UNROLL
  for (int v = 0; v < 8 / per_vector; ++v) {
    T values[per_vector];
    EDGESKIP_UNROLL
    for (int i = 0; i < per_vector; ++i) values[i] = Element<T>::from_float(in[v * per_vector + i]);
    Vector16 vector;
    std::memcpy(&vector, values, sizeof vector);
    reinterpret_cast<Vector16*>(to)[v] = vector;
  }
}

// Channels from `offset` on, `count` of them (zeros behind); 16 bytes at a time where `vectors` says that they may be.
template <class T>
EDGESKIP_HD void load_run(const TensorView& view, int64_t offset, int count, bool vectors, float (&out)[8]) {
  const T* data = static_cast<const T*>(view.data);
  if (vectors && count == 8) return load_vectors(data + offset, out);
  EDGESKIP_UNROLL
  for (int c = 0; c < 8; ++c) out[c] = c < count ? to_float(data[offset + c * view.channel_stride]) : 0.0f;
}

template <class T>
EDGESKIP_HD void store_run(const TensorView& view, int64_t offset, int count, bool vectors, const float (&in)[8]) {
  T* data = static_cast<T*>(view.data);
  if (vectors && count == 8) return store_vectors(data + offset, in);
  EDGESKIP_UNROLL
  for (int c = 0; c < 8; ++c)
    if (c < count) data[offset + c * view.channel_stride] = Element<T>::from_float(in[c]);
}

// of float arrays by channel; null: `missing`
EDGESKIP_HD void load_floats(const float* values, int channel, int count, float missing, float (&out)[8]) {
  EDGESKIP_UNROLL
  for (int c = 0; c < 8; ++c) out[c] = values && c < count ? values[channel + c] : missing;
}

// Running sum (linf: maximum) of magnitudes; a NaN stays.
EDGESKIP_HD float norm_add(Norm norm, float sum, float magnitude) {
  if (norm == Norm::linf) return magnitude <= sum || sum != sum ? sum : magnitude;
  return sum + magnitude;
}

EDGESKIP_HD float norm_term(Norm norm, float difference) {
  return norm == Norm::l2 ? difference * difference : fabsf(difference);
}

EDGESKIP_HD float norm_result(Norm norm, float sum, int channels) {
  if (norm == Norm::linf) return sum;
  const float mean = sum / static_cast<float>(channels);
  return norm == Norm::l2 ? sqrtf(mean) : mean;
}

// Not less or equal, so that NaN exceeds.
EDGESKIP_HD bool exceeds(float value, float threshold) { return !(value <= threshold); }

EDGESKIP_HD ActivationArgs activation_args(Activation kind, float alpha, float beta, const float* prelu_alpha) {
  const float infinity = float_of(0x7f800000u);
  ActivationArgs a = {ActivationFamily::line, 1.0f, -infinity, infinity, 0.0f, 1.0f, 0.0f, nullptr};
  const auto family = [&](ActivationFamily value, float slope, float p, float q, float shift) {
    a.family = value, a.slope = slope, a.p = p, a.q = q, a.shift = shift;
  };
  switch (kind) {
    case Activation::none: break;
    case Activation::relu: a.low = 0.0f; break;
    case Activation::clip: a.low = alpha, a.high = beta; break;
    case Activation::leaky_relu: a.slope = alpha; break;
    case Activation::prelu: a.slopes = prelu_alpha; break;
    case Activation::hard_swish: family(ActivationFamily::ramp, 1.0f / 6.0f, 1.0f, 0.0f, 0.5f); break;
    case Activation::hard_sigmoid: family(ActivationFamily::ramp, alpha, 0.0f, 1.0f, beta); break;
    case Activation::silu: family(ActivationFamily::smooth, 1.0f, 1.0f, 0.0f, 0.0f); break;
    case Activation::sigmoid: family(ActivationFamily::smooth, 1.0f, 0.0f, 1.0f, 0.0f); break;
    case Activation::tanh: family(ActivationFamily::smooth, 2.0f, 0.0f, 2.0f, -1.0f); break;
  }
  return a;
}

// Comparisons instead of min and max, which lose a NaN.
EDGESKIP_HD float clipped(float x, float low, float high) {
  x = x < low ? low : x;
  return x > high ? high : x;
}

EDGESKIP_HD void activate_run(const ActivationArgs& a, int channel, int count, float (&x)[8]) {
  if (a.family == ActivationFamily::line) {
    float slope[8];
    load_floats(a.slopes, channel, count, a.slope, slope);
    EDGESKIP_UNROLL
    for (int c = 0; c < 8; ++c) x[c] = clipped(x[c] < 0.0f ? slope[c] * x[c] : x[c], a.low, a.high);
  } else if (a.family == ActivationFamily::ramp) {
    EDGESKIP_UNROLL
    for (int c = 0; c < 8; ++c) x[c] = (a.p * x[c] + a.q) * clipped(a.slope * x[c] + a.shift, 0.0f, 1.0f);
  } else {
    EDGESKIP_UNROLL
    for (int c = 0; c < 8; ++c) x[c] = (a.p * x[c] + a.q) / (1.0f + expf(-a.slope * x[c])) + a.shift;
  }
}

// A sum becomes the value that would be published.
template <class T>
EDGESKIP_HD void finish_run(const ConvArgs& a, int channel, int count, const float (&residual)[8], float (&value)[8]) {
  float bias[8];
  load_floats(a.bias, channel, count, 0.0f, bias);
  EDGESKIP_UNROLL
  for (int c = 0; c < 8; ++c) value[c] = value[c] + bias[c] + residual[c];
  activate_run(a.activation, channel, count, value);
  EDGESKIP_UNROLL
  for (int c = 0; c < 8; ++c) value[c] = rounded_to<T>(value[c]);
}

// The part of a pixel's norm that eight channels make up, and whether any of them differs.
struct RunChange {
  float part;
  bool any;
};

EDGESKIP_HD RunChange compare_run(const ConvArgs& a, int channel, int count, const float (&value)[8],
                                  const float (&before)[8]) {
  float weight[8];
  load_floats(a.channel_weight, channel, count, 1.0f, weight);
  RunChange change = {0.0f, false};
  EDGESKIP_UNROLL
  for (int c = 0; c < 8; ++c) {
    const float difference = c < count ? value[c] - before[c] : 0.0f;
    change.any = change.any || exceeds(fabsf(difference), 0.0f);
    change.part = norm_add(a.norm, change.part, norm_term(a.norm, weight[c] * difference));
  }
  return change;
}

}  // namespace edgeskip::cuda
