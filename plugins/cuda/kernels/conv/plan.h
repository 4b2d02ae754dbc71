// From a layer's description to the arguments of its kernels: checks, tile choice, workspace, grids. Plain C++, no
// device.
#pragma once

#include <cstddef>

#include "base/limits.h"
#include "kernels/conv/args.h"

namespace edgeskip::cuda {

enum class TileChoice : int32_t { columns_32 = 0, columns_64, columns_128, columns_256 };
constexpr int kTileCount = 4;

EDGESKIP_HD constexpr int tile_columns(TileChoice tile) { return 32 << static_cast<int>(tile); }

// The widest tile is compiled for gathered FP16 only.
template <class T, bool vectors>
constexpr bool has_tile(TileChoice tile) {
  return tile != TileChoice::columns_256 || (sizeof(T) == 2 && vectors);
}

struct ConvPlan {
  ConvArgs args;
  TileChoice tile;
  bool depthwise;
  bool vectors;        // 16-byte gathers
  int conv_blocks, conv_threads, conv_shared;
  int publish_blocks;  // 0: no second kernel
  int64_t copy_bytes;  // of y_prev to y before all; 0 in place
};

bool is_depthwise(const ConvShape& shape);

// The columns that leave least unused, weighed by what a narrow tile loses.
TileChoice choose_tile(const ConvShape& shape, const ConvRules& rules);

// Stages and blocks at a time of one tile; stages 0: no room.
struct Residence {
  int stages, blocks;
};
Residence tile_residence(int head_bytes, int stage_bytes, int epilogue_bytes, int most_blocks,
                         const DeviceLimits& limits);

// Where the parts of a layer's workspace begin, in bytes.
struct ConvWorkspace {
  size_t chunk_counts, bits, entries, norm_parts, staged, total;
};
ConvWorkspace conv_workspace(const ConvShape& shape, const ConvRules& rules, bool has_channel_weight);

Status plan_conv(const ConvShape& shape, const ConvRules& rules, const ConvBuffers& buffers, void* workspace,
                 size_t workspace_bytes, const DeviceLimits& limits, ConvPlan* plan);

}  // namespace edgeskip::cuda
