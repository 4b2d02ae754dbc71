// Which levels this build and this CPU have.
#include <cstring>

#include "kernels/levels/levels.h"

namespace edgeskip {
namespace {

// __builtin_cpu_supports also asks whether the operating system saves the wide registers.
#ifdef EDGESKIP_HAS_AVX2
bool cpu_has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
#endif

#ifdef EDGESKIP_HAS_AVX512
bool cpu_has_avx512() {
  return cpu_has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}
#endif

constexpr Level best_first[] = {Level::avx512, Level::avx2, Level::neon, Level::scalar};
constexpr const char* level_names[] = {"scalar", "neon", "avx2", "avx512"};

}  // namespace

const KernelTable* kernel_table(Level level) {
  switch (level) {
    case Level::scalar: return scalar_kernel_table();
#ifdef EDGESKIP_HAS_NEON
    case Level::neon: return neon_kernel_table();
#endif
#ifdef EDGESKIP_HAS_AVX2
    case Level::avx2: return cpu_has_avx2() ? avx2_kernel_table() : nullptr;
#endif
#ifdef EDGESKIP_HAS_AVX512
    case Level::avx512: return cpu_has_avx512() ? avx512_kernel_table() : nullptr;
#endif
    default: return nullptr;
  }
}

const KernelTable* best_kernel_table() {
  for (const Level level : best_first) {
    if (const KernelTable* table = kernel_table(level)) return table;
  }
  return nullptr;
}

bool parse_level(const char* name, Level* level) {
  for (int i = 0; i < 4; ++i) {
    if (std::strcmp(name, level_names[i]) != 0) continue;
    *level = static_cast<Level>(i);
    return true;
  }
  return false;
}

}  // namespace edgeskip
