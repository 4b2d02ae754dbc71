// A layer on the host: the plan that a launch makes, then the kernels' bodies under emulation.
#pragma once

#include <vector>

#include "kernels/conv/plan.h"
#include "tests/common/conv_case.h"
#include "tests/host/emulation.h"

namespace edgeskip::cuda {

// A small device: few blocks at a time, so that they take several tiles each.
DeviceLimits small_device();

// Buffers in host memory; the workspace is poisoned before. `counts` as the kernels left them.
Status run_conv(const ConvShape& shape, const ConvRules& rules, const ConvBuffers& buffers, const DeviceLimits& limits,
                const Options& options, ConvCounts* counts = nullptr);

// Runs `d` (in place of a launch) and compares with the reference; reports failures.
ConvErrors check_conv_case(const ConvCase& c, const Options& options, const DeviceLimits& limits = small_device());

}  // namespace edgeskip::cuda
