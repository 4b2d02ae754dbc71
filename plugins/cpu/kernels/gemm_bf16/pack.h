// Layout of packed bfloat16 weights: column blocks of `width` output channels (the last one narrower), each
//   bias[width] float32, then for pair of values k: weight[width][2] bfloat16
// Pairs run over the channels of a tap, then over taps, as the factors do (factors.h); zeros behind the last channel,
// output channel and pair.
#pragma once

#include "kernels/gemm_bf16/factors.h"

namespace edgeskip {
namespace {

// of pairs by output channel, in floats
inline int64_t packed_bf16_size(int64_t pairs, int columns) { return columns * (pairs + 1); }

// weights [n][channels][taps]: value i of the sum of output channel `column`
inline Bf16 bf16_weight(const float* weights, int taps, int channels, int n, int64_t i, int column) {
  const int64_t tap = i / even(channels), c = i % even(channels);
  if (tap >= taps || c >= channels || column >= n) return 0;
  return to_bf16(weights[(int64_t{column} * channels + c) * taps + tap]);
}

// One column block; returns what lies behind it.
inline float* pack_bf16_block(const float* weights, const float* bias, int taps, int channels, int n, int64_t pairs,
                              int first, int width, float* packed) {
  for (int i = 0; i < width; ++i) *packed++ = bias && first + i < n ? bias[first + i] : 0.0f;
  for (int64_t k = 0; k < pairs; ++k)
    for (int i = 0; i < width; ++i) {
      const Bf16 both[2] = {bf16_weight(weights, taps, channels, n, 2 * k, first + i),
                            bf16_weight(weights, taps, channels, n, 2 * k + 1, first + i)};
      __builtin_memcpy(packed++, both, sizeof both);
    }
  return packed;
}

}  // namespace
}  // namespace edgeskip
