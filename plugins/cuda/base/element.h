// Element types of tensors: storage, conversion to float and back, and how many lie in the 16 bytes that one load
// moves.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#include "base/host_device.h"

#if defined(__CUDACC__)
#include <cuda_fp16.h>
#endif

namespace edgeskip::cuda {

struct alignas(16) Vector16 {
  uint32_t word[4];
};

struct Half {
  uint16_t bits;
};

EDGESKIP_HD uint32_t bits_of(float value) {
#if defined(__CUDA_ARCH__)
  return __float_as_uint(value);
#else
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
#endif
}

EDGESKIP_HD float float_of(uint32_t bits) {
#if defined(__CUDA_ARCH__)
  return __uint_as_float(bits);
#else
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
#endif
}

EDGESKIP_HD float fused_multiply_add(float a, float b, float c) {
#if defined(__CUDA_ARCH__)
  return __fmaf_rn(a, b, c);
#else
  return std::fma(a, b, c);
#endif
}

EDGESKIP_HD float to_float(float value) { return value; }
EDGESKIP_HD float to_float(int8_t value) { return static_cast<float>(value); }

EDGESKIP_HD float to_float(Half value) {
#if defined(__CUDA_ARCH__)
  __half_raw raw;
  raw.x = value.bits;
  return __half2float(__half(raw));
#else
  const uint32_t sign = static_cast<uint32_t>(value.bits & 0x8000u) << 16;
  const uint32_t rest = value.bits & 0x7fffu;
  if (rest >= 0x7c00u) return float_of(sign | 0x7f800000u | (rest & 0x3ffu) << 13);
  if (rest >= 0x400u) return float_of(sign | ((rest << 13) + 0x38000000u));
  const float small = static_cast<float>(rest) * 5.9604644775390625e-8f;  // 2^-24
  return float_of(sign | bits_of(small));
#endif
}

// To nearest, ties to even, beyond 65520 infinity.
EDGESKIP_HD Half to_half(float value) {
#if defined(__CUDA_ARCH__)
  return {__half_raw(__float2half_rn(value)).x};
#else
  const uint32_t bits = bits_of(value), magnitude = bits & 0x7fffffffu;
  const uint16_t sign = static_cast<uint16_t>((bits >> 16) & 0x8000u);
  if (magnitude > 0x7f800000u) return {static_cast<uint16_t>(sign | 0x7fffu)};
  if (magnitude >= 0x477ff000u) return {static_cast<uint16_t>(sign | 0x7c00u)};
  if (magnitude < 0x38800000u) {  // becomes subnormal: the addition rounds to multiples of 2^-24
    const float shifted = float_of(magnitude) + 0.5f;
    return {static_cast<uint16_t>(sign | (bits_of(shifted) - bits_of(0.5f)))};
  }
  const uint32_t rounded = magnitude + 0xfffu + ((magnitude >> 13) & 1u);
  return {static_cast<uint16_t>(sign | ((rounded - 0x38000000u) >> 13))};
#endif
}

template <class T>
struct Element;

template <>
struct Element<float> {
  static constexpr int per_vector = 4;
  using Sum = float;
  EDGESKIP_HD static float zero() { return 0.0f; }
  EDGESKIP_HD static float from_float(float value) { return value; }
};

template <>
struct Element<Half> {
  static constexpr int per_vector = 8;
  using Sum = float;
  EDGESKIP_HD static Half zero() { return {0}; }
  EDGESKIP_HD static Half from_float(float value) { return to_half(value); }
};

template <>
struct Element<int8_t> {
  static constexpr int per_vector = 16;
  using Sum = int32_t;
  EDGESKIP_HD static int8_t zero() { return 0; }
  EDGESKIP_HD static int8_t from_float(float value) {
    const float rounded = value < -127.0f ? -127.0f : value > 127.0f ? 127.0f : value;
    return static_cast<int8_t>(rounded < 0.0f ? rounded - 0.5f : rounded + 0.5f);
  }
};

// As stored: what the next layer reads, and what comparisons are made with.
template <class T>
EDGESKIP_HD float rounded_to(float value) { return to_float(Element<T>::from_float(value)); }

}  // namespace edgeskip::cuda
