#include "base/execution.h"
#include "base/launch.h"
#include "kernels/gate/plan.h"

namespace edgeskip::cuda {

namespace {

template <class T>
__global__ void __launch_bounds__(kGateThreads) decide_window_kernel(const __grid_constant__ GateArgs args) {
  decide_window_body<T>(Device(), args);
}

template <class T>
__global__ void __launch_bounds__(kGateThreads) decide_pixels_kernel(const __grid_constant__ GateArgs args) {
  decide_pixels_body<T>(Device(), args);
}

template <class T>
__global__ void __launch_bounds__(kGateThreads) update_kernel(const __grid_constant__ GateArgs args) {
  update_body<T>(Device(), args);
}

template <class T>
Status launch_plan(const GatePlan& plan, cudaStream_t stream) {
  const auto decide = plan.window ? decide_window_kernel<T> : decide_pixels_kernel<T>;
  const Status status =
      start<const GateArgs>(decide, plan.decide_blocks, kGateThreads, plan.shared, stream, plan.args);
  if (status != Status::ok) return status;
  return start<const GateArgs>(update_kernel<T>, plan.update_blocks, kGateThreads, 0, stream, plan.args);
}

}  // namespace

Status launch_gate(const GateShape& shape, const GateRules& rules, const GateBuffers& buffers,
                   cudaStream_t stream) noexcept {
  DeviceLimits limits;
  GatePlan plan;
  Status status = device_limits(&limits);
  if (status == Status::ok) status = plan_gate(shape, rules, buffers, limits, &plan);
  if (status != Status::ok) return status;
  return rules.type == ElementType::float16 ? launch_plan<Half>(plan, stream) : launch_plan<float>(plan, stream);
}

}  // namespace edgeskip::cuda
