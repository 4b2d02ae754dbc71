// Few output channels: out[p][n] = sum over t, c of rows[t][p][c] * w[t][n][c], + bias[n], as dot products along the
// input channels, since lanes of output channels (gemm) would mostly be padding.
//
// A panel of a few arbitrary pixels times all output channels stays in registers while t and c run in order: one vector
// of sums per output, whose lanes are added at the end, whatever the panel.
//
// Packed weights: for tap, for vector of input channels, for output channel: weight[lanes], zeros behind the last input
// channel; then bias[n].
#pragma once

#include "base/channels.h"
#include "kernels/kernels.h"

namespace edgeskip {
namespace {

// Vectors per partial sum: the rounding error of a float sum grows with its length (gemm/generic.h).
constexpr int dot_partial_vectors = 192;

template <class V>
int64_t dot_vectors(int channels) {
  return (channels + V::lanes - 1) / V::lanes;
}

// Not where half of a gemm's lanes were in use, and not where adding the lanes costs more than the products that are
// saved: a gemm's panel multiplies a vector per tap and channel.
template <class V>
bool prefers_dot(int taps, int channels, int n) {
  const int64_t vectors = dot_vectors<V>(channels), saved = taps * (channels - vectors * n);
  return n <= KernelTable::dot_outputs && 2 * n <= V::lanes && saved >= 4 * n && vectors <= dot_partial_vectors;
}

template <class V>
int64_t dot_weights_size(int taps, int channels, int n) {
  return (taps * dot_vectors<V>(channels) * V::lanes + 1) * n;
}

template <class V>
void pack_dot(const float* weights, const float* bias, int taps, int channels, int n, float* packed) {
  for (int t = 0; t < taps; ++t) {
    for (int first = 0; first < channels; first += V::lanes) {
      for (int j = 0; j < n; ++j) {
        for (int c = first; c < first + V::lanes; ++c) {
          *packed++ = c < channels ? weights[(static_cast<int64_t>(j) * channels + c) * taps + t] : 0.0f;
        }
      }
    }
  }
  for (int j = 0; j < n; ++j) *packed++ = bias ? bias[j] : 0.0f;
}

// sum[p][j] += x[p] * w[j] of one tap, lane by lane; returns the weights behind them
template <class V, int pixels, int outputs>
EDGESKIP_INLINE const float* dot_tap(V (&sum)[pixels * outputs], const float* const (&x)[pixels], int channels,
                                     const float* weights) {
  for_channels<V>(channels, [&](int c, auto part) EDGESKIP_INLINE_LAMBDA {
    V w[outputs];
    unroll<outputs>([&](auto j) EDGESKIP_INLINE_LAMBDA { w[j] = V::load(weights + j * V::lanes); });
    weights += outputs * V::lanes;
    unroll<pixels>([&](auto p) EDGESKIP_INLINE_LAMBDA {
      const V value = part.load(x[p] + c);
      unroll<outputs>([&](auto j) EDGESKIP_INLINE_LAMBDA {
        sum[p * outputs + j] = fma(value, w[j], sum[p * outputs + j]);
      });
    });
  });
  return weights;
}

// The sums of the lanes of each vector, four vectors at once: one alone takes the same additions.
template <class V, int count>
EDGESKIP_INLINE void add_lanes(const V (&sum)[count], float (&total)[(count + 3) / 4 * 4]) {
  unroll<(count + 3) / 4>([&](auto four) EDGESKIP_INLINE_LAMBDA {
    constexpr int first = 4 * decltype(four)::value, last = count - 1;
    reduce_add_fours(sum[first], sum[first + 1 < last ? first + 1 : last], sum[first + 2 < last ? first + 2 : last],
                     sum[first + 3 < last ? first + 3 : last], total + first);
  });
}

template <class V, int pixels, int outputs>
EDGESKIP_INLINE void dot_panel(const GemmArgs& a, int first, int partial_taps) {
  constexpr int sums = pixels * outputs;
  const float* weights = a.weights;
  const float* const* rows = a.rows + first;
  for (int t = 0; t < a.taps;) {
    const bool begins = t == 0;
    V sum[sums];
    unroll<sums>([&](auto i) EDGESKIP_INLINE_LAMBDA { sum[i] = V::broadcast(0.0f); });
    const int end = t + partial_taps < a.taps ? t + partial_taps : a.taps;
    for (; t < end; ++t) {
      const float* x[pixels];
      const float* const* pixel = a.offsets ? rows : rows + static_cast<int64_t>(t) * a.count;
      const int64_t offset = a.offsets ? a.offsets[t] : 0;
      unroll<pixels>([&](auto p) EDGESKIP_INLINE_LAMBDA { x[p] = pixel[p] + offset; });
      weights = dot_tap<V, pixels, outputs>(sum, x, a.channels, weights);
    }
    float total[(sums + 3) / 4 * 4];
    add_lanes(sum, total);
    const bool ends = t == a.taps;
    unroll<sums>([&](auto i) EDGESKIP_INLINE_LAMBDA {
      float* out = a.out + (first + i / outputs) * a.out_stride + i % outputs;
      const float value = begins ? total[i] : *out + total[i];
      *out = ends ? value + weights[i % outputs] : value;
    });
  }
}

template <class V, int max_sums, int outputs, int pixels = 8>
void dot_panels(const GemmArgs& a, int first, int partial_taps) {
  if constexpr (pixels * outputs <= max_sums) {
    for (; first + pixels <= a.count; first += pixels) dot_panel<V, pixels, outputs>(a, first, partial_taps);
  }
  if constexpr (pixels > 1) dot_panels<V, max_sums, outputs, pixels / 2>(a, first, partial_taps);
}

// n <= KernelTable::dot_outputs; max_sums: accumulators that a level's registers hold beside weights and rows
template <class V, int max_sums>
void dot(const GemmArgs& a) {
  const int64_t vectors = dot_vectors<V>(a.channels);
  const int partial_taps = vectors < dot_partial_vectors ? static_cast<int>(dot_partial_vectors / vectors) : 1;
  unroll<KernelTable::dot_outputs>([&](auto j) EDGESKIP_INLINE_LAMBDA {
    if (a.n == j + 1) dot_panels<V, max_sums, decltype(j)::value + 1>(a, 0, partial_taps);
  });
}

}  // namespace
}  // namespace edgeskip
