#include "base/bf16_avx512.h"
#include "kernels/gemm_bf16/generic.h"
#include "kernels/levels/levels.h"

namespace edgeskip {

const Bf16Gemm* avx512_bf16_gemm() {
  static constexpr Bf16Gemm kernel = make_bf16_gemm<Bf16Avx512, 12, 4, 24>("avx512");
  return &kernel;
}

}  // namespace edgeskip
