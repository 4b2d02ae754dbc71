// An operation's constants in device memory: taken when a context is made, given back with its last plugin.
#pragma once

#include <memory>

#include "core/operation.h"

namespace edgeskip::tensorrt {

class DeviceConstants {
 public:
  DeviceConstants() = default;
  // Raises PluginError where the device has no memory left, or there is no device.
  explicit DeviceConstants(Operation const& operation);

  float const* data() const { return memory_.get(); }

 private:
  std::shared_ptr<float const> memory_;
};

}  // namespace edgeskip::tensorrt
