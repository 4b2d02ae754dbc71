// One function per instruction set, defined in the file of that name. The build defines
// EDGESKIP_HAS_<LEVEL> for those that this target compiles.
#pragma once

#include "kernels/gemm_bf16/gemm_bf16.h"
#include "kernels/kernels.h"

namespace edgeskip {

const KernelTable* scalar_kernel_table();
const KernelTable* neon_kernel_table();
const KernelTable* avx2_kernel_table();
const KernelTable* avx512_kernel_table();
const Bf16Gemm* avx512_bf16_gemm();
const Bf16Gemm* amx_bf16_gemm();

}  // namespace edgeskip
