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
  static constexpr bool streams = false;
  using Mask = __m256;
  __m256 value;

  static EDGESKIP_INLINE Mask all_lanes(bool on) {
    return _mm256_castsi256_ps(_mm256_set1_epi32(-static_cast<int>(on)));
  }
  static EDGESKIP_INLINE VecAvx2 broadcast(float x) { return {_mm256_set1_ps(x)}; }
  static EDGESKIP_INLINE VecAvx2 load(const float* p) { return {_mm256_loadu_ps(p)}; }
  static EDGESKIP_INLINE VecAvx2 load_first(const float* p, int n) { return {_mm256_maskload_ps(p, first_lanes(n))}; }
  static EDGESKIP_INLINE VecAvx2 load_fours(const float* p, int64_t stride) {
    return {_mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(p)), _mm_loadu_ps(p + stride), 1)};
  }
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
EDGESKIP_INLINE __m256 not_less_equal(VecAvx2 a, VecAvx2 b) { return _mm256_cmp_ps(a.value, b.value, _CMP_NLE_UQ); }
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
EDGESKIP_INLINE void reduce_add_fours(VecAvx2 a, VecAvx2 b, VecAvx2 c, VecAvx2 d, float* out) {
  // in each half of ab: a b a b, then of the sum: a b c d
  const __m256 ab = _mm256_add_ps(_mm256_unpacklo_ps(a.value, b.value), _mm256_unpackhi_ps(a.value, b.value));
  const __m256 cd = _mm256_add_ps(_mm256_unpacklo_ps(c.value, d.value), _mm256_unpackhi_ps(c.value, d.value));
  const __m256 sum = _mm256_add_ps(_mm256_shuffle_ps(ab, cd, 0x44), _mm256_shuffle_ps(ab, cd, 0xee));
  _mm_storeu_ps(out, _mm_add_ps(_mm256_castps256_ps128(sum), _mm256_extractf128_ps(sum, 1)));
}
// without NaN in `a`
EDGESKIP_INLINE float reduce_max(VecAvx2 a) {
  __m128 top = _mm_max_ps(_mm256_castps256_ps128(a.value), _mm256_extractf128_ps(a.value, 1));
  top = _mm_max_ps(top, _mm_movehl_ps(top, top));
  return _mm_cvtss_f32(_mm_max_ss(top, _mm_movehdup_ps(top)));
}

EDGESKIP_INLINE uint32_t exceeds(VecAvx2 a, VecAvx2 b) {
  return static_cast<uint32_t>(_mm256_movemask_ps(_mm256_cmp_ps(a.value, b.value, _CMP_NLE_UQ)));
}
EDGESKIP_INLINE void transpose_fours(VecAvx2& a, VecAvx2& b, VecAvx2& c, VecAvx2& d) {
  // pixels 0 and 4, 1 and 5, 2 and 6, 3 and 7 side by side, then 4 x 4 in each half
  const __m256 p04 = _mm256_permute2f128_ps(a.value, c.value, 0x20);
  const __m256 p15 = _mm256_permute2f128_ps(a.value, c.value, 0x31);
  const __m256 p26 = _mm256_permute2f128_ps(b.value, d.value, 0x20);
  const __m256 p37 = _mm256_permute2f128_ps(b.value, d.value, 0x31);
  const __m256 low01 = _mm256_unpacklo_ps(p04, p15), high01 = _mm256_unpacklo_ps(p26, p37);
  const __m256 low23 = _mm256_unpackhi_ps(p04, p15), high23 = _mm256_unpackhi_ps(p26, p37);
  a = {_mm256_shuffle_ps(low01, high01, 0x44)};
  b = {_mm256_shuffle_ps(low01, high01, 0xee)};
  c = {_mm256_shuffle_ps(low23, high23, 0x44)};
  d = {_mm256_shuffle_ps(low23, high23, 0xee)};
}

EDGESKIP_INLINE void gather_fours(VecAvx2& a, VecAvx2& b, VecAvx2& c, VecAvx2& d) {
  const __m256 ab_low = _mm256_unpacklo_ps(a.value, b.value), ab_high = _mm256_unpackhi_ps(a.value, b.value);
  const __m256 cd_low = _mm256_unpacklo_ps(c.value, d.value), cd_high = _mm256_unpackhi_ps(c.value, d.value);
  const __m256 p04 = _mm256_shuffle_ps(ab_low, cd_low, 0x44), p15 = _mm256_shuffle_ps(ab_low, cd_low, 0xee);
  const __m256 p26 = _mm256_shuffle_ps(ab_high, cd_high, 0x44), p37 = _mm256_shuffle_ps(ab_high, cd_high, 0xee);
  a = {_mm256_permute2f128_ps(p04, p15, 0x20)};
  b = {_mm256_permute2f128_ps(p26, p37, 0x20)};
  c = {_mm256_permute2f128_ps(p04, p15, 0x31)};
  d = {_mm256_permute2f128_ps(p26, p37, 0x31)};
}

}  // namespace
}  // namespace edgeskip
