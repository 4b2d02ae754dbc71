// y[p][c] = exp(x[p][c] - max x[p]) / sum over channels of that; a NaN makes its whole row NaN.
#pragma once

#include "base/channels.h"
#include "base/vec_math.h"
#include "kernels/kernels.h"

namespace edgeskip {
namespace {

// The largest value of a row without NaN; of one with NaN any number, as the sum is NaN all the same.
template <class V>
EDGESKIP_INLINE float largest(const float* x, int channels) {
  float top = x[0];
  int c = 0;
  if (channels >= V::lanes) {
    V tops = V::load(x);
    for (c = V::lanes; c + V::lanes <= channels; c += V::lanes) tops = max(tops, V::load(x + c));
    top = reduce_max(select(is_nan(tops), V::broadcast(0.0f), tops));
  }
  for (; c < channels; ++c) top = x[c] > top ? x[c] : top;
  return top;
}

template <class V>
void softmax(const SoftmaxArgs& a) {
  for (int p = 0; p < a.count; ++p) {
    const float* x = a.x[p];
    float* y = a.y[p];
    const V top = V::broadcast(largest<V>(x, a.channels));
    V sums = V::broadcast(0.0f);
    for_channels<V>(a.channels, [&](int c, auto part) EDGESKIP_INLINE_LAMBDA {
      const V value = edgeskip::exp(part.load(x + c) - top);
      sums = sums + part.keep(value);
      part.store(y + c, value);
    });
    const V share = V::broadcast(1.0f / reduce_add(sums));
    for_channels<V>(a.channels, [&](int c, auto part) EDGESKIP_INLINE_LAMBDA {
      part.store(y + c, part.load(y + c) * share);
    });
  }
}

}  // namespace
}  // namespace edgeskip
