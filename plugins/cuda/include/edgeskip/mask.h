// Masks through the other ops (docs/contract.md, SkipMask).
#pragma once

#include "edgeskip/status.h"
#include "edgeskip/stream.h"
#include "edgeskip/tensor.h"

namespace edgeskip::cuda {

// Names and order of edgeskip/core/contract.py: MASK_KINDS.
enum class MaskKind : int32_t { unite = 0, pool, resize, reduce, slice, pad, upsample };
enum class ResizeMode : int32_t { nearest = 0, linear };
enum class Coordinates : int32_t {
  half_pixel = 0, half_pixel_symmetric, pytorch_half_pixel, align_corners, asymmetric
};
enum class Rounding : int32_t { round_prefer_floor = 0, round_prefer_ceil, floor, ceil };

// The contract's names ("union", "linear" ...); false where it has no such name.
bool mask_kind_from_name(const char* name, MaskKind* kind) noexcept;
bool resize_mode_from_name(const char* name, ResizeMode* mode) noexcept;
bool coordinates_from_name(const char* name, Coordinates* coordinates) noexcept;
bool rounding_from_name(const char* name, Rounding* rounding) noexcept;

constexpr int kLargestUnion = 32;

struct MaskRules {
  MaskKind kind = MaskKind::unite;
  int kernel[2] = {1, 1}, strides[2] = {1, 1}, dilations[2] = {1, 1};
  int pads[4] = {0, 0, 0, 0};  // pool and pad: top, left, bottom, right; of pad negative ones crop
  int ceil_mode = 0;           // pool
  ResizeMode mode = ResizeMode::nearest;
  Coordinates coordinates = Coordinates::half_pixel;
  Rounding rounding = Rounding::round_prefer_floor;
  float scales[2] = {0.0f, 0.0f};  // resize: as given to the node; 0: it was given sizes
  int sizes[2] = {0, 0};           // resize: output height and width
  int starts[2] = {0, 0};          // slice: as in ONNX, negative ones count from the end
  int ends[2] = {0, 0};
  int steps[2] = {1, 1};
  int factor = 1;  // upsample
};

// Height and width of the result, from those of the inputs; bad_size or bad_value where there is none.
Status mask_output_size(const MaskRules& rules, const MaskView* inputs, int input_count, int* height,
                        int* width) noexcept;

// mask: int32 [batch,1,height,width] with the size that mask_output_size gives; all inputs have `batch` pictures.
// With `unite` it may be one of the inputs of the same size.
Status launch_mask(const MaskRules& rules, int batch, const MaskView* inputs, int input_count, int32_t* mask,
                   cudaStream_t stream) noexcept;

}  // namespace edgeskip::cuda
