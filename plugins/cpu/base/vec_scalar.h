// One lane: the level that every machine has, and the plainest reading of the kernels.
//
// The vector interface (vec_*.h implement it with the same names):
//   load, store               all lanes, unaligned
//   load_first, store_first   only the first n lanes (1 <= n < lanes) touch memory; others load as 0
//   max(a, b)                 a > b ? a : b on x86; NaN in b gives NaN, NaN in a is unspecified
//   fma(a, b, c)              a * b + c, one rounding where the hardware has it
//   all_lanes(on)             the mask of all lanes or of none
//   bits_*, shift_*           on the 32-bit patterns
//   exceeds(a, b)             one bit per lane, the first lowest: not a <= b, so also where one is NaN
//   reduce_add_fours          out[0 .. 3] = the sums of the lanes of each of 4 vectors
//   transpose_fours           4 vectors of groups of 4 floats become the groups' first, second, .. values
//   gather_fours              the way back
//   streams                   stream(p) stores to whole cache lines, p aligned to one, past the caches; other threads
//                             see it behind end_streams(). False: the level has neither
//   load_fours(p, stride)     lanes / 4 groups of 4 floats, `stride` floats apart; of levels with 4 and more lanes
#pragma once

#include <cstdint>

#include "base/inline.h"

namespace edgeskip {
namespace {

struct VecScalar {
  static constexpr int lanes = 1;
  static constexpr int lane_group = 1;
  static constexpr bool streams = false;
  using Mask = bool;
  float value;

  static EDGESKIP_INLINE Mask all_lanes(bool on) { return on; }
  static EDGESKIP_INLINE VecScalar broadcast(float x) { return {x}; }
  static EDGESKIP_INLINE VecScalar load(const float* p) { return {*p}; }
  static EDGESKIP_INLINE VecScalar load_first(const float*, int) { return {0.0f}; }
  static EDGESKIP_INLINE VecScalar from_bits(uint32_t bits) {
    VecScalar result;
    __builtin_memcpy(&result.value, &bits, sizeof bits);
    return result;
  }
  EDGESKIP_INLINE uint32_t bits() const {
    uint32_t result;
    __builtin_memcpy(&result, &value, sizeof result);
    return result;
  }
  EDGESKIP_INLINE void store(float* p) const { *p = value; }
  EDGESKIP_INLINE void store_first(float*, int) const {}
};

EDGESKIP_INLINE VecScalar operator+(VecScalar a, VecScalar b) { return {a.value + b.value}; }
EDGESKIP_INLINE VecScalar operator-(VecScalar a, VecScalar b) { return {a.value - b.value}; }
EDGESKIP_INLINE VecScalar operator*(VecScalar a, VecScalar b) { return {a.value * b.value}; }
EDGESKIP_INLINE VecScalar operator/(VecScalar a, VecScalar b) { return {a.value / b.value}; }
EDGESKIP_INLINE VecScalar fma(VecScalar a, VecScalar b, VecScalar c) { return {a.value * b.value + c.value}; }
EDGESKIP_INLINE VecScalar min(VecScalar a, VecScalar b) { return {a.value < b.value ? a.value : b.value}; }
EDGESKIP_INLINE VecScalar max(VecScalar a, VecScalar b) { return {a.value > b.value ? a.value : b.value}; }
EDGESKIP_INLINE VecScalar sqrt(VecScalar a) { return {__builtin_sqrtf(a.value)}; }
EDGESKIP_INLINE bool less(VecScalar a, VecScalar b) { return a.value < b.value; }
EDGESKIP_INLINE bool equal(VecScalar a, VecScalar b) { return a.value == b.value; }
EDGESKIP_INLINE bool is_nan(VecScalar a) { return a.value != a.value; }
EDGESKIP_INLINE bool not_less_equal(VecScalar a, VecScalar b) { return !(a.value <= b.value); }
EDGESKIP_INLINE bool any(bool mask) { return mask; }
EDGESKIP_INLINE VecScalar select(bool mask, VecScalar a, VecScalar b) { return mask ? a : b; }
EDGESKIP_INLINE VecScalar keep_first(VecScalar, int) { return {0.0f}; }
EDGESKIP_INLINE VecScalar bits_and(VecScalar a, VecScalar b) { return VecScalar::from_bits(a.bits() & b.bits()); }
EDGESKIP_INLINE VecScalar bits_or(VecScalar a, VecScalar b) { return VecScalar::from_bits(a.bits() | b.bits()); }
EDGESKIP_INLINE VecScalar bits_xor(VecScalar a, VecScalar b) { return VecScalar::from_bits(a.bits() ^ b.bits()); }
template <int count>
EDGESKIP_INLINE VecScalar shift_left(VecScalar a) {
  return VecScalar::from_bits(a.bits() << count);
}
template <int count>
EDGESKIP_INLINE VecScalar shift_right(VecScalar a) {
  return VecScalar::from_bits(a.bits() >> count);
}
EDGESKIP_INLINE float reduce_add(VecScalar a) { return a.value; }
EDGESKIP_INLINE void reduce_add_fours(VecScalar a, VecScalar b, VecScalar c, VecScalar d, float* out) {
  out[0] = a.value, out[1] = b.value, out[2] = c.value, out[3] = d.value;
}
EDGESKIP_INLINE float reduce_max(VecScalar a) { return a.value; }

EDGESKIP_INLINE uint32_t exceeds(VecScalar a, VecScalar b) { return !(a.value <= b.value); }
EDGESKIP_INLINE void transpose_fours(VecScalar&, VecScalar&, VecScalar&, VecScalar&) {}

EDGESKIP_INLINE void gather_fours(VecScalar&, VecScalar&, VecScalar&, VecScalar&) {}

}  // namespace
}  // namespace edgeskip
