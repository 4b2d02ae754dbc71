// Where things lie: pixels of a picture, positions of the list's order, windows, elements of a tensor.
#pragma once

#include <cstdint>

#include "base/host_device.h"
#include "edgeskip/tensor.h"

namespace edgeskip::cuda {

struct Pixel {
  int picture, y, x;
};

// The output's pixels in the order of the list: block after block, and in a block (2^shift squared pixels) row after
// row. A block may hang over the right and lower border; positions there belong to no pixel.
struct BlockGrid {
  int batch, height, width;
  int shift;           // log2 of the block
  int rows, columns;   // blocks
  EDGESKIP_HD int pixels_per_block() const { return 1 << (2 * shift); }
  EDGESKIP_HD int64_t entries() const { return int64_t{batch} * rows * columns; }
  EDGESKIP_HD int64_t positions() const { return entries() << (2 * shift); }
};

EDGESKIP_HD int block_shift(int block) { return block == 1 ? 0 : block == 2 ? 1 : block == 4 ? 2 : 3; }

EDGESKIP_HD BlockGrid block_grid(int batch, int height, int width, int block) {
  return {batch, height, width, block_shift(block), ceil_divide(height, block), ceil_divide(width, block)};
}

// False where the position is outside the picture.
EDGESKIP_HD bool pixel_of_position(const BlockGrid& grid, int position, Pixel* pixel) {
  const unsigned entry = static_cast<unsigned>(position) >> (2 * grid.shift);
  const int inner = position & (grid.pixels_per_block() - 1);
  const unsigned row = entry / static_cast<unsigned>(grid.columns);
  const unsigned picture = row / static_cast<unsigned>(grid.rows);
  pixel->picture = static_cast<int>(picture);
  pixel->y = (static_cast<int>(row - picture * grid.rows) << grid.shift) + (inner >> grid.shift);
  pixel->x = (static_cast<int>(entry - row * grid.columns) << grid.shift) + (inner & ((1 << grid.shift) - 1));
  return pixel->y < grid.height && pixel->x < grid.width;
}

// Index into [N,1,H,W].
EDGESKIP_HD int pixel_index(int height, int width, const Pixel& p) { return (p.picture * height + p.y) * width + p.x; }

EDGESKIP_HD Pixel pixel_at(int height, int width, int index) {
  const unsigned row = static_cast<unsigned>(index) / static_cast<unsigned>(width);
  const unsigned picture = row / static_cast<unsigned>(height);
  return {static_cast<int>(picture), static_cast<int>(row - picture * height), static_cast<int>(index - row * width)};
}

// Offset in elements of channel 0 of a pixel.
EDGESKIP_HD int64_t pixel_offset(const TensorView& view, int width, const Pixel& p) {
  return p.picture * view.picture_stride + (int64_t{p.y} * width + p.x) * view.pixel_stride;
}

// Which input rows and columns a window reads; pads are top and left only.
struct Window {
  int kernel[2], strides[2], pads[2], dilations[2];
};

EDGESKIP_HD int window_start(const Window& window, int axis, int output) {
  return output * window.strides[axis] - window.pads[axis];
}

EDGESKIP_HD bool inside(int value, int size) { return static_cast<unsigned>(value) < static_cast<unsigned>(size); }

EDGESKIP_HD bool mask_bit(const MaskView& mask, int picture, int y, int x) {
  if (mask.height == 1) y = 0;
  if (mask.width == 1) x = 0;
  return mask.data[(int64_t{picture} * mask.height + y) * mask.width + x] != 0;
}

// Whether any pixel of the window at output (y, x) is set.
EDGESKIP_HD bool window_holds(const MaskView& mask, const Window& window, int height, int width, int picture, int y,
                              int x) {
  const int top = window_start(window, 0, y), left = window_start(window, 1, x);
  for (int ky = 0; ky < window.kernel[0]; ++ky) {
    const int row = top + ky * window.dilations[0];
    if (!inside(row, height)) continue;
    for (int kx = 0; kx < window.kernel[1]; ++kx) {
      const int column = left + kx * window.dilations[1];
      if (inside(column, width) && mask_bit(mask, picture, row, column)) return true;
    }
  }
  return false;
}

EDGESKIP_HD int count_bits(uint32_t word) {
#if defined(__CUDA_ARCH__)
  return __popc(word);
#else
  return __builtin_popcount(word);
#endif
}

}  // namespace edgeskip::cuda
