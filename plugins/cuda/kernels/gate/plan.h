// Checks and grids of the norm gate. Plain C++, no device.
#pragma once

#include "base/limits.h"
#include "kernels/gate/body.h"

namespace edgeskip::cuda {

struct GatePlan {
  GateArgs args;
  bool window;  // the tiled kernel
  int decide_blocks, update_blocks, shared;
};

Status plan_gate(const GateShape& shape, const GateRules& rules, const GateBuffers& buffers,
                 const DeviceLimits& limits, GatePlan* plan);

}  // namespace edgeskip::cuda
