// EdgeskipConv's attributes as the kernels take them.
#pragma once

#include "core/attributes.h"
#include "edgeskip/conv.h"

namespace edgeskip::tensorrt {

// Raises PluginError where attributes break the contract's rules.
void check_conv_attributes(Attributes const& attributes);

cuda::ConvRules conv_rules(Attributes const& attributes);

// Kernel, strides, pads, dilations and group; the sizes come from the tensors.
cuda::ConvShape conv_geometry(Attributes const& attributes);

}  // namespace edgeskip::tensorrt
