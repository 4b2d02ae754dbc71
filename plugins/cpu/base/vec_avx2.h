// 8 lanes, AVX2 + FMA. Partial rows use maskload and maskstore, which do not fault on lanes that
// are masked out. Interface: vec_scalar.h.
#pragma once

#include <immintrin.h>

#include <cstdint>

#include "base/inline.h"

namespace edgeskip {
namespace {

EDGESKIP_INLINE __m256i first_lanes(int n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

struct VecAvx2 {
  static constexpr int lanes = 8;
  static constexpr int lane_group = 1;
  using Mask = __m256;
  __m256 value;

  static EDGESKIP_INLINE VecAvx2 broadcast(float x) { return {_mm256_set1_ps(x)}; }
  static EDGESKIP_INLINE VecAvx2 load(const float* p) { return {_mm256_loadu_ps(p)}; }
  static EDGESKIP_INLINE VecAvx2 load_first(const float* p, int n) { return {_mm256_maskload_ps(p, first_lanes(n))}; }
  static EDGESKIP_INLINE VecAvx2 from_bits(uint32_t bits) {
    return {_mm256_castsi256_ps(_mm256_set1_epi32(static_cast<int>(bits)))};
  }
  EDGESKIP_INLINE void store(float* p) const { _mm256_storeu_ps(p, value); }
  EDGESKIP_INLINE void store_first(float* p, int n) const { _mm256_maskstore_ps(p, first_lanes(n), value); }
};

EDGESKIP_INLINE VecAvx2 operator+(VecAvx2 a, VecAvx2 b) { return {_mm256_add_ps(a.value, b.value)}; }
EDGESKIP_INLINE VecAvx2 operator-(VecAvx2 a, VecAvx2 b) { return {_mm256_sub_ps(a.value, b.value)}; }
EDGESKIP_INLINE VecAvx2 operator*(VecAvx2 a, VecAvx2 b) { return {_mm256_mul_ps(a.value, b.value)}; }
EDGESKIP_INLINE VecAvx2 operator/(VecAvx2 a, VecAvx2 b) { return {_mm256_div_ps(a.value, b.value)}; }
EDGESKIP_INLINE VecAvx2 fma(VecAvx2 a, VecAvx2 b, VecAvx2 c) { return {_mm256_fmadd_ps(a.value, b.value, c.value)}; }
EDGESKIP_INLINE VecAvx2 min(VecAvx2 a, VecAvx2 b) { return {_mm256_min_ps(a.value, b.value)}; }
EDGESKIP_INLINE VecAvx2 max(VecAvx2 a, VecAvx2 b) { return {_mm256_max_ps(a.value, b.value)}; }
EDGESKIP_INLINE VecAvx2 sqrt(VecAvx2 a) { return {_mm256_sqrt_ps(a.value)}; }
EDGESKIP_INLINE __m256 less(VecAvx2 a, VecAvx2 b) { return _mm256_cmp_ps(a.value, b.value, _CMP_LT_OQ); }
EDGESKIP_INLINE __m256 equal(VecAvx2 a, VecAvx2 b) { return _mm256_cmp_ps(a.value, b.value, _CMP_EQ_OQ); }
EDGESKIP_INLINE __m256 is_nan(VecAvx2 a) { return _mm256_cmp_ps(a.value, a.value, _CMP_UNORD_Q); }
EDGESKIP_INLINE bool any(__m256 mask) { return _mm256_movemask_ps(mask) != 0; }
EDGESKIP_INLINE VecAvx2 select(__m256 mask, VecAvx2 a, VecAvx2 b) {
  return {_mm256_blendv_ps(b.value, a.value, mask)};
}
EDGESKIP_INLINE VecAvx2 keep_first(VecAvx2 a, int n) {
  return {_mm256_and_ps(a.value, _mm256_castsi256_ps(first_lanes(n)))};
}
EDGESKIP_INLINE VecAvx2 bits_and(VecAvx2 a, VecAvx2 b) { return {_mm256_and_ps(a.value, b.value)}; }
EDGESKIP_INLINE VecAvx2 bits_or(VecAvx2 a, VecAvx2 b) { return {_mm256_or_ps(a.value, b.value)}; }
EDGESKIP_INLINE VecAvx2 bits_xor(VecAvx2 a, VecAvx2 b) { return {_mm256_xor_ps(a.value, b.value)}; }
template <int count>
EDGESKIP_INLINE VecAvx2 shift_left(VecAvx2 a) {
  return {_mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(a.value), count))};
}
template <int count>
EDGESKIP_INLINE VecAvx2 shift_right(VecAvx2 a) {
  return {_mm256_castsi256_ps(_mm256_srli_epi32(_mm256_castps_si256(a.value), count))};
}
EDGESKIP_INLINE float reduce_add(VecAvx2 a) {
  __m128 sum = _mm_add_ps(_mm256_castps256_ps128(a.value), _mm256_extractf128_ps(a.value, 1));
  sum = _mm_add_ps(sum, _mm_movehl_ps(sum, sum));
  return _mm_cvtss_f32(_mm_add_ss(sum, _mm_movehdup_ps(sum)));
}
// without NaN in `a`
EDGESKIP_INLINE float reduce_max(VecAvx2 a) {
  __m128 top = _mm_max_ps(_mm256_castps256_ps128(a.value), _mm256_extractf128_ps(a.value, 1));
  top = _mm_max_ps(top, _mm_movehl_ps(top, top));
  return _mm_cvtss_f32(_mm_max_ss(top, _mm_movehdup_ps(top)));
}

}  // namespace
}  // namespace edgeskip
