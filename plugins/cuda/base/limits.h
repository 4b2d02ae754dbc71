// What a kernel's launch needs to know of a device.
#pragma once

#include "edgeskip/status.h"

namespace edgeskip::cuda {

struct DeviceLimits {
  int capability;                 // 10 * major + minor
  int multiprocessors;
  int shared_per_block;           // bytes, opted in
  int shared_per_multiprocessor;  // bytes
};

// Of the current device; asked for once per device.
Status device_limits(DeviceLimits* limits) noexcept;

}  // namespace edgeskip::cuda
