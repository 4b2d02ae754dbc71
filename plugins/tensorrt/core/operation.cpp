#include "core/operation.h"

#include "core/conv.h"
#include "core/gate.h"
#include "core/mask.h"

namespace edgeskip::tensorrt {

std::vector<OperationKind> const& operation_kinds() {
  static std::vector<OperationKind> const kinds = {
      {"EdgeskipConv", conv_attributes, make_conv},
      {"EdgeskipGate", gate_attributes, make_gate},
      {"EdgeskipMask", mask_attributes, make_mask},
  };
  return kinds;
}

OperationPointer make_operation(OperationKind const& kind, nvinfer1::PluginFieldCollection const* fields) {
  return kind.make(Attributes::read(kind.name, kind.table(), fields));
}

}  // namespace edgeskip::tensorrt
