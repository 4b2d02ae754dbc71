// Depthwise convolution: out[p][c] = sum over t of rows[t][p][c] * w[t][c], t in order, + bias[c].
//
// Packed weights: for each vector of channels bias[lanes], then per tap weight[lanes], zeros
// behind the last channel. A tile of a few pixels times two vectors stays in registers.
#pragma once

#include "base/channels.h"
#include "kernels/kernels.h"

namespace edgeskip {
namespace {

template <class V>
int64_t depthwise_weights_size(int taps, int channels) {
  return static_cast<int64_t>((channels + V::lanes - 1) / V::lanes) * V::lanes * (taps + 1);
}

template <class V>
void pack_depthwise(const float* weights, const float* bias, int taps, int channels, float* packed) {
  for (int first = 0; first < channels; first += V::lanes) {
    for (int t = -1; t < taps; ++t) {
      for (int c = first; c < first + V::lanes; ++c) {
        const float value = t < 0 ? (bias && c < channels ? bias[c] : 0.0f)
                                  : (c < channels ? weights[static_cast<int64_t>(c) * taps + t] : 0.0f);
        *packed++ = value;
      }
    }
  }
}

template <class V, int pixels, class Part>
EDGESKIP_INLINE void depthwise_tile(const DepthwiseArgs& a, int first_pixel, int c, Part part) {
  constexpr int vectors = Part::vectors;
  const int64_t vector_stride = static_cast<int64_t>(a.taps + 1) * V::lanes;
  const float* weights = a.weights + c / V::lanes * vector_stride;
  V sum[pixels][vectors];
  unroll<pixels * vectors>([&](auto i) EDGESKIP_INLINE_LAMBDA {
    sum[i / vectors][i % vectors] = V::broadcast(0.0f);
  });
  const float* const bias = weights;
  const float* const* rows = a.rows + first_pixel;
  for (int t = 0; t < a.taps; ++t, rows += a.count) {
    weights += V::lanes;
    V w[vectors];
    unroll<vectors>([&](auto j) EDGESKIP_INLINE_LAMBDA { w[j] = V::load(weights + j * vector_stride); });
    unroll<pixels>([&](auto p) EDGESKIP_INLINE_LAMBDA {
      const float* row = rows[p] + c;
      unroll<vectors>([&](auto j) EDGESKIP_INLINE_LAMBDA { sum[p][j] = fma(part.load(row, j), w[j], sum[p][j]); });
    });
  }
  unroll<pixels * vectors>([&](auto i) EDGESKIP_INLINE_LAMBDA {
    float* out = a.out + (first_pixel + i / vectors) * a.out_stride + c;
    const V value = sum[i / vectors][i % vectors] + V::load(bias + i % vectors * vector_stride);
    part.store(out, value, i % vectors);
  });
}

template <class V>
void depthwise(const DepthwiseArgs& a) {
  constexpr int pixels = 4;
  int p = 0;
  for (; p + pixels <= a.count; p += pixels) {
    for_channel_blocks<V, 2>(a.channels, [&](int c, auto part) EDGESKIP_INLINE_LAMBDA {
      depthwise_tile<V, pixels>(a, p, c, part);
    });
  }
  for (; p < a.count; ++p) {
    for_channel_blocks<V, 2>(a.channels, [&](int c, auto part) EDGESKIP_INLINE_LAMBDA {
      depthwise_tile<V, 1>(a, p, c, part);
    });
  }
}

}  // namespace
}  // namespace edgeskip
