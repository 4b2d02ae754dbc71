// EdgeskipGate: x, ref -> y, mask (docs/contract.md, SkipGate).
#pragma once

#include "core/operation.h"

namespace edgeskip::tensorrt {

AttributeTable const& gate_attributes();
OperationPointer make_gate(Attributes attributes);

}  // namespace edgeskip::tensorrt
