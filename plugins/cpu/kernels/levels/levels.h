// One function per instruction set, defined in the file of that name. The build defines
// EDGESKIP_HAS_<LEVEL> for those that this target compiles.
#pragma once

#include "kernels/kernels.h"

namespace edgeskip {

const KernelTable* scalar_kernel_table();
const KernelTable* neon_kernel_table();
const KernelTable* avx2_kernel_table();
const KernelTable* avx512_kernel_table();

}  // namespace edgeskip
