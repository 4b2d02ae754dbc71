// A camera's picture, resized, reordered and normalised into a tensor (edgeskip/core/picture.py is the
// same arithmetic in numpy).
#pragma once

#include <cstdint>
#include <vector>

#include "frame.h"

namespace edgeskip {

struct Picture {
  const uint8_t* pixels = nullptr;  // [height][width][3], BGR
  int64_t row_bytes = 0;
  int height = 0, width = 0;
};

// How a picture becomes an input. Axes are [size][4]: two source positions and their weights, which sum to 2048;
// the resized picture lies at the top left, the rest is filled with `pads`.
struct PictureRules {
  const int32_t* columns = nullptr;  // null: the picture is taken as it is
  const int32_t* rows = nullptr;
  int width = 0, height = 0;      // of the resized picture
  int order[3] = {0, 1, 2};       // source channel of each channel; not used where gray
  bool gray = false;              // one channel, the luminance
  const float* levels = nullptr;  // [channels][256]: value of each pixel level
  const float* pads = nullptr;    // [channels]
};

class PictureWriter {
 public:
  // Throws std::invalid_argument where the arguments do not fit each other and the tensor.
  static void check(const Picture& picture, const PictureRules& rules, const TensorView& tensor);
  // Allocates only where a size is larger than ever before.
  void write(const Picture& picture, const PictureRules& rules, const TensorView& tensor);

 private:
  const uint8_t* resized_row(const Picture& picture, const PictureRules& rules, int row);
  const int16_t* source_row(const Picture& picture, const PictureRules& rules, int row, int other);

  std::vector<int16_t> lines_[2];  // source rows, resized along the row
  int held_[2] = {-1, -1};         // their numbers
  std::vector<uint8_t> resized_;
};

}  // namespace edgeskip
