// 4 lanes, AArch64 Advanced SIMD. It has no masked memory access: partial rows of 1 to 3 floats
// go through half vectors and single lanes. Interface: vec_scalar.h.
#pragma once

#include <arm_neon.h>

#include <cstdint>

#include "base/inline.h"

namespace edgeskip {
namespace {

struct VecNeon {
  static constexpr int lanes = 4;
  // The multiply-add instruction takes one factor from a lane of a register: the matrix kernel
  // loads 4 channels of a pixel at once and broadcasts for free.
  static constexpr int lane_group = 4;
  static constexpr bool streams = false;
  using Mask = uint32x4_t;
  float32x4_t value;

  static EDGESKIP_INLINE Mask all_lanes(bool on) { return vdupq_n_u32(-static_cast<uint32_t>(on)); }
  static EDGESKIP_INLINE VecNeon broadcast(float x) { return {vdupq_n_f32(x)}; }
  static EDGESKIP_INLINE VecNeon load(const float* p) { return {vld1q_f32(p)}; }
  static EDGESKIP_INLINE VecNeon load_fours(const float* p, int64_t) { return load(p); }
  static EDGESKIP_INLINE VecNeon load_first(const float* p, int n) {
    const float32x4_t zero = vdupq_n_f32(0.0f);
    if (n == 1) return {vld1q_lane_f32(p, zero, 0)};
    const float32x4_t pair = vcombine_f32(vld1_f32(p), vdup_n_f32(0.0f));
    return {n == 2 ? pair : vld1q_lane_f32(p + 2, pair, 2)};
  }
  static EDGESKIP_INLINE VecNeon from_bits(uint32_t bits) { return {vreinterpretq_f32_u32(vdupq_n_u32(bits))}; }
  // a * b[lane] + c
  template <int lane>
  static EDGESKIP_INLINE VecNeon fma_lane(VecNeon a, VecNeon b, VecNeon c) {
    return {vfmaq_laneq_f32(c.value, a.value, b.value, lane)};
  }
  EDGESKIP_INLINE uint32x4_t bits() const { return vreinterpretq_u32_f32(value); }
  EDGESKIP_INLINE void store(float* p) const { vst1q_f32(p, value); }
  EDGESKIP_INLINE void store_first(float* p, int n) const {
    if (n == 1) return vst1q_lane_f32(p, value, 0);
    vst1_f32(p, vget_low_f32(value));
    if (n == 3) vst1q_lane_f32(p + 2, value, 2);
  }
};

EDGESKIP_INLINE VecNeon operator+(VecNeon a, VecNeon b) { return {vaddq_f32(a.value, b.value)}; }
EDGESKIP_INLINE VecNeon operator-(VecNeon a, VecNeon b) { return {vsubq_f32(a.value, b.value)}; }
EDGESKIP_INLINE VecNeon operator*(VecNeon a, VecNeon b) { return {vmulq_f32(a.value, b.value)}; }
EDGESKIP_INLINE VecNeon operator/(VecNeon a, VecNeon b) { return {vdivq_f32(a.value, b.value)}; }
EDGESKIP_INLINE VecNeon fma(VecNeon a, VecNeon b, VecNeon c) { return {vfmaq_f32(c.value, a.value, b.value)}; }
EDGESKIP_INLINE VecNeon min(VecNeon a, VecNeon b) { return {vminq_f32(a.value, b.value)}; }
EDGESKIP_INLINE VecNeon max(VecNeon a, VecNeon b) { return {vmaxq_f32(a.value, b.value)}; }
EDGESKIP_INLINE VecNeon sqrt(VecNeon a) { return {vsqrtq_f32(a.value)}; }
EDGESKIP_INLINE uint32x4_t less(VecNeon a, VecNeon b) { return vcltq_f32(a.value, b.value); }
EDGESKIP_INLINE uint32x4_t equal(VecNeon a, VecNeon b) { return vceqq_f32(a.value, b.value); }
EDGESKIP_INLINE uint32x4_t is_nan(VecNeon a) { return vmvnq_u32(vceqq_f32(a.value, a.value)); }
EDGESKIP_INLINE uint32x4_t not_less_equal(VecNeon a, VecNeon b) { return vmvnq_u32(vcleq_f32(a.value, b.value)); }
EDGESKIP_INLINE bool any(uint32x4_t mask) { return vmaxvq_u32(mask) != 0; }
EDGESKIP_INLINE VecNeon select(uint32x4_t mask, VecNeon a, VecNeon b) { return {vbslq_f32(mask, a.value, b.value)}; }
EDGESKIP_INLINE VecNeon keep_first(VecNeon a, int n) {
  const uint32_t order[4] = {0, 1, 2, 3};
  const uint32x4_t mask = vcltq_u32(vld1q_u32(order), vdupq_n_u32(static_cast<uint32_t>(n)));
  return {vreinterpretq_f32_u32(vandq_u32(mask, a.bits()))};
}
EDGESKIP_INLINE VecNeon bits_and(VecNeon a, VecNeon b) {
  return {vreinterpretq_f32_u32(vandq_u32(a.bits(), b.bits()))};
}
EDGESKIP_INLINE VecNeon bits_or(VecNeon a, VecNeon b) {
  return {vreinterpretq_f32_u32(vorrq_u32(a.bits(), b.bits()))};
}
EDGESKIP_INLINE VecNeon bits_xor(VecNeon a, VecNeon b) {
  return {vreinterpretq_f32_u32(veorq_u32(a.bits(), b.bits()))};
}
template <int count>
EDGESKIP_INLINE VecNeon shift_left(VecNeon a) {
  return {vreinterpretq_f32_u32(vshlq_n_u32(a.bits(), count))};
}
template <int count>
EDGESKIP_INLINE VecNeon shift_right(VecNeon a) {
  return {vreinterpretq_f32_u32(vshrq_n_u32(a.bits(), count))};
}
EDGESKIP_INLINE float reduce_add(VecNeon a) { return vaddvq_f32(a.value); }
EDGESKIP_INLINE void reduce_add_fours(VecNeon a, VecNeon b, VecNeon c, VecNeon d, float* out) {
  vst1q_f32(out, vpaddq_f32(vpaddq_f32(a.value, b.value), vpaddq_f32(c.value, d.value)));
}
EDGESKIP_INLINE float reduce_max(VecNeon a) { return vmaxvq_f32(a.value); }

EDGESKIP_INLINE uint32_t exceeds(VecNeon a, VecNeon b) {
  const uint32_t bit[4] = {1, 2, 4, 8};
  return vaddvq_u32(vbicq_u32(vld1q_u32(bit), vcleq_f32(a.value, b.value)));
}
EDGESKIP_INLINE void transpose_fours(VecNeon& a, VecNeon& b, VecNeon& c, VecNeon& d) {
  const float32x4x2_t ab = vtrnq_f32(a.value, b.value), cd = vtrnq_f32(c.value, d.value);
  a = {vcombine_f32(vget_low_f32(ab.val[0]), vget_low_f32(cd.val[0]))};
  b = {vcombine_f32(vget_low_f32(ab.val[1]), vget_low_f32(cd.val[1]))};
  c = {vcombine_f32(vget_high_f32(ab.val[0]), vget_high_f32(cd.val[0]))};
  d = {vcombine_f32(vget_high_f32(ab.val[1]), vget_high_f32(cd.val[1]))};
}

EDGESKIP_INLINE void gather_fours(VecNeon& a, VecNeon& b, VecNeon& c, VecNeon& d) { transpose_fours(a, b, c, d); }

}  // namespace
}  // namespace edgeskip
