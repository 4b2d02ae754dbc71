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
  static constexpr bool streams = true;
  using Mask = __mmask16;
  __m512 value;

  static EDGESKIP_INLINE Mask all_lanes(bool on) { return static_cast<Mask>(-static_cast<int>(on)); }
  static EDGESKIP_INLINE VecAvx512 broadcast(float x) { return {_mm512_set1_ps(x)}; }
  static EDGESKIP_INLINE VecAvx512 load(const float* p) { return {_mm512_loadu_ps(p)}; }
  static EDGESKIP_INLINE VecAvx512 load_first(const float* p, int n) {
    return {_mm512_maskz_loadu_ps(first_lanes(n), p)};
  }
  static EDGESKIP_INLINE VecAvx512 load_fours(const float* p, int64_t stride) {
    __m512 fours = _mm512_castps128_ps512(_mm_loadu_ps(p));
    fours = _mm512_insertf32x4(fours, _mm_loadu_ps(p + stride), 1);
    fours = _mm512_insertf32x4(fours, _mm_loadu_ps(p + 2 * stride), 2);
    return {_mm512_insertf32x4(fours, _mm_loadu_ps(p + 3 * stride), 3)};
  }
  static EDGESKIP_INLINE VecAvx512 from_bits(uint32_t bits) {
    return {_mm512_castsi512_ps(_mm512_set1_epi32(static_cast<int>(bits)))};
  }
  EDGESKIP_INLINE void store(float* p) const { _mm512_storeu_ps(p, value); }
  EDGESKIP_INLINE void stream(float* p) const { _mm512_stream_ps(p, value); }
  static EDGESKIP_INLINE void end_streams() { _mm_sfence(); }
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
EDGESKIP_INLINE __mmask16 not_less_equal(VecAvx512 a, VecAvx512 b) {
  return _mm512_cmp_ps_mask(a.value, b.value, _CMP_NLE_UQ);
}
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
// p * 2^n for a whole n, in one instruction
EDGESKIP_INLINE VecAvx512 times_power_of_two(VecAvx512 p, VecAvx512 n) { return {_mm512_scalef_ps(p.value, n.value)}; }
// 1 + exp(-x), -88.7 <= x <= 87: exp(-x) = 2^(n / 16) * exp(r), the power from a table of the sixteenths, and few
// terms for so small an r
EDGESKIP_INLINE VecAvx512 one_plus_exp_of_negative(VecAvx512 x) {
  x = {_mm512_min_ps(_mm512_set1_ps(87.0f), x.value)};
  // n as an integer in the lowest bits; n / 16 as a float
  const __m512 magic = _mm512_set1_ps(12582912.0f / 16.0f), one = _mm512_set1_ps(1.0f);
  const __m512 biased = _mm512_fmadd_ps(x.value, _mm512_set1_ps(-1.44269504088896341f), magic);
  const __m512 n = _mm512_sub_ps(biased, magic);
  __m512 r = _mm512_fnmsub_ps(n, _mm512_set1_ps(0.693359375f), x.value);
  r = _mm512_fmadd_ps(n, _mm512_set1_ps(2.12194440e-4f), r);
  __m512 terms = _mm512_fmadd_ps(r, _mm512_set1_ps(1.0f / 6.0f), _mm512_set1_ps(0.5000049f));
  terms = _mm512_mul_ps(_mm512_fmadd_ps(terms, r, one), r);
  // the bits of 2^(i / 16), less those that i adds when n is shifted to the exponent
  const __m512i sixteenths = _mm512_setr_epi32(
      0x3f800000, 0x3f7daac3, 0x3f7b95c2, 0x3f79c3d3, 0x3f7837f0, 0x3f76f532, 0x3f75fed7, 0x3f75583f,
      0x3f7504f3, 0x3f7508a4, 0x3f75672a, 0x3f76248c, 0x3f7744fd, 0x3f78ccdf, 0x3f7ac0c7, 0x3f7d257d);
  const __m512i shifted = _mm512_slli_epi32(_mm512_castps_si512(biased), 19);
  const __m512i power = _mm512_add_epi32(_mm512_permutexvar_epi32(_mm512_castps_si512(biased), sixteenths), shifted);
  const __m512 scale = _mm512_castsi512_ps(power);
  return {_mm512_fmadd_ps(scale, terms, _mm512_add_ps(scale, one))};
}
// so that exp(-x) is a float: next to nothing is left of a sigmoid there
EDGESKIP_INLINE VecAvx512 at_least_lowest_exponent(VecAvx512 x) {
  return {_mm512_max_ps(_mm512_set1_ps(-88.7f), x.value)};
}
// of x >= -88.7, by an estimate of 14 bits and a Newton step: a division of 16 lanes takes up to 16 cycles
EDGESKIP_INLINE VecAvx512 sigmoid_in_range(VecAvx512 x) {
  const __m512 divisor = one_plus_exp_of_negative(x).value;
  const __m512 estimate = _mm512_rcp14_ps(divisor);
  return {_mm512_fmadd_ps(_mm512_fnmadd_ps(divisor, estimate, _mm512_set1_ps(1.0f)), estimate, estimate)};
}
EDGESKIP_INLINE VecAvx512 sigmoid(VecAvx512 x) { return sigmoid_in_range(at_least_lowest_exponent(x)); }
EDGESKIP_INLINE VecAvx512 silu(VecAvx512 x) {
  x = at_least_lowest_exponent(x);
  return x * sigmoid_in_range(x);
}
EDGESKIP_INLINE float reduce_add(VecAvx512 a) {
  const __m256 half = _mm256_add_ps(_mm512_castps512_ps256(a.value), _mm512_extractf32x8_ps(a.value, 1));
  __m128 sum = _mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1));
  sum = _mm_add_ps(sum, _mm_movehl_ps(sum, sum));
  return _mm_cvtss_f32(_mm_add_ss(sum, _mm_movehdup_ps(sum)));
}
EDGESKIP_INLINE void reduce_add_fours(VecAvx512 a, VecAvx512 b, VecAvx512 c, VecAvx512 d, float* out) {
  // in each quarter of ab: a b a b, then of the sum: a b c d
  const __m512 ab = _mm512_add_ps(_mm512_unpacklo_ps(a.value, b.value), _mm512_unpackhi_ps(a.value, b.value));
  const __m512 cd = _mm512_add_ps(_mm512_unpacklo_ps(c.value, d.value), _mm512_unpackhi_ps(c.value, d.value));
  const __m512 sum = _mm512_add_ps(_mm512_shuffle_ps(ab, cd, 0x44), _mm512_shuffle_ps(ab, cd, 0xee));
  const __m256 half = _mm256_add_ps(_mm512_castps512_ps256(sum), _mm512_extractf32x8_ps(sum, 1));
  _mm_storeu_ps(out, _mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1)));
}
// without NaN in `a`
EDGESKIP_INLINE float reduce_max(VecAvx512 a) {
  const __m256 half = _mm256_max_ps(_mm512_castps512_ps256(a.value), _mm512_extractf32x8_ps(a.value, 1));
  __m128 top = _mm_max_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1));
  top = _mm_max_ps(top, _mm_movehl_ps(top, top));
  return _mm_cvtss_f32(_mm_max_ss(top, _mm_movehdup_ps(top)));
}

EDGESKIP_INLINE uint32_t exceeds(VecAvx512 a, VecAvx512 b) {
  return _mm512_cmp_ps_mask(a.value, b.value, _CMP_NLE_UQ);
}
EDGESKIP_INLINE void transpose_fours(VecAvx512& a, VecAvx512& b, VecAvx512& c, VecAvx512& d) {
  // pixels of two vectors: value 0 of all eight, then value 1; and value 2, then value 3
  const __m512i first = _mm512_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28, 1, 5, 9, 13, 17, 21, 25, 29);
  const __m512i last = _mm512_setr_epi32(2, 6, 10, 14, 18, 22, 26, 30, 3, 7, 11, 15, 19, 23, 27, 31);
  const __m512 ab01 = _mm512_permutex2var_ps(a.value, first, b.value);
  const __m512 cd01 = _mm512_permutex2var_ps(c.value, first, d.value);
  const __m512 ab23 = _mm512_permutex2var_ps(a.value, last, b.value);
  const __m512 cd23 = _mm512_permutex2var_ps(c.value, last, d.value);
  a = {_mm512_shuffle_f32x4(ab01, cd01, 0x44)};
  b = {_mm512_shuffle_f32x4(ab01, cd01, 0xee)};
  c = {_mm512_shuffle_f32x4(ab23, cd23, 0x44)};
  d = {_mm512_shuffle_f32x4(ab23, cd23, 0xee)};
}

EDGESKIP_INLINE void gather_fours(VecAvx512& a, VecAvx512& b, VecAvx512& c, VecAvx512& d) {
  // in each quarter 4 x 4, then the quarters 4 x 4
  const __m512 ab_low = _mm512_unpacklo_ps(a.value, b.value), ab_high = _mm512_unpackhi_ps(a.value, b.value);
  const __m512 cd_low = _mm512_unpacklo_ps(c.value, d.value), cd_high = _mm512_unpackhi_ps(c.value, d.value);
  const __m512 p0 = _mm512_shuffle_ps(ab_low, cd_low, 0x44), p1 = _mm512_shuffle_ps(ab_low, cd_low, 0xee);
  const __m512 p2 = _mm512_shuffle_ps(ab_high, cd_high, 0x44), p3 = _mm512_shuffle_ps(ab_high, cd_high, 0xee);
  const __m512 even01 = _mm512_shuffle_f32x4(p0, p1, 0x88), odd01 = _mm512_shuffle_f32x4(p0, p1, 0xdd);
  const __m512 even23 = _mm512_shuffle_f32x4(p2, p3, 0x88), odd23 = _mm512_shuffle_f32x4(p2, p3, 0xdd);
  a = {_mm512_shuffle_f32x4(even01, even23, 0x88)};
  b = {_mm512_shuffle_f32x4(odd01, odd23, 0x88)};
  c = {_mm512_shuffle_f32x4(even01, even23, 0xdd)};
  d = {_mm512_shuffle_f32x4(odd01, odd23, 0xdd)};
}

}  // namespace
}  // namespace edgeskip
