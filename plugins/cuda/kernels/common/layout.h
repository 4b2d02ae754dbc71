// What a tensor's strides allow.
#pragma once

#include <cstdint>

#include "edgeskip/tensor.h"

namespace edgeskip::cuda {

// 16 bytes of a pixel's channels lie together and aligned.
inline bool vector_layout(const TensorView& view, ElementType type) {
  const int64_t vector = 16 / element_bytes(type);
  return view.channel_stride == 1 && view.pixel_stride % vector == 0 && view.picture_stride % vector == 0 &&
         reinterpret_cast<uintptr_t>(view.data) % 16 == 0;
}

inline bool same_strides(const TensorView& a, const TensorView& b) {
  return a.picture_stride == b.picture_stride && a.pixel_stride == b.pixel_stride &&
         a.channel_stride == b.channel_stride;
}

}  // namespace edgeskip::cuda
