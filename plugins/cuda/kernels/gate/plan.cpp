#include "kernels/gate/plan.h"

#include <algorithm>
#include <cstdint>
#include <limits>

#include "kernels/common/layout.h"
#include "kernels/depthwise/body.h"

namespace edgeskip::cuda {

Status check_gate(const GateShape& s, const GateRules& r, const GateBuffers& b) noexcept {
  if (s.batch < 1 || s.height < 1 || s.width < 1 || s.channels < 1) return Status::bad_size;
  if (int64_t{s.batch} * s.height * s.width > std::numeric_limits<int32_t>::max()) return Status::too_large;
  if (r.window < 1 || r.window % 2 == 0 || r.window > kLargestWindow) return Status::bad_value;
  if (r.threshold != r.threshold || r.threshold_signed != r.threshold_signed) return Status::bad_value;
  if (static_cast<int>(r.norm) < 0 || static_cast<int>(r.norm) > 2) return Status::bad_value;
  if (r.type != ElementType::float32 && r.type != ElementType::float16) return Status::unsupported_type;
  if (!b.x.data || !b.ref.data || !b.y.data || !b.mask || b.x.data == b.y.data) return Status::bad_pointer;
  if (b.y.data == b.ref.data && !same_strides(b.y, b.ref)) return Status::bad_layout;
  return Status::ok;
}

Status plan_gate(const GateShape& s, const GateRules& r, const GateBuffers& b, const DeviceLimits& limits,
                 GatePlan* plan) {
  const Status status = check_gate(s, r, b);
  if (status != Status::ok) return status;
  *plan = {};
  GateArgs& a = plan->args;
  a.x = b.x, a.ref = b.ref, a.y = b.y, a.mask = b.mask;
  a.batch = s.batch, a.height = s.height, a.width = s.width, a.channels = s.channels, a.window = r.window;
  a.threshold = r.threshold, a.threshold_signed = r.threshold_signed, a.norm = r.norm;
  a.in_place = b.y.data == b.ref.data;
  a.vectors = vector_layout(b.x, r.type) && vector_layout(b.ref, r.type) && vector_layout(b.y, r.type);
  a.lanes_per_pixel = depthwise_lanes(s.channels);
  plan->window = r.window > 1;
  plan->shared = plan->window ? gate_shared_bytes(r.window) : 0;
  const int64_t pixels = int64_t{s.batch} * s.height * s.width, most = int64_t{8} * limits.multiprocessors;
  const int64_t decide = plan->window ? gate_tiles(a) : ceil_divide<int64_t>(pixels * a.lanes_per_pixel, kGateThreads);
  plan->decide_blocks = static_cast<int>(std::min(decide, most));
  plan->update_blocks = static_cast<int>(
      std::min(ceil_divide<int64_t>(pixels * ceil_divide(s.channels, 8), kGateThreads), most));
  return Status::ok;
}

}  // namespace edgeskip::cuda
