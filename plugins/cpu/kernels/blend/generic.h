// y[p] = sum over the 4 corners k, in order, of weight[k][p] * rows[k][p] (bilinear resize).
//
// Corners of weight 0 are left out: at picture edges and for nearest resize that saves most of the
// work, and an infinity that has no share in the result does not make it NaN.
#pragma once

#include "base/channels.h"
#include "base/vec_math.h"
#include "kernels/kernels.h"

namespace edgeskip {
namespace {

struct Corners {
  const float* rows[4];
  float weights[4];
  int count = 0;
};

EDGESKIP_INLINE Corners used_corners(const BlendArgs& a, int p) {
  Corners corners;
  for (int k = 0; k < 4; ++k) {
    const int64_t i = static_cast<int64_t>(k) * a.count + p;
    if (a.weights[i] == 0.0f) continue;
    corners.rows[corners.count] = a.rows[i];
    corners.weights[corners.count++] = a.weights[i];
  }
  return corners;
}

template <class V, int used>
EDGESKIP_INLINE void blend_pixel(const Corners& corners, float* y, int channels) {
  for_channels<V>(channels, [&](int c, auto part) EDGESKIP_INLINE_LAMBDA {
    V sum = V::broadcast(0.0f);
    unroll<used>([&](auto k) EDGESKIP_INLINE_LAMBDA {
      const V weight = V::broadcast(corners.weights[k]);
      const V x = part.load(corners.rows[k] + c);
      sum = k == 0 ? weight * x : fma(weight, x, sum);
    });
    part.store(y + c, sum);
  });
}

template <class V>
void blend(const BlendArgs& a) {
  for (int p = 0; p < a.count; ++p) {
    const Corners corners = used_corners(a, p);
    switch (corners.count) {
      case 0: blend_pixel<V, 0>(corners, a.y[p], a.channels); break;
      case 1: blend_pixel<V, 1>(corners, a.y[p], a.channels); break;
      case 2: blend_pixel<V, 2>(corners, a.y[p], a.channels); break;
      case 3: blend_pixel<V, 3>(corners, a.y[p], a.channels); break;
      default: blend_pixel<V, 4>(corners, a.y[p], a.channels);
    }
  }
}

}  // namespace
}  // namespace edgeskip
