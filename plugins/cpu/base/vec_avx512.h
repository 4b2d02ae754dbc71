// 16 lanes, AVX-512 F + BW + DQ + VL. Partial rows use mask registers, which do not fault on
// lanes that are masked out. Interface: vec_scalar.h.
#pragma once

#include <immintrin.h>

#include <cstdint>

#include "base/inline.h"

namespace edgeskip {
namespace {

EDGESKIP_INLINE __mmask16 first_lanes(int n) { return static_cast<__mmask16>((1u << n) - 1u); }

struct VecAvx512 {
  static constexpr int lanes = 16;
  static constexpr int lane_group = 1;
  using Mask = __mmask16;
  __m512 value;

  static EDGESKIP_INLINE VecAvx512 broadcast(float x) { return {_mm512_set1_ps(x)}; }
  static EDGESKIP_INLINE VecAvx512 load(const float* p) { return {_mm512_loadu_ps(p)}; }
  static EDGESKIP_INLINE VecAvx512 load_first(const float* p, int n) {
    return {_mm512_maskz_loadu_ps(first_lanes(n), p)};
  }
  static EDGESKIP_INLINE VecAvx512 from_bits(uint32_t bits) {
    return {_mm512_castsi512_ps(_mm512_set1_epi32(static_cast<int>(bits)))};
  }
  EDGESKIP_INLINE void store(float* p) const { _mm512_storeu_ps(p, value); }
  EDGESKIP_INLINE void store_first(float* p, int n) const { _mm512_mask_storeu_ps(p, first_lanes(n), value); }
};

EDGESKIP_INLINE VecAvx512 operator+(VecAvx512 a, VecAvx512 b) { return {_mm512_add_ps(a.value, b.value)}; }
EDGESKIP_INLINE VecAvx512 operator-(VecAvx512 a, VecAvx512 b) { return {_mm512_sub_ps(a.value, b.value)}; }
EDGESKIP_INLINE VecAvx512 operator*(VecAvx512 a, VecAvx512 b) { return {_mm512_mul_ps(a.value, b.value)}; }
EDGESKIP_INLINE VecAvx512 operator/(VecAvx512 a, VecAvx512 b) { return {_mm512_div_ps(a.value, b.value)}; }
EDGESKIP_INLINE VecAvx512 fma(VecAvx512 a, VecAvx512 b, VecAvx512 c) {
  return {_mm512_fmadd_ps(a.value, b.value, c.value)};
}
EDGESKIP_INLINE VecAvx512 min(VecAvx512 a, VecAvx512 b) { return {_mm512_min_ps(a.value, b.value)}; }
EDGESKIP_INLINE VecAvx512 max(VecAvx512 a, VecAvx512 b) { return {_mm512_max_ps(a.value, b.value)}; }
EDGESKIP_INLINE VecAvx512 sqrt(VecAvx512 a) { return {_mm512_sqrt_ps(a.value)}; }
EDGESKIP_INLINE __mmask16 less(VecAvx512 a, VecAvx512 b) { return _mm512_cmp_ps_mask(a.value, b.value, _CMP_LT_OQ); }
EDGESKIP_INLINE __mmask16 equal(VecAvx512 a, VecAvx512 b) { return _mm512_cmp_ps_mask(a.value, b.value, _CMP_EQ_OQ); }
EDGESKIP_INLINE __mmask16 is_nan(VecAvx512 a) { return _mm512_cmp_ps_mask(a.value, a.value, _CMP_UNORD_Q); }
EDGESKIP_INLINE bool any(__mmask16 mask) { return mask != 0; }
EDGESKIP_INLINE VecAvx512 select(__mmask16 mask, VecAvx512 a, VecAvx512 b) {
  return {_mm512_mask_blend_ps(mask, b.value, a.value)};
}
EDGESKIP_INLINE VecAvx512 keep_first(VecAvx512 a, int n) { return {_mm512_maskz_mov_ps(first_lanes(n), a.value)}; }
EDGESKIP_INLINE VecAvx512 bits_and(VecAvx512 a, VecAvx512 b) { return {_mm512_and_ps(a.value, b.value)}; }
EDGESKIP_INLINE VecAvx512 bits_or(VecAvx512 a, VecAvx512 b) { return {_mm512_or_ps(a.value, b.value)}; }
EDGESKIP_INLINE VecAvx512 bits_xor(VecAvx512 a, VecAvx512 b) { return {_mm512_xor_ps(a.value, b.value)}; }
template <int count>
EDGESKIP_INLINE VecAvx512 shift_left(VecAvx512 a) {
  return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_castps_si512(a.value), count))};
}
template <int count>
EDGESKIP_INLINE VecAvx512 shift_right(VecAvx512 a) {
  return {_mm512_castsi512_ps(_mm512_srli_epi32(_mm512_castps_si512(a.value), count))};
}
EDGESKIP_INLINE float reduce_add(VecAvx512 a) {
  const __m256 half = _mm256_add_ps(_mm512_castps512_ps256(a.value), _mm512_extractf32x8_ps(a.value, 1));
  __m128 sum = _mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1));
  sum = _mm_add_ps(sum, _mm_movehl_ps(sum, sum));
  return _mm_cvtss_f32(_mm_add_ss(sum, _mm_movehdup_ps(sum)));
}
// without NaN in `a`
EDGESKIP_INLINE float reduce_max(VecAvx512 a) {
  const __m256 half = _mm256_max_ps(_mm512_castps512_ps256(a.value), _mm512_extractf32x8_ps(a.value, 1));
  __m128 top = _mm_max_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1));
  top = _mm_max_ps(top, _mm_movehl_ps(top, top));
  return _mm_cvtss_f32(_mm_max_ss(top, _mm_movehdup_ps(top)));
}

}  // namespace
}  // namespace edgeskip
