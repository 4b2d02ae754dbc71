// The gathered implicit GEMM over the list of active pixels. The grid is fixed: blocks take tiles in turn until the
// list's end, which is read from device memory.
#pragma once

#include "kernels/conv/epilogue.h"

namespace edgeskip::cuda {

template <class T, class Tile, bool vectors, class Execution>
EDGESKIP_BODY void sum_tile(const Execution& e, const ConvArgs& a, const TileState<Tile>& tile, int stages,
                            WarpSums<T, Tile>& sums) {
  const int blocks = ceil_divide(a.depth, stage_depth<T>());
  Gather<T, Tile, vectors> gather(e, a, tile.group, tile.first_channel);
  int fill = 0, read = 0;  // stages in the ring
  for (int i = 0; i < stages - 1; ++i, ++fill) {
    if (i < blocks) gather.fill(e, a, tile.sources, tile.stages + fill * Tile::stage_bytes);
    e.commit();
  }
  sums.clear();
  EDGESKIP_ROLLED
  for (int block = 0; block < blocks; ++block) {
    e.wait(stages - 2);
    e.barrier();  // the stage is there for all, and the one before it was read by all
    if (block + stages - 1 < blocks) gather.fill(e, a, tile.sources, tile.stages + fill * Tile::stage_bytes);
    e.commit();
    const int steps = ceil_divide((a.depth - block * stage_depth<T>()) * static_cast<int>(sizeof(T)), kStepBytes);
    MultiplyStage<T, Tile>::run(e, tile.stages + read * Tile::stage_bytes, minimum(steps, kStepsPerStage), sums);
    fill = fill + 1 == stages ? 0 : fill + 1;
    read = read + 1 == stages ? 0 : read + 1;
  }
  e.wait(0);
}

template <class T, class Tile, bool vectors, class Execution>
EDGESKIP_BODY void conv_tiles(const Execution& e, const ConvArgs& a, int rows, int stages) {
  TileState<Tile> tile;
  tile.sources = reinterpret_cast<RowSource*>(e.shared());
  tile.pixels = reinterpret_cast<int32_t*>(tile.sources + Tile::rows);
  tile.stages = e.shared() + Tile::head_bytes;
  const int tiles_per_group = a.columns_of_tiles / a.group;
  const int64_t tiles = int64_t{ceil_divide(rows, Tile::rows)} * a.columns_of_tiles;
  for (int64_t index = e.block(); index < tiles; index += e.blocks()) {
    const int column = static_cast<int>(index % a.columns_of_tiles);
    tile.first_row = static_cast<int>(index / a.columns_of_tiles) * Tile::rows;
    tile.group = column / tiles_per_group;
    tile.first_channel = column % tiles_per_group * Tile::columns;
    for (int row = e.thread(); row < Tile::rows; row += Tile::threads) {
      tile.pixels[row] = pixel_of_row(a.list, tile.first_row + row, rows);
      tile.sources[row] = row_source(a, tile.pixels[row], tile.group);
    }
    e.barrier();
    WarpSums<T, Tile> sums;
    sum_tile<T, Tile, vectors>(e, a, tile, stages, sums);
    finish_tile<T>(e, a, tile, sums);
    e.barrier();  // before the next tile's rows
  }
}

template <class T, class Pair, bool vectors, class Execution>
EDGESKIP_BODY void conv_body(const Execution& e, const ConvArgs& a) {
  const int rows = a.list.counts->entries << (2 * a.list.grid.shift);
  const bool large = a.large_stages > 0 && large_tiles_win(rows, Pair::Large::rows, Pair::Small::rows,
                                                           a.columns_of_tiles, a.slots);
  if (large)
    conv_tiles<T, typename Pair::Large, vectors>(e, a, rows, a.large_stages);
  else
    conv_tiles<T, typename Pair::Small, vectors>(e, a, rows, a.small_stages);
}

constexpr int kPublishThreads = 128;

// Publication::later: one warp a row of the list adds up its norm and publishes the staged values.
template <class T, class Execution>
EDGESKIP_BODY void publish_body(const Execution& e, const ConvArgs& a) {
  const int rows = a.list.counts->entries << (2 * a.list.grid.shift);
  const int groups = norm_groups(a.group, a.out_per_group);
  for (int64_t row = int64_t{e.block()} * (e.threads() / 32) + e.warp(); row < rows;
       row += int64_t{e.blocks()} * (e.threads() / 32)) {
    const int pixel = pixel_of_row(a.list, static_cast<int>(row), rows);
    if (pixel < 0) continue;
    float sum = 0.0f;
    for (int group = 0; group < groups; ++group)
      sum = norm_add(a.norm, sum, a.norm_parts[int64_t{group} * a.positions + row]);
    if (!exceeds(norm_result(a.norm, sum, a.list.out_channels), a.threshold)) continue;
    const Pixel at = pixel_at(a.list.grid.height, a.list.grid.width, pixel);
    const int64_t offset = pixel_offset(a.y, a.list.grid.width, at);
    const TensorView view = {a.staged, 0, a.staged_channels, 1};
    for (int channel = e.lane() * kRun; channel < a.list.out_channels; channel += 32 * kRun) {
      const int count = minimum(a.list.out_channels - channel, kRun);
      float value[8];
      load_run<T>(view, row * a.staged_channels + channel, count, true, value);
      store_run<T>(a.y, offset + channel * a.y.channel_stride, count, a.vectors_y, value);
    }
    if (e.lane() == 0) a.mask_y[pixel] = 1;
  }
}

}  // namespace edgeskip::cuda
