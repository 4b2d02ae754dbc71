#include "base/vec_avx2.h"
#include "kernels/levels/levels.h"
#include "kernels/levels/table.h"

namespace edgeskip {

const KernelTable* avx2_kernel_table() {
  static constexpr KernelTable table = make_table<VecAvx2, 12, 2, 12>(Level::avx2, "avx2");
  return &table;
}

}  // namespace edgeskip
