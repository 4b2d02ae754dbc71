#include "base/vec_avx512.h"
#include "kernels/levels/levels.h"
#include "kernels/levels/table.h"

namespace edgeskip {

const KernelTable* avx512_kernel_table() {
  static constexpr KernelTable table = make_table<VecAvx512, 12, 4, 24>(Level::avx512, "avx512");
  return &table;
}

}  // namespace edgeskip
