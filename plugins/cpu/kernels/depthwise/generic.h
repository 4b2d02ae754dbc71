// Depthwise convolution: out[p][c] = sum over t of rows[t][p][c] * w[t][c], t in order, + bias[c].
//
// Packed weights: for each vector of channels bias[lanes], then per tap weight[lanes], zeros
// behind the last channel. A tile of a few pixels times one vector stays in registers.
//
// Pixels that lie side by side share most of the columns that they read (runs.h): each is loaded once
// for all of them. Every path adds a pixel's taps in the same order.
#pragma once

#include "base/channels.h"
#include "kernels/depthwise/runs.h"
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
EDGESKIP_INLINE int depthwise_tiles(const DepthwiseArgs& a, int p, int end, int c, Part part) {
  for (; p + pixels <= end; p += pixels) depthwise_tile<V, pixels>(a, p, c, part);
  return p;
}

template <class V>
void depthwise(const DepthwiseArgs& a) {
  if (depthwise_runs<V>(a)) return;
  for (int first = 0; first < a.count; first += depthwise_batch) {
    const int end = a.count - first < depthwise_batch ? a.count : first + depthwise_batch;
    for_channels<V>(a.channels, [&](int c, auto part) EDGESKIP_INLINE_LAMBDA {
      int p = depthwise_tiles<V, 8>(a, first, end, c, part);
      p = depthwise_tiles<V, 4>(a, p, end, c, part);
      depthwise_tiles<V, 1>(a, p, end, c, part);
    });
  }
}

}  // namespace
}  // namespace edgeskip
