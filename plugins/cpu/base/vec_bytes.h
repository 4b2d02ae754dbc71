// Vectors of unsigned bytes, as wide as the level that includes this is compiled for.
#pragma once

#include <cstdint>
#include <cstring>

#if defined(__AVX2__)
#include <immintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

#include "base/inline.h"

namespace edgeskip {
namespace {

// load, store: any address. distance: |a - b|. add: at most 255. exceeds: a bit per lane.
#if defined(__AVX512BW__)

struct Bytes {
  static constexpr int lanes = 64;
  __m512i value;

  static EDGESKIP_INLINE Bytes zero() { return {_mm512_setzero_si512()}; }
  static EDGESKIP_INLINE Bytes load(const uint8_t* p) { return {_mm512_loadu_si512(p)}; }
  EDGESKIP_INLINE void store(uint8_t* p) const { _mm512_storeu_si512(p, value); }
};
EDGESKIP_INLINE Bytes distance(Bytes a, Bytes b) {
  return {_mm512_or_si512(_mm512_subs_epu8(a.value, b.value), _mm512_subs_epu8(b.value, a.value))};
}
EDGESKIP_INLINE Bytes add(Bytes a, Bytes b) { return {_mm512_adds_epu8(a.value, b.value)}; }
EDGESKIP_INLINE Bytes either(Bytes a, Bytes b) { return {_mm512_or_si512(a.value, b.value)}; }
EDGESKIP_INLINE uint64_t exceeds(Bytes a, Bytes b) { return _mm512_cmpgt_epu8_mask(a.value, b.value); }

#elif defined(__AVX2__)

struct Bytes {
  static constexpr int lanes = 32;
  __m256i value;

  static EDGESKIP_INLINE Bytes zero() { return {_mm256_setzero_si256()}; }
  static EDGESKIP_INLINE Bytes load(const uint8_t* p) {
    return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))};
  }
  EDGESKIP_INLINE void store(uint8_t* p) const { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), value); }
};
EDGESKIP_INLINE Bytes distance(Bytes a, Bytes b) {
  return {_mm256_or_si256(_mm256_subs_epu8(a.value, b.value), _mm256_subs_epu8(b.value, a.value))};
}
EDGESKIP_INLINE Bytes add(Bytes a, Bytes b) { return {_mm256_adds_epu8(a.value, b.value)}; }
EDGESKIP_INLINE Bytes either(Bytes a, Bytes b) { return {_mm256_or_si256(a.value, b.value)}; }
EDGESKIP_INLINE uint64_t exceeds(Bytes a, Bytes b) {
  const __m256i harmless = _mm256_cmpeq_epi8(_mm256_subs_epu8(a.value, b.value), _mm256_setzero_si256());
  return ~static_cast<uint32_t>(_mm256_movemask_epi8(harmless));
}

#elif defined(__ARM_NEON)

struct Bytes {
  static constexpr int lanes = 16;
  uint8x16_t value;

  static EDGESKIP_INLINE Bytes zero() { return {vdupq_n_u8(0)}; }
  static EDGESKIP_INLINE Bytes load(const uint8_t* p) { return {vld1q_u8(p)}; }
  EDGESKIP_INLINE void store(uint8_t* p) const { vst1q_u8(p, value); }
};
EDGESKIP_INLINE Bytes distance(Bytes a, Bytes b) { return {vabdq_u8(a.value, b.value)}; }
EDGESKIP_INLINE Bytes add(Bytes a, Bytes b) { return {vqaddq_u8(a.value, b.value)}; }
EDGESKIP_INLINE Bytes either(Bytes a, Bytes b) { return {vorrq_u8(a.value, b.value)}; }
EDGESKIP_INLINE uint64_t exceeds(Bytes a, Bytes b) {
  // the bit of each lane within its half, then the sum of each half
  const uint8x8_t bits = {1, 2, 4, 8, 16, 32, 64, 128};
  const uint8x16_t set = vandq_u8(vcgtq_u8(a.value, b.value), vcombine_u8(bits, bits));
  return uint64_t{vaddv_u8(vget_low_u8(set))} | uint64_t{vaddv_u8(vget_high_u8(set))} << 8;
}

#else

struct Bytes {
  static constexpr int lanes = 16;
  uint8_t value[lanes];

  static EDGESKIP_INLINE Bytes zero() { return {}; }
  static EDGESKIP_INLINE Bytes load(const uint8_t* p) {
    Bytes result;
    std::memcpy(result.value, p, lanes);
    return result;
  }
  EDGESKIP_INLINE void store(uint8_t* p) const { std::memcpy(p, value, lanes); }
};
EDGESKIP_INLINE Bytes distance(Bytes a, Bytes b) {
  for (int i = 0; i < Bytes::lanes; ++i)
    a.value[i] = static_cast<uint8_t>(a.value[i] > b.value[i] ? a.value[i] - b.value[i] : b.value[i] - a.value[i]);
  return a;
}
EDGESKIP_INLINE Bytes add(Bytes a, Bytes b) {
  for (int i = 0; i < Bytes::lanes; ++i) {
    const int sum = a.value[i] + b.value[i];
    a.value[i] = static_cast<uint8_t>(sum < 255 ? sum : 255);
  }
  return a;
}
EDGESKIP_INLINE Bytes either(Bytes a, Bytes b) {
  for (int i = 0; i < Bytes::lanes; ++i) a.value[i] = static_cast<uint8_t>(a.value[i] | b.value[i]);
  return a;
}
EDGESKIP_INLINE uint64_t exceeds(Bytes a, Bytes b) {
  uint64_t bits = 0;
  for (int i = 0; i < Bytes::lanes; ++i) bits |= uint64_t{a.value[i] > b.value[i]} << i;
  return bits;
}

#endif

EDGESKIP_INLINE bool any(Bytes a) { return exceeds(a, Bytes::zero()) != 0; }

}  // namespace
}  // namespace edgeskip
