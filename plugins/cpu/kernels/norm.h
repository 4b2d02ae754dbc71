// norm_c over the channels of one pixel: l2 = root mean square, l1 = mean, linf = maximum of the
// absolute values. Lanes are summed on their own first, then across in a fixed order: the result
// depends on the pixel's values and channel count only. NaN in any channel gives NaN.
#pragma once

#include "base/vec_math.h"
#include "kernels/kernels.h"

namespace edgeskip {
namespace {

template <class V, Norm norm>
struct NormSum {
  static constexpr bool common = norm == Norm::l2;
  V total = V::broadcast(0.0f);

  EDGESKIP_INLINE void add(V x) {
    if constexpr (norm == Norm::l2) total = fma(x, x, total);
    if constexpr (norm == Norm::l1) total = total + edgeskip::abs(x);
    if constexpr (norm == Norm::linf) total = max_nan(total, edgeskip::abs(x));
  }

  // Whether the sum (linf: the maximum) is above a limit; NaN is.
  EDGESKIP_INLINE bool above(float limit) const {
    if constexpr (norm == Norm::linf) return any(not_less_equal(total, V::broadcast(limit)));
    return !(reduce_add(total) <= limit);
  }
};

// Whether a norm is above a threshold, without its root and division: the sum that the norm is made of
// against this limit. NaN (an unknown value) is above, and everything is above a negative threshold.
template <Norm norm>
inline float sum_limit(float threshold, int channels) {
  if constexpr (norm == Norm::l2) return threshold < 0 ? -1.0f : threshold * threshold * static_cast<float>(channels);
  if constexpr (norm == Norm::l1) return threshold * static_cast<float>(channels);
  return threshold;
}

// Whether any difference is not 0, which all norms agree on, and which squares that vanish do not tell.
template <class V>
struct AnyDifference {
  static constexpr bool common = true;
  V total = V::broadcast(0.0f);

  EDGESKIP_INLINE void add(V x) { total = bits_or(total, x); }
  EDGESKIP_INLINE bool above(float limit) const {
    return any(not_less_equal(edgeskip::abs(total), V::broadcast(limit)));
  }
};

template <Norm norm_>
struct NormTag {
  static constexpr Norm norm = norm_;
};

template <class Body>
EDGESKIP_INLINE void with_norm(Norm norm, const Body& body) {
  switch (norm) {
    case Norm::l1: return body(NormTag<Norm::l1>{});
    case Norm::linf: return body(NormTag<Norm::linf>{});
    default: return body(NormTag<Norm::l2>{});
  }
}

}  // namespace
}  // namespace edgeskip
