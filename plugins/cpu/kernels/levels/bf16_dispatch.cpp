// Which bfloat16 kernels this build, CPU and system have.
#include "kernels/levels/levels.h"

#if defined(EDGESKIP_HAS_AVX512_BF16) || defined(EDGESKIP_HAS_AMX_BF16)
#include <cpuid.h>
#endif
#if defined(EDGESKIP_HAS_AMX_BF16) && defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace edgeskip {
namespace {

#if defined(EDGESKIP_HAS_AVX512_BF16) || defined(EDGESKIP_HAS_AMX_BF16)
// Bit `bit` of register eax (0) to edx (3) of CPUID leaf 7.
bool cpu_feature(unsigned subleaf, int reg, int bit) {
  unsigned registers[4] = {};
  if (!__get_cpuid_count(7, subleaf, &registers[0], &registers[1], &registers[2], &registers[3])) return false;
  return registers[reg] >> bit & 1;
}

// The level also tells that the system saves wide registers.
bool has_avx512_bf16() { return kernel_table(Level::avx512) && cpu_feature(1, 0, 5); }
#endif

#ifdef EDGESKIP_HAS_AMX_BF16
// Linux hands out tile registers to processes that ask, once for all their threads; it may refuse.
bool ask_for_tiles() {
#if defined(__linux__) && defined(SYS_arch_prctl)
  constexpr long request_permission = 0x1023, tile_data = 18;
  return syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
#else
  return false;
#endif
}

bool has_amx_bf16() {
  static const bool result =
      has_avx512_bf16() && cpu_feature(0, 3, 22) && cpu_feature(0, 3, 24) && ask_for_tiles();  // AMX-BF16, AMX-TILE
  return result;
}
#endif

}  // namespace

const Bf16Gemm* bf16_gemm(Bf16Kind kind) {
  switch (kind) {
#ifdef EDGESKIP_HAS_AMX_BF16
    case Bf16Kind::amx: return has_amx_bf16() ? amx_bf16_gemm() : nullptr;
#endif
#ifdef EDGESKIP_HAS_AVX512_BF16
    case Bf16Kind::avx512: return has_avx512_bf16() ? avx512_bf16_gemm() : nullptr;
#endif
    default: return nullptr;
  }
}

}  // namespace edgeskip
