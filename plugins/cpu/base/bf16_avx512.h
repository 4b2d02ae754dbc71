// AVX512-BF16. Interface: bf16_scalar.h.
#pragma once

#include "base/bf16.h"
#include "base/vec_avx512.h"

namespace edgeskip {
namespace {

struct Bf16Avx512 {
  using Vec = VecAvx512;

  static EDGESKIP_INLINE void convert(const float* row, int n, Bf16* to) {
    int c = 0;
    for (; c + 32 <= n; c += 32) {
      const __m512bh both = _mm512_cvtne2ps_pbh(_mm512_loadu_ps(row + c + 16), _mm512_loadu_ps(row + c));
      _mm512_storeu_si512(to + c, (__m512i)both);
    }
    for (; c + 16 <= n; c += 16)
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + c), (__m256i)_mm512_cvtneps_pbh(_mm512_loadu_ps(row + c)));
    if (c == n) return;
    const __mmask8 pairs = static_cast<__mmask8>((1u << (n - c + 1) / 2) - 1);
    const __m256bh last = _mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(first_lanes(n - c), row + c));
    _mm256_mask_storeu_epi32(to + c, pairs, (__m256i)last);
  }
  static EDGESKIP_INLINE Vec pair(const Bf16* p) {
    int32_t bits;
    __builtin_memcpy(&bits, p, sizeof bits);
    return {_mm512_castsi512_ps(_mm512_set1_epi32(bits))};
  }
  static EDGESKIP_INLINE Vec dot(Vec sum, Vec x, Vec w) {
    const __m512i factors = _mm512_castps_si512(x.value), weights = _mm512_castps_si512(w.value);
    return {_mm512_dpbf16_ps(sum.value, (__m512bh)factors, (__m512bh)weights)};
  }
};

}  // namespace
}  // namespace edgeskip
