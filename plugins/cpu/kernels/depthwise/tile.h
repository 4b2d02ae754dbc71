// A few pixels that lie anywhere times one vector of channels, in registers.
#pragma once

#include "base/channels.h"
#include "kernels/kernels.h"

namespace edgeskip {
namespace {

template <class V, int pixels, class Part>
EDGESKIP_INLINE void depthwise_tile(const DepthwiseArgs& a, int first_pixel, int c, Part part) {
  const float* weights = a.weights + static_cast<int64_t>(c) * (a.taps + 1);
  const float* const bias = weights;
  const float* const* rows = a.rows + first_pixel;
  V sum[pixels];
  unroll<pixels>([&](auto p) EDGESKIP_INLINE_LAMBDA { sum[p] = V::broadcast(0.0f); });
  if (a.offsets) {
    const float* x[pixels];
    unroll<pixels>([&](auto p) EDGESKIP_INLINE_LAMBDA { x[p] = rows[p] + c; });
    for (int t = 0; t < a.taps; ++t) {
      const V w = V::load(weights += V::lanes);
      const int64_t offset = a.offsets[t];
      unroll<pixels>([&](auto p) EDGESKIP_INLINE_LAMBDA { sum[p] = fma(part.load(x[p] + offset), w, sum[p]); });
    }
  } else {
    for (int t = 0; t < a.taps; ++t, rows += a.count) {
      const V w = V::load(weights += V::lanes);
      unroll<pixels>([&](auto p) EDGESKIP_INLINE_LAMBDA { sum[p] = fma(part.load(rows[p] + c), w, sum[p]); });
    }
  }
  unroll<pixels>([&](auto p) EDGESKIP_INLINE_LAMBDA {
    part.store(a.out + (first_pixel + p) * a.out_stride + c, sum[p] + V::load(bias));
  });
}

}  // namespace
}  // namespace edgeskip
