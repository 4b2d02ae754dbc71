// What is visible of the library; everything else is hidden.
#pragma once

#include <NvInferRuntime.h>

#define EDGESKIP_EXPORT __attribute__((visibility("default")))

namespace edgeskip::tensorrt {

// All creators into `registry`; false where it refuses one.
bool register_creators(nvinfer1::IPluginRegistry& registry);

}  // namespace edgeskip::tensorrt
