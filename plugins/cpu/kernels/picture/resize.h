// A camera picture's rows of three bytes a pixel in another size, bilinear, in integers: along the rows to 1/128 of a
// level, then along the columns (edgeskip/core/picture.py is the same arithmetic in numpy).
//
// Two neighbouring pixels are six bytes in a row, so that one load of eight fetches both. A pixel has 128 bits of a
// vector: its bytes become words, pairs of left and right, and products with the pair of weights that sum in place.
#pragma once

#include <cstring>

#include "base/inline.h"
#include "kernels/kernels.h"

#if defined(__AVX2__)
#include <immintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

namespace edgeskip {
namespace {

// Where the pixel of an entry begins. Positions are not negative: so said, they need no sign extension.
EDGESKIP_INLINE const uint8_t* pixel_of(const uint8_t* in, const int32_t* entry) {
  return in + uint64_t{3} * static_cast<uint32_t>(entry[0]);
}

#if defined(__AVX2__)
// Of two pixels, eight bytes of the first and of the second.
EDGESKIP_INLINE __m128i load_two(const uint8_t* first, const uint8_t* second) {
  const __m128 low = _mm_castsi128_ps(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(first)));
  return _mm_castps_si128(_mm_loadh_pi(low, reinterpret_cast<const __m64*>(second)));
}
#endif

// One step of so many pixels: each reads eight bytes from its first one on, and four values behind the last pixel's
// are written.
#if defined(__AVX512BW__)

constexpr int blended_pixels = 4;
EDGESKIP_INLINE void blend_pixels(const uint8_t* in, const int32_t* entry, int16_t* out) {
  const __m128i low = load_two(pixel_of(in, entry), pixel_of(in, entry + 4));
  const __m128i high = load_two(pixel_of(in, entry + 8), pixel_of(in, entry + 12));
  const __m512i words = _mm512_cvtepu8_epi16(_mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1));
  const __m512i pairs_at = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 1, 6, 7, 2, 3, 8, 9, 4, 5, 10, 11, -1, -1, -1, -1));
  const __m512i weights_at =
      _mm512_broadcast_i32x4(_mm_setr_epi8(8, 9, 12, 13, 8, 9, 12, 13, 8, 9, 12, 13, -1, -1, -1, -1));
  const __m512i weights = _mm512_shuffle_epi8(_mm512_loadu_si512(entry), weights_at);
  const __m512i sums = _mm512_srli_epi32(_mm512_madd_epi16(_mm512_shuffle_epi8(words, pairs_at), weights), 4);
  // the lower words of three sums in four
  const __m256i kept = _mm256_setr_epi16(0, 2, 4, 8, 10, 12, 16, 18, 20, 24, 26, 28, 31, 31, 31, 31);
  const __m512i packed = _mm512_permutexvar_epi16(_mm512_castsi256_si512(kept), sums);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), _mm512_castsi512_si256(packed));
}

#elif defined(__AVX2__)

constexpr int blended_pixels = 4;
// Of the pixels of two entries, each in its half.
EDGESKIP_INLINE __m256i blend_two(const uint8_t* in, const int32_t* entry, const int32_t* other) {
  const __m256i words = _mm256_cvtepu8_epi16(load_two(pixel_of(in, entry), pixel_of(in, other)));
  const __m256i pairs_at =
      _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 1, 6, 7, 2, 3, 8, 9, 4, 5, 10, 11, -1, -1, -1, -1));
  const __m256i weights_at =
      _mm256_broadcastsi128_si256(_mm_setr_epi8(8, 9, 12, 13, 8, 9, 12, 13, 8, 9, 12, 13, -1, -1, -1, -1));
  const __m256i entries =
      _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(entry))),
                              _mm_loadu_si128(reinterpret_cast<const __m128i*>(other)), 1);
  const __m256i weights = _mm256_shuffle_epi8(entries, weights_at);
  return _mm256_srli_epi32(_mm256_madd_epi16(_mm256_shuffle_epi8(words, pairs_at), weights), 4);
}
EDGESKIP_INLINE void blend_pixels(const uint8_t* in, const int32_t* entry, int16_t* out) {
  // packed within halves: the first half has pixels 0 and 1, the second 2 and 3
  const __m256i sums = _mm256_packs_epi32(blend_two(in, entry, entry + 8), blend_two(in, entry + 4, entry + 12));
  const __m256i kept = _mm256_shuffle_epi8(
      sums, _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 1, 2, 3, 4, 5, 8, 9, 10, 11, 12, 13, -1, -1, -1, -1)));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm256_castsi256_si128(kept));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out + 6), _mm256_extracti128_si256(kept, 1));
}

#elif defined(__ARM_NEON)

constexpr int blended_pixels = 1;
EDGESKIP_INLINE void blend_pixels(const uint8_t* in, const int32_t* entry, int16_t* out) {
  constexpr uint8x8_t apart = {0, 1, 2, 6, 3, 4, 5, 7};
  const uint16x8_t words = vmovl_u8(vtbl1_u8(vld1_u8(pixel_of(in, entry)), apart));
  const uint32x4_t left = vmull_n_u16(vget_low_u16(words), static_cast<uint16_t>(entry[2]));
  const uint32x4_t sums = vmlal_n_u16(left, vget_high_u16(words), static_cast<uint16_t>(entry[3]));
  vst1_s16(out, vreinterpret_s16_u16(vshrn_n_u32(sums, 4)));
}

#else

constexpr int blended_pixels = 0;
EDGESKIP_INLINE void blend_pixels(const uint8_t*, const int32_t*, int16_t*) {}

#endif

// of a type in each level's own namespace, as all kernels
template <class V>
void blend_columns(const BlendColumnsArgs& a) {
  int x = 0;
  if constexpr (blended_pixels > 0) {
    // not through `a`, which could change with each store as far as the compiler knows
    const uint8_t* const row = a.row;
    const int32_t* entry = a.columns;
    int16_t* line = a.line;
    for (const int end = a.adjacent - blended_pixels; x <= end; x += blended_pixels) {
      blend_pixels(row, entry, line);
      entry += 4 * blended_pixels, line += 3 * blended_pixels;
    }
  }
  for (; x < a.width; ++x) {
    const int32_t* entry = a.columns + 4 * x;
    const uint8_t *left = a.row + 3 * entry[0], *right = a.row + 3 * entry[1];
    for (int c = 0; c < 3; ++c)
      a.line[3 * x + c] = static_cast<int16_t>((left[c] * entry[2] + right[c] * entry[3]) >> 4);
  }
}

EDGESKIP_INLINE uint8_t blend_value(int upper, int lower, int upper_weight, int lower_weight) {
  return static_cast<uint8_t>(((upper * upper_weight >> 16) + (lower * lower_weight >> 16) + 2) >> 2);
}

// blended_values of them
#if defined(__AVX512BW__)

constexpr int blended_values = 32;
EDGESKIP_INLINE void blend_values(const int16_t* upper, const int16_t* lower, int upper_weight, int lower_weight,
                                  uint8_t* out) {
  const __m512i upper_weights = _mm512_set1_epi16(static_cast<int16_t>(upper_weight));
  const __m512i lower_weights = _mm512_set1_epi16(static_cast<int16_t>(lower_weight));
  const __m512i high = _mm512_mulhi_epi16(_mm512_loadu_si512(upper), upper_weights);
  const __m512i low = _mm512_mulhi_epi16(_mm512_loadu_si512(lower), lower_weights);
  const __m512i sum = _mm512_add_epi16(_mm512_add_epi16(high, low), _mm512_set1_epi16(2));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), _mm512_cvtepi16_epi8(_mm512_srli_epi16(sum, 2)));
}

#elif defined(__AVX2__)

constexpr int blended_values = 32;
EDGESKIP_INLINE __m256i blend_16(const int16_t* upper, const int16_t* lower, int upper_weight, int lower_weight) {
  const __m256i high = _mm256_mulhi_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(upper)),
                                          _mm256_set1_epi16(static_cast<int16_t>(upper_weight)));
  const __m256i low = _mm256_mulhi_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(lower)),
                                         _mm256_set1_epi16(static_cast<int16_t>(lower_weight)));
  return _mm256_srli_epi16(_mm256_add_epi16(_mm256_add_epi16(high, low), _mm256_set1_epi16(2)), 2);
}
EDGESKIP_INLINE void blend_values(const int16_t* upper, const int16_t* lower, int upper_weight, int lower_weight,
                                  uint8_t* out) {
  const __m256i first = blend_16(upper, lower, upper_weight, lower_weight);
  const __m256i second = blend_16(upper + 16, lower + 16, upper_weight, lower_weight);
  const __m256i bytes = _mm256_permute4x64_epi64(_mm256_packus_epi16(first, second), 0xd8);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), bytes);
}

#elif defined(__ARM_NEON)

constexpr int blended_values = 8;
EDGESKIP_INLINE int16x8_t high_products(const int16_t* values, int weight) {
  const int16x8_t x = vld1q_s16(values);
  const int16_t w = static_cast<int16_t>(weight);
  const int32x4_t low = vmull_n_s16(vget_low_s16(x), w), high = vmull_n_s16(vget_high_s16(x), w);
  return vcombine_s16(vshrn_n_s32(low, 16), vshrn_n_s32(high, 16));
}
EDGESKIP_INLINE void blend_values(const int16_t* upper, const int16_t* lower, int upper_weight, int lower_weight,
                                  uint8_t* out) {
  const int16x8_t sum = vaddq_s16(high_products(upper, upper_weight), high_products(lower, lower_weight));
  vst1_u8(out, vqshrun_n_s16(vaddq_s16(sum, vdupq_n_s16(2)), 2));
}

#else

constexpr int blended_values = 1;
EDGESKIP_INLINE void blend_values(const int16_t* upper, const int16_t* lower, int upper_weight, int lower_weight,
                                  uint8_t* out) {
  *out = blend_value(*upper, *lower, upper_weight, lower_weight);
}

#endif

template <class V>
void blend_rows(const BlendRowsArgs& args) {
  const BlendRowsArgs a = args;  // so that no store can change it
  const auto blend = [&](int i) EDGESKIP_INLINE_LAMBDA {
    blend_values(a.upper + i, a.lower + i, a.upper_weight, a.lower_weight, a.out + i);
  };
  int i = 0;
  for (; i + blended_values <= a.count; i += blended_values) blend(i);
  if (i == a.count) return;
  // the last whole vector once more, further right
  if (a.count >= blended_values) return blend(a.count - blended_values);
  for (; i < a.count; ++i) a.out[i] = blend_value(a.upper[i], a.lower[i], a.upper_weight, a.lower_weight);
}

}  // namespace
}  // namespace edgeskip
