// The left factor: rows of a block of pixels, converted to bfloat16 side by side.
//
//   factors[p][t][c]: pixel p at p * pitch, tap t at t * even(channels), zeros behind the last channel and tap
//
// Converted once per block, they serve all output channels. `Format` (base/bf16_*.h) converts a row.
#pragma once

#include "base/bf16.h"
#include "base/inline.h"
#include "kernels/kernels.h"

namespace edgeskip {
namespace {

constexpr int64_t bf16_line = 32;                  // values in a cache line
constexpr int64_t factor_block_bytes = 192 << 10;  // of a block: leaves room for weights in the second cache

EDGESKIP_INLINE int64_t even(int64_t n) { return (n + 1) / 2 * 2; }

// Pairs of values that a pixel's sum is made of, a multiple of `step`.
EDGESKIP_INLINE int64_t factor_pairs(int taps, int channels, int step) {
  return (taps * even(channels) / 2 + step - 1) / step * step;
}

// An odd number of cache lines from pixel to pixel: at a power of two, pixels would share a few places in the cache.
EDGESKIP_INLINE int64_t factor_pitch(int64_t pairs) {
  return ((2 * pairs + bf16_line - 1) / bf16_line | 1) * bf16_line;
}

// Pixels per block, a multiple of the panel.
EDGESKIP_INLINE int factor_rows(int64_t pitch, int panel) {
  const int64_t rows = factor_block_bytes / (2 * pitch) / panel * panel;
  return static_cast<int>(rows < panel ? panel : rows > 512 ? 512 / panel * panel : rows);
}

inline int64_t factor_bytes(int64_t pairs, int panel) {
  const int64_t pitch = factor_pitch(pairs);
  return 2 * pitch * factor_rows(pitch, panel);
}

template <class Format>
EDGESKIP_INLINE void convert_factors(const GemmArgs& a, int first, int count, int64_t pairs, Bf16* factors) {
  const int64_t pitch = factor_pitch(pairs), tap = even(a.channels);
  for (int p = 0; p < count; ++p, factors += pitch) {
    const float* const* rows = a.rows + first + p;
    Bf16* to = factors;
    for (int t = 0; t < a.taps; ++t, to += tap)
      Format::convert(a.offsets ? *rows + a.offsets[t] : rows[int64_t{t} * a.count], a.channels, to);
    for (; to < factors + 2 * pairs; ++to) *to = 0;
  }
}

// body(first pixel, count) for blocks of nearly equal size, converted.
template <class Format, class Body>
EDGESKIP_INLINE void for_factor_blocks(const GemmArgs& a, int64_t pairs, int panel, Bf16* factors, const Body& body) {
  const int limit = factor_rows(factor_pitch(pairs), panel);
  const int blocks = (a.count + limit - 1) / limit;
  for (int i = 0, first = 0; i < blocks; ++i) {
    const int count = a.count / blocks + (i < a.count % blocks);
    convert_factors<Format>(a, first, count, pairs, factors);
    body(first, count);
    first += count;
  }
}

}  // namespace
}  // namespace edgeskip
