// bfloat16 in plain C++: the upper half of a float32.
#pragma once

#include <cstdint>

#include "base/inline.h"

namespace edgeskip {
namespace {

using Bf16 = uint16_t;

EDGESKIP_INLINE float float_of_bits(uint32_t bits) {
  float x;
  __builtin_memcpy(&x, &bits, sizeof x);
  return x;
}

// Zero of the same sign for denormal numbers, as the bfloat16 instructions have it.
EDGESKIP_INLINE float without_denormal(float x) {
  return __builtin_fabsf(x) < 1.17549435e-38f ? __builtin_copysignf(0.0f, x) : x;
}

// To nearest even; NaN stays NaN.
EDGESKIP_INLINE Bf16 to_bf16(float x) {
  x = without_denormal(x);
  uint32_t bits;
  __builtin_memcpy(&bits, &x, sizeof bits);
  if (x != x) return static_cast<Bf16>(bits >> 16 | 0x40);
  return static_cast<Bf16>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

EDGESKIP_INLINE float from_bf16(Bf16 x) { return float_of_bits(uint32_t{x} << 16); }

// sum + x * w as the instructions compute it: one rounding, no denormal in or out
EDGESKIP_INLINE float fma_bf16(Bf16 x, Bf16 w, float sum) {
  const float product_x = without_denormal(from_bf16(x)), product_w = without_denormal(from_bf16(w));
  return without_denormal(__builtin_fmaf(product_x, product_w, without_denormal(sum)));
}

}  // namespace
}  // namespace edgeskip
