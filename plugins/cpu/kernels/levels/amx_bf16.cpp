#include "base/bf16_avx512.h"
#include "kernels/gemm_bf16/tiles.h"
#include "kernels/gemm_bf16/tiles_amx.h"
#include "kernels/levels/levels.h"

namespace edgeskip {

const Bf16Gemm* amx_bf16_gemm() {
  static constexpr Bf16Gemm kernel = make_tile_gemm<AmxTiles, Bf16Avx512>("amx");
  return &kernel;
}

}  // namespace edgeskip
