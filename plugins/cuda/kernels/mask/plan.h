// Output sizes and checks of SkipMask. Plain C++, no device.
#pragma once

#include "base/limits.h"
#include "kernels/mask/body.h"

namespace edgeskip::cuda {

Status plan_mask(const MaskRules& rules, int batch, const MaskView* inputs, int input_count, int32_t* mask,
                 MaskArgs* args);

}  // namespace edgeskip::cuda
