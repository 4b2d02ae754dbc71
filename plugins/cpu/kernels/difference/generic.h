// out[p] = norm_c(a[p] - b[p])
#pragma once

#include "base/channels.h"
#include "base/vec_scalar.h"
#include "kernels/kernels.h"
#include "kernels/norm.h"

namespace edgeskip {
namespace {

template <class V, Norm norm>
void difference_pixels(const DifferenceArgs& a) {
  for (int p = 0; p < a.count; ++p) {
    const float* left = a.a[p];
    const float* right = a.b[p];
    NormSum<V, norm> sum;
    for_channels<V>(a.channels, [&](int c, auto part) EDGESKIP_INLINE_LAMBDA {
      sum.add(part.load(left + c) - part.load(right + c));
    });
    a.out[p] = sum.result(a.channels);
  }
}

// A picture has 3 channels: a vector per pixel would be mostly empty, and its sum across lanes
// costs more than three plain additions.
template <class V>
void difference(const DifferenceArgs& a) {
  with_norm(a.norm, [&](auto tag) {
    constexpr Norm norm = decltype(tag)::norm;
    a.channels <= 4 ? difference_pixels<VecScalar, norm>(a) : difference_pixels<V, norm>(a);
  });
}

}  // namespace
}  // namespace edgeskip
