// EdgeskipMask: masks -> mask (docs/contract.md, SkipMask).
#pragma once

#include "core/operation.h"

namespace edgeskip::tensorrt {

AttributeTable const& mask_attributes();
OperationPointer make_mask(Attributes attributes);

}  // namespace edgeskip::tensorrt
