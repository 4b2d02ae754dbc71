#include <algorithm>

#include "base/execution.h"
#include "base/launch.h"
#include "kernels/mask/plan.h"

namespace edgeskip::cuda {

namespace {

__global__ void __launch_bounds__(kMaskThreads) pass_kernel(const __grid_constant__ MaskArgs args) {
  pass_body(Device(), args);
}

__global__ void __launch_bounds__(kMaskThreads) reduce_kernel(const __grid_constant__ MaskArgs args) {
  reduce_body(Device(), args);
}

}  // namespace

Status launch_mask(const MaskRules& rules, int batch, const MaskView* inputs, int input_count, int32_t* mask,
                   cudaStream_t stream) noexcept {
  DeviceLimits limits;
  MaskArgs args;
  Status status = device_limits(&limits);
  if (status == Status::ok) status = plan_mask(rules, batch, inputs, input_count, mask, &args);
  if (status != Status::ok) return status;
  if (rules.kind == MaskKind::reduce)
    return start<const MaskArgs>(reduce_kernel, batch, kMaskThreads, kMaskThreads / 32 * 4, stream, args);
  const int64_t blocks = ceil_divide(int64_t{batch} * args.height * args.width, int64_t{kMaskThreads});
  const int grid = static_cast<int>(std::min(blocks, int64_t{8} * limits.multiprocessors));
  return start<const MaskArgs>(pass_kernel, grid, kMaskThreads, 0, stream, args);
}

}  // namespace edgeskip::cuda
