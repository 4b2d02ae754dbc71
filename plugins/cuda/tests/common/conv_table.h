// The layers that kernels are tested with on the device; the host tests add cases of their own.
#pragma once

#include <vector>

#include "tests/common/conv_case.h"

namespace edgeskip::cuda {

// `few`: one of each kind, for the sanitizers.
std::vector<ConvCase> conv_table(bool few);

}  // namespace edgeskip::cuda
