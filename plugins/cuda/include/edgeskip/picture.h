// A camera picture becomes one stream's part of the network's input: the arithmetic of edgeskip/core/picture.py,
// to the bit.
#pragma once

#include <cstdint>

#include "edgeskip/status.h"
#include "edgeskip/stream.h"
#include "edgeskip/tensor.h"

namespace edgeskip::cuda {

enum class ColorOrder : int32_t { bgr = 0, rgb = 1, gray = 2 };
enum class Resizing : int32_t { letterbox = 0, stretch = 1 };

// edgeskip.core.contract.Preparation, without the size.
struct PictureRules {
  ColorOrder color = ColorOrder::bgr;
  Resizing resize = Resizing::letterbox;
  float pad_value = 114.0f;
  float mean[3] = {0.0f, 0.0f, 0.0f};
  float scale[3] = {1.0f, 1.0f, 1.0f};
};

struct Picture {
  const uint8_t* pixels = nullptr;  // device memory, three bytes a pixel, BGR
  int64_t row_bytes = 0;
  int height = 0, width = 0;
};

// Width and height of the picture inside an input of (width, height), which is larger where a letterbox pads.
void picture_inner_size(const Picture& picture, Resizing resize, int width, int height, int* inner_width,
                        int* inner_height) noexcept;

// input: picture 0 is the one that is written; [height, width, 3 or 1] by its strides, float32 or float16.
// bad_value where normalisation gives a value that is not finite.
Status launch_picture(const Picture& picture, const PictureRules& rules, int height, int width, ElementType type,
                      const TensorView& input, cudaStream_t stream) noexcept;

}  // namespace edgeskip::cuda
