// y[p][c] = x[p][indices[c]]; without indices a copy. x and y do not overlap.
#pragma once

#include "base/channels.h"
#include "kernels/kernels.h"

namespace edgeskip {
namespace {

template <class V>
void copy_pixels(const GatherArgs& a) {
  for (int p = 0; p < a.count; ++p) {
    const float* x = a.x[p];
    float* y = a.y[p];
    for_channels<V>(a.channels, [&](int c, auto part) EDGESKIP_INLINE_LAMBDA { part.store(y + c, part.load(x + c)); });
  }
}

template <class V>
void gather(const GatherArgs& a) {
  if (!a.indices) return copy_pixels<V>(a);
  for (int p = 0; p < a.count; ++p) {
    const float* x = a.x[p];
    float* __restrict__ y = a.y[p];
    for (int c = 0; c < a.channels; ++c) y[c] = x[a.indices[c]];
  }
}

}  // namespace
}  // namespace edgeskip
