// A camera's picture on its way into a network: resized, then reordered and normalised, by the kernels
// (edgeskip/core/picture.py is the same arithmetic in numpy).
#pragma once

#include <cstdint>

#include "frame.h"
#include "memory.h"

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
  int width = 0, height = 0;           // of the resized picture
  int order[3] = {0, 1, 2};            // source channel of each channel; not used where gray
  bool gray = false;                   // one channel, the luminance
  float mean[3] = {}, scale[3] = {};   // value = (level - mean) * scale
  float pads[3] = {};

  int channels() const { return gray ? 1 : 3; }
};

class PictureReader {
 public:
  // Throws std::invalid_argument where the arguments do not fit each other and an input of this size.
  static void check(const Picture& picture, const PictureRules& rules, Size size, int channels);
  // The picture in its new size, which points into `picture`, or into memory that lives until the next call.
  // Allocates only where a size is larger than ever before.
  PictureRows read(const Picture& picture, const PictureRules& rules, const KernelTable& kernels, ThreadPool& pool);

 private:
  AlignedMemory lines_, bytes_;
};

// Fills a tensor with a picture that was read.
void write_rows(const PictureRows& rows, const KernelTable& kernels, const TensorView& tensor, bool fours);

}  // namespace edgeskip
