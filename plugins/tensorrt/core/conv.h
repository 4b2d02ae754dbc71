// EdgeskipConv: x, mask_x, w, [b], [z], [mask_z], [gate], [channel_weight], y_prev, [pending] -> y, mask_y,
// [pending_next] (docs/contract.md, SkipConv, not transposed). An optional input is there where its attribute has_...
// is 1.
#pragma once

#include "core/operation.h"

namespace edgeskip::tensorrt {

AttributeTable const& conv_attributes();
OperationPointer make_conv(Attributes attributes);

}  // namespace edgeskip::tensorrt
