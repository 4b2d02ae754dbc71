// The norm gate (docs/contract.md, SkipGate):
//   d     = x - ref
//   moved = not (box_mean[window](norm(d)) <= threshold) or not (norm(box_mean[window](d)) <= threshold_signed)
//   y     = where(moved, x, ref)
#pragma once

#include <limits>

#include "edgeskip/conv.h"

namespace edgeskip::cuda {

struct GateShape {
  int batch = 1, height = 0, width = 0, channels = 0;
};

struct GateRules {
  float threshold = 0.0f;
  float threshold_signed = std::numeric_limits<float>::infinity();
  Norm norm = Norm::l2;
  int window = 1;  // odd, at most kLargestWindow
  ElementType type = ElementType::float32;
};

constexpr int kLargestWindow = 63;

// y may be ref.data (in place); otherwise it must not overlap ref. y may not be x.
struct GateBuffers {
  TensorView x, ref, y;
  int32_t* mask = nullptr;  // [N,1,height,width]
};

Status check_gate(const GateShape& shape, const GateRules& rules, const GateBuffers& buffers) noexcept;
Status launch_gate(const GateShape& shape, const GateRules& rules, const GateBuffers& buffers,
                   cudaStream_t stream) noexcept;

}  // namespace edgeskip::cuda
