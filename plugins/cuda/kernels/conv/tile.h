// Tile shapes: how many pixels and channels a block computes at once, shared out to its warps.
#pragma once

#include "kernels/conv/stage.h"

namespace edgeskip::cuda {

// A row of the gathered matrix: where its window starts in the input. y of kNoRow: zeros.
struct RowSource {
  int32_t offset;  // elements, of (y, x) and the group's first channel; y and x may lie outside
  int16_t y, x;
};
constexpr int16_t kNoRow = -32768;
constexpr int kLargestSide = 16383;  // of the input and of the reach of a window, so that kNoRow stays outside

template <int rows_, int columns_, int warp_rows_, int warp_columns_>
struct Tile {
  static constexpr int rows = rows_, columns = columns_;                 // of the block
  static constexpr int warp_rows = warp_rows_, warp_columns = warp_columns_;
  static constexpr int warps_down = rows / warp_rows, warps_across = columns / warp_columns;
  static constexpr int threads = 32 * warps_down * warps_across;
  static constexpr int lane_rows = warp_rows / 8;
  static constexpr int groups = warp_columns / kGroup;
  static constexpr int stage_bytes = (rows + columns) * kRowBytes;
  static constexpr int head_bytes = rows * static_cast<int>(sizeof(RowSource) + sizeof(int32_t));
  // after the sum: all sums in float32, then per group of channels and row a part of the norm
  static constexpr int epilogue_bytes = rows * columns * 4 + columns / kGroup * rows * 4;
  static_assert(warp_rows % 16 == 0 && warp_columns % kGroup == 0 && threads % kVectorsPerRow == 0, "");
  static_assert(rows % (threads / kVectorsPerRow) == 0 && columns % (threads / kVectorsPerRow) == 0, "");
};

template <class Tile>
EDGESKIP_HD constexpr int shared_bytes(int stages) {
  return Tile::head_bytes + maximum(stages * Tile::stage_bytes, Tile::epilogue_bytes);
}

// The two tiles of a kernel: which one runs is decided on the device, where the number of active pixels is known. Both
// have the same columns and threads.
template <class Large_, class Small_>
struct TilePair {
  using Large = Large_;
  using Small = Small_;
  static_assert(Large::columns == Small::columns && Large::threads == Small::threads, "");
};

using Tiles256 = TilePair<Tile<128, 256, 64, 64>, Tile<64, 256, 32, 64>>;
using Tiles128 = TilePair<Tile<128, 128, 64, 64>, Tile<64, 128, 32, 64>>;
using Tiles64 = TilePair<Tile<128, 64, 32, 64>, Tile<64, 64, 32, 32>>;
using Tiles32 = TilePair<Tile<128, 32, 32, 32>, Tile<64, 32, 16, 32>>;

// Whether `rows` pixels are worth large tiles where `slots` blocks run at the same time: a small tile takes about 0.6
// of a large one's time, and what counts is how often all slots are filled.
EDGESKIP_HD bool large_tiles_win(int rows, int large_rows, int small_rows, int columns_of_tiles, int slots) {
  const int64_t large = ceil_divide(int64_t{ceil_divide(rows, large_rows)} * columns_of_tiles, int64_t{slots});
  const int64_t small = ceil_divide(int64_t{ceil_divide(rows, small_rows)} * columns_of_tiles, int64_t{slots});
  return 10 * large <= 6 * small;
}

}  // namespace edgeskip::cuda
