// Checks and tables of picture preparation. Plain C++, no device.
#pragma once

#include "base/limits.h"
#include "kernels/picture/body.h"

namespace edgeskip::cuda {

Status plan_picture(const Picture& picture, const PictureRules& rules, int height, int width, ElementType type,
                    const TensorView& input, PictureArgs* args);

}  // namespace edgeskip::cuda
