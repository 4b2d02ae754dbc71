#include "base/vec_avx2.h"
#include "kernels/levels/levels.h"
#include "kernels/levels/table.h"

namespace edgeskip {

const KernelTable* avx2_kernel_table() {
  static constexpr KernelTable table = make_table<VecAvx2, 6, 2>(Level::avx2, "avx2");
  return &table;
}

}  // namespace edgeskip
