// The bfloat16 interface in plain C++, one lane; bf16_avx512.h has the same names:
//   Vec                 vector of sums
//   convert(row, n, to) to[0 .. even(n)) = bf16(row[0 .. n)), 0
//   pair(p)             the two values at p in every lane
//   dot(sum, x, w)      sum + x[0] * w[0] + x[1] * w[1] by lane; w: a vector of pairs, loaded as floats
#pragma once

#include "base/bf16.h"
#include "base/vec_scalar.h"

namespace edgeskip {
namespace {

struct Bf16Scalar {
  using Vec = VecScalar;

  static EDGESKIP_INLINE void convert(const float* row, int n, Bf16* to) {
    for (int c = 0; c < n; ++c) to[c] = to_bf16(row[c]);
    if (n % 2) to[n] = 0;
  }
  static EDGESKIP_INLINE Vec pair(const Bf16* p) { return Vec::from_bits(p[0] | uint32_t{p[1]} << 16); }
  static EDGESKIP_INLINE Vec dot(Vec sum, Vec x, Vec w) {
    const auto low = [](Vec pair) { return static_cast<Bf16>(pair.bits()); };
    const auto high = [](Vec pair) { return static_cast<Bf16>(pair.bits() >> 16); };
    return {fma_bf16(low(x), low(w), fma_bf16(high(x), high(w), sum.value))};
  }
};

}  // namespace
}  // namespace edgeskip
