#include "base/vec_neon.h"
#include "kernels/levels/levels.h"
#include "kernels/levels/table.h"

namespace edgeskip {

const KernelTable* neon_kernel_table() {
  static constexpr KernelTable table = make_table<VecNeon, 8, 2, 16>(Level::neon, "neon");
  return &table;
}

}  // namespace edgeskip
