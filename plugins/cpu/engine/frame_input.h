// What a network is given for one frame.
#pragma once

#include "../kernels/kernels.h"

namespace edgeskip {

// What a gate takes in for one frame: values as planes, or a picture; neither: the input stays as it was.
// The memory that it points at outlives the frame.
struct FrameInput {
  const float* planes = nullptr;  // [channels][height][width]
  PictureRows picture = {};

  bool given() const { return planes || picture.pixels; }
};

}  // namespace edgeskip
