// Planes (NCHW) to pixels (NHWC), and whether every value is finite.
#pragma once

#include "base/vec_math.h"
#include "kernels/kernels.h"
#include "kernels/picture/bytes.h"

namespace edgeskip {
namespace {

// Three planes to groups of four floats: the fourth becomes zero.
template <class V>
EDGESKIP_INLINE int64_t write_fours(const PlanesArgs& a, V& doubt) {
  int64_t pixel = 0;
  for (; pixel + V::lanes <= a.count; pixel += V::lanes) {
    V v[4];
    unroll<3>([&](auto c) EDGESKIP_INLINE_LAMBDA {
      v[c] = V::load(a.planes + c * a.plane_stride + pixel);
      doubt = add_doubt(doubt, v[c]);
    });
    v[3] = V::broadcast(0.0f);
    gather_fours(v[0], v[1], v[2], v[3]);
    unroll<4>([&](auto i) EDGESKIP_INLINE_LAMBDA { v[i].store(a.pixels + pixel * 4 + i * V::lanes); });
  }
  return pixel;
}

template <class V>
EDGESKIP_INLINE int64_t write_plane(const PlanesArgs& a, V& doubt) {
  int64_t pixel = 0;
  for (; pixel + V::lanes <= a.count; pixel += V::lanes) {
    const V x = V::load(a.planes + pixel);
    doubt = add_doubt(doubt, x);
    x.store(a.pixels + pixel);
  }
  return pixel;
}

template <class V>
bool write_planes(const PlanesArgs& a) {
  V doubt = V::broadcast(0.0f);
  int64_t done = 0;
  if (a.channels == 3 && a.fours) done = write_fours(a, doubt);
  if (a.channels == 1 && a.pixel_stride == 1) done = write_plane(a, doubt);
  float rest = 0.0f;
  constexpr int64_t chunk = 64;  // pixels that stay in the first cache for all planes
  for (; done < a.count; done += chunk) {
    const int64_t end = done + chunk < a.count ? done + chunk : a.count;
    for (int c = 0; c < a.channels; ++c) {
      const float* plane = a.planes + c * a.plane_stride;
      for (int64_t pixel = done; pixel < end; ++pixel) {
        a.pixels[pixel * a.pixel_stride + c] = plane[pixel];
        rest += 0.0f * plane[pixel];
      }
    }
  }
  return !any(is_nan(doubt)) && rest == rest;
}

}  // namespace
}  // namespace edgeskip
