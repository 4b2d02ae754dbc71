// The norm gate as a test case, with a float64 reference.
#pragma once

#include <string>
#include <vector>

#include "edgeskip/gate.h"
#include "tests/common/conv_case.h"

namespace edgeskip::cuda {

struct GateCase {
  GateShape shape;
  GateRules rules;
  bool in_place = true, channels_first = false;
  unsigned seed = 1;

  std::string name() const;
};

struct GateData {
  HostTensor x, ref, y;
  std::vector<int32_t> mask;
};

GateData gate_data(const GateCase& c);
GateBuffers gate_buffers(const GateCase& c, GateData& d, const std::function<void*(void*, size_t)>& place);

// Pixels whose mask or value is wrong; those whose norm is within rounding of a threshold may go either way.
int compare_gate(const GateCase& c, const GateData& before, const GateData& after);

std::vector<GateCase> gate_table();

}  // namespace edgeskip::cuda
