// A row of a camera picture (three bytes a pixel) to planes of floats: value = (level - mean) * scale, rounded
// after each step as numpy does.
#pragma once

#include <cstring>

#include "base/vec_math.h"
#include "kernels/kernels.h"

#if defined(__SSSE3__)
#include <immintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

namespace edgeskip {
namespace {

// Zero as long as everything was finite, then NaN.
template <class V>
EDGESKIP_INLINE V add_doubt(V doubt, V x) {
  return fma(x, V::broadcast(0.0f), doubt);
}

// Luminance in 15 bits, as in OpenCV's BGR2GRAY.
EDGESKIP_INLINE int luminance(const uint8_t* bgr) {
  return (bgr[0] * 3735 + bgr[1] * 19235 + bgr[2] * 9798 + (1 << 14)) >> 15;
}

EDGESKIP_INLINE float normalised(const PictureRows& a, int c, const uint8_t* pixel) {
  const int level = a.gray ? luminance(pixel) : pixel[a.order[c]];
  return (static_cast<float>(level) - a.mean[c]) * a.scale[c];
}

// Channel `order` of 16 pixels, as bytes.
#if defined(__SSSE3__)
struct Bytes48 {
  __m128i part[3];

  explicit EDGESKIP_INLINE Bytes48(const uint8_t* p) {
    for (int i = 0; i < 3; ++i) part[i] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p + 16 * i));
  }
  EDGESKIP_INLINE __m128i channel(int order) const {
    // of each part, the positions of the channel's bytes; a byte of 0x80 and more gives zero
    const __m128i step = _mm_setr_epi8(0, 3, 6, 9, 12, 15, 18, 21, 24, 27, 30, 33, 36, 39, 42, 45);
    __m128i at = _mm_add_epi8(step, _mm_set1_epi8(static_cast<char>(order))), sum = _mm_setzero_si128();
    for (int i = 0; i < 3; ++i, at = _mm_sub_epi8(at, _mm_set1_epi8(16))) {
      const __m128i behind = _mm_cmpgt_epi8(at, _mm_set1_epi8(15));
      sum = _mm_or_si128(sum, _mm_shuffle_epi8(part[i], _mm_or_si128(at, behind)));
    }
    return sum;
  }
};
#endif

template <class V>
EDGESKIP_INLINE void store_levels(const PictureRows& a, int c, const float* levels, float* out) {
  for (int i = 0; i < 16; i += V::lanes)
    ((V::load(levels + i) - V::broadcast(a.mean[c])) * V::broadcast(a.scale[c])).store(out + i);
}

// 16 pixels of a colour picture; planes[c] is written from `at`.
template <class V>
EDGESKIP_INLINE void normalise_16(const PictureRows& a, const uint8_t* p, float* const* planes, int at) {
#if defined(__AVX512F__)
  const Bytes48 bytes(p);
  for (int c = 0; c < 3; ++c) {
    const __m512 levels = _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(bytes.channel(a.order[c])));
    const __m512 centred = _mm512_sub_ps(levels, _mm512_set1_ps(a.mean[c]));
    _mm512_storeu_ps(planes[c] + at, _mm512_mul_ps(centred, _mm512_set1_ps(a.scale[c])));
  }
#elif defined(__AVX2__)
  const Bytes48 bytes(p);
  for (int c = 0; c < 3; ++c) {
    __m128i channel = bytes.channel(a.order[c]);
    for (int half = 0; half < 2; ++half, channel = _mm_srli_si128(channel, 8)) {
      const __m256 levels = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(channel));
      const __m256 centred = _mm256_sub_ps(levels, _mm256_set1_ps(a.mean[c]));
      _mm256_storeu_ps(planes[c] + at + 8 * half, _mm256_mul_ps(centred, _mm256_set1_ps(a.scale[c])));
    }
  }
#else
  float levels[3][16];
#if defined(__ARM_NEON)
  const uint8x16x3_t channels = vld3q_u8(p);
  for (int c = 0; c < 3; ++c) {
    const uint16x8_t halves[2] = {vmovl_u8(vget_low_u8(channels.val[c])), vmovl_u8(vget_high_u8(channels.val[c]))};
    for (int half = 0; half < 2; ++half) {
      vst1q_f32(levels[c] + 8 * half, vcvtq_f32_u32(vmovl_u16(vget_low_u16(halves[half]))));
      vst1q_f32(levels[c] + 8 * half + 4, vcvtq_f32_u32(vmovl_u16(vget_high_u16(halves[half]))));
    }
  }
#else
  for (int i = 0; i < 16; ++i)
    for (int c = 0; c < 3; ++c) levels[c][i] = static_cast<float>(p[3 * i + c]);
#endif
  for (int c = 0; c < 3; ++c) store_levels<V>(a, c, levels[a.order[c]], planes[c] + at);
#endif
}

// Columns begin .. end - 1 of a row; planes[c][column - begin] is written, and nothing behind.
template <class V>
void normalise_row(const PictureRows& a, int row, int begin, int end, float* const* planes) {
  const int channels = a.gray ? 1 : 3;
  const int inner = row >= a.height ? begin : end < a.width ? end : a.width;
  const uint8_t* const line = a.pixels + row * a.row_bytes;
  int column = begin;
  if (!a.gray)
    for (; column + 16 <= inner; column += 16) normalise_16<V>(a, line + 3 * column, planes, column - begin);
  for (; column < inner; ++column)
    for (int c = 0; c < channels; ++c) planes[c][column - begin] = normalised(a, c, line + 3 * column);
  for (; column < end; ++column)
    for (int c = 0; c < channels; ++c) planes[c][column - begin] = a.pads[c];
}

}  // namespace
}  // namespace edgeskip
