#include "base/vec_scalar.h"
#include "kernels/levels/levels.h"
#include "kernels/levels/table.h"

namespace edgeskip {

const KernelTable* scalar_kernel_table() {
  static constexpr KernelTable table = make_table<VecScalar, 4, 4, 16>(Level::scalar, "scalar");
  return &table;
}

}  // namespace edgeskip
