// max: y[p] = max over taps of rows[t][p]; average: y[p] = sum over taps / divisor[p], t in order.
// Null rows (outside the picture) are skipped; without any row the maximum is -inf.
#pragma once

#include "base/channels.h"
#include "base/vec_math.h"
#include "kernels/kernels.h"

namespace edgeskip {
namespace {

template <class V, bool average, class Part>
EDGESKIP_INLINE void pool_tile(const PoolArgs& a, int p, int c, Part part) {
  constexpr int vectors = Part::vectors;
  V result[vectors];
  unroll<vectors>([&](auto j) EDGESKIP_INLINE_LAMBDA {
    result[j] = V::broadcast(average ? 0.0f : -__builtin_inff());
  });
  const float* const* rows = a.rows + p;
  for (int t = 0; t < a.taps; ++t, rows += a.count) {
    const float* row = *rows;
    if (!row) continue;
    unroll<vectors>([&](auto j) EDGESKIP_INLINE_LAMBDA {
      const V x = part.load(row + c, j);
      result[j] = average ? result[j] + x : max_nan(result[j], x);
    });
  }
  unroll<vectors>([&](auto j) EDGESKIP_INLINE_LAMBDA {
    if constexpr (average) result[j] = result[j] / V::broadcast(a.divisor[p]);
    part.store(a.y[p] + c, result[j], j);
  });
}

template <class V, bool average>
void pool_pixels(const PoolArgs& a) {
  for (int p = 0; p < a.count; ++p) {
    for_channel_blocks<V, 4>(a.channels, [&](int c, auto part) EDGESKIP_INLINE_LAMBDA {
      pool_tile<V, average>(a, p, c, part);
    });
  }
}

template <class V>
void pool(const PoolArgs& a) {
  a.average ? pool_pixels<V, true>(a) : pool_pixels<V, false>(a);
}

}  // namespace
}  // namespace edgeskip
