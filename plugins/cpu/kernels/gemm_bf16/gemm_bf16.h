// Contract of the matrix kernels with bfloat16 factors.
//
//   out[p][n] = bias[n] + sum over taps t, channels c of bf16(rows[t * count + p][c]) * bf16(w[t][c][n])
//
// Rows, bias and results are float32, as gemm's. Both factors are rounded to bfloat16 (8 bits of significand), to
// nearest even; products are exact, sums are float32. Denormal numbers count as zero, and so does a denormal sum: the
// instructions do that. A factor's relative error is at most 2^-9, so the result's error is at most
//   2^-8 * (1 + 2^-10) * sum |x * w|, and the rounding of a float32 sum of taps * channels terms.
// The order of a pixel's sum depends on nothing but taps and channels: the same bits for any grouping of pixels. Two
// kernels differ in the last bits, as levels do. bf16(NaN) is NaN; what rounds above the largest bfloat16 is infinite.
#pragma once

#include <cstdint>

#include "kernels/kernels.h"

namespace edgeskip {

struct Bf16Gemm {
  const char* name;  // "amx", "avx512"
  int rows;          // preferred pixels per panel
  // As KernelTable's of these names; columns are padded to those of Level::avx512, and packed weights may be entered at
  // multiples of KernelTable::column_block.
  int64_t (*weights_size)(int taps, int channels, int n);
  void (*pack)(const float* weights, const float* bias, int taps, int channels, int n, float* packed);
  int64_t (*scratch_bytes)(int taps, int channels);
  void (*gemm)(const GemmArgs&, void* scratch);  // scratch: on 64 bytes
};

enum class Bf16Kind : int { amx, avx512 };  // best first

// nullptr where this build, CPU or system lacks it. The first call for amx asks the system for tile registers.
const Bf16Gemm* bf16_gemm(Bf16Kind kind);

}  // namespace edgeskip
