// What follows a tile's sums: bias, residual, activation, comparison with what was published, store, mask.
//
// The sums wait in shared memory, each lane reading back only its own, so that this code exists once and not once per
// register. A site is one row (g + 8 i) and one group of 32 channels of a warp, of which a lane holds eight channels.
#pragma once

#include "kernels/common/runs.h"
#include "kernels/conv/gather.h"
#include "kernels/conv/multiply.h"

namespace edgeskip::cuda {

// Of one tile: shared memory and which part of the output it is.
template <class Tile>
struct TileState {
  char* stages;
  RowSource* sources;  // [Tile::rows]
  int32_t* pixels;     // [Tile::rows], index into [N,1,H,W] or -1
  int first_row;       // in the list's rows
  int group, first_channel;  // of the convolution's groups; the channel counts from the group's first

  EDGESKIP_HD float* sums() const { return reinterpret_cast<float*>(stages); }
  // [Tile::columns / 32][Tile::rows]
  EDGESKIP_HD float* norm_parts() const { return sums() + Tile::rows * Tile::columns; }
};

// Where a lane's sums of a site wait: vectors of a site lie together by lane, so that banks do not collide.
template <class Tile>
EDGESKIP_HD constexpr int site_vector(int warp, int site, int half, int lane) {
  return ((warp * Tile::lane_rows * Tile::groups + site) * 2 + half) * 32 + lane;
}

template <class Tile>
struct Site {
  int row;        // of the tile
  int pixel;      // index into [N,1,H,W] or -1
  int channel;    // of the layer
  int count;      // channels that exist, at most kRun
  int tile_group; // of the tile's groups of 32 channels
  Pixel at;
};

template <class Tile, class Execution>
EDGESKIP_BODY Site<Tile> site_of(const Execution& e, const ConvArgs& a, const TileState<Tile>& tile, int site) {
  Site<Tile> s;
  s.row = e.warp() % Tile::warps_down * Tile::warp_rows + site / Tile::groups * 8 + e.lane() / 4;
  s.pixel = tile.pixels[s.row];
  s.tile_group = e.warp() / Tile::warps_down * Tile::groups + site % Tile::groups;
  const int local = tile.first_channel + s.tile_group * kGroup + e.lane() % 4 * kRun;
  s.channel = tile.group * a.out_per_group + local;
  s.count = minimum(maximum(a.out_per_group - local, 0), kRun);
  if (s.pixel < 0) s.count = 0;
  s.at = pixel_at(a.list.grid.height, a.list.grid.width, maximum(s.pixel, 0));
  return s;
}

template <class Tile, class Execution>
EDGESKIP_BODY void write_sums(const Execution& e, const TileState<Tile>& tile, int site, const float (&value)[8]) {
  EDGESKIP_UNROLL
  for (int half = 0; half < 2; ++half) {
    Vector16 vector;
    EDGESKIP_UNROLL
    for (int c = 0; c < 4; ++c) vector.word[c] = bits_of(value[4 * half + c]);
    reinterpret_cast<Vector16*>(tile.sums())[site_vector<Tile>(e.warp(), site, half, e.lane())] = vector;
  }
}

template <class Tile, class Execution>
EDGESKIP_BODY void read_sums(const Execution& e, const TileState<Tile>& tile, int site, float (&value)[8]) {
  EDGESKIP_UNROLL
  for (int half = 0; half < 2; ++half) {
    const Vector16 vector = reinterpret_cast<Vector16*>(tile.sums())[site_vector<Tile>(e.warp(), site, half, e.lane())];
    EDGESKIP_UNROLL
    for (int c = 0; c < 4; ++c) value[4 * half + c] = float_of(vector.word[c]);
  }
}

// A site whose values are ready: published now, or left for the whole pixel's norm.
template <class T, class Tile, class Execution>
EDGESKIP_BODY void finish_site(const Execution& e, const ConvArgs& a, const TileState<Tile>& tile, int site,
                               const Site<Tile>& s, const float (&value)[8], const float (&before)[8]) {
  const RunChange change = compare_run(a, s.channel, s.count, value, before);
  if (a.publication == Publication::each_value) {
    if (s.count == 0 || !(change.any || a.threshold < 0.0f)) return;
    store_run<T>(a.y, pixel_offset(a.y, a.list.grid.width, s.at) + s.channel * a.y.channel_stride, s.count,
                 a.vectors_y, value);
    a.mask_y[s.pixel] = 1;
    return;
  }
  float part = norm_add(a.norm, change.part, e.shuffle_xor(change.part, 1));
  part = norm_add(a.norm, part, e.shuffle_xor(part, 2));
  if (a.publication == Publication::whole_pixel) {
    if (e.lane() % 4 == 0) tile.norm_parts()[s.tile_group * Tile::rows + s.row] = part;
    write_sums(e, tile, site, value);
  } else if (s.pixel >= 0) {
    const int row = tile.first_row + s.row;
    const int norm_group =
        tile.group * ceil_divide(a.out_per_group, kGroup) + tile.first_channel / kGroup + s.tile_group;
    const bool exists = tile.first_channel + s.tile_group * kGroup < a.out_per_group;
    if (e.lane() % 4 == 0 && exists) a.norm_parts[int64_t{norm_group} * a.positions + row] = part;
    const TensorView staged = {a.staged, 0, a.staged_channels, 1};
    store_run<T>(staged, int64_t{row} * a.staged_channels + s.channel, s.count, a.out_per_group % 8 == 0, value);
  }
}

constexpr int kSitesAtOnce = 4;  // whose loads are under way together

template <class T, class Tile, class Execution>
EDGESKIP_BODY void finish_sites(const Execution& e, const ConvArgs& a, const TileState<Tile>& tile) {
  constexpr int sites = Tile::lane_rows * Tile::groups;
  static_assert(sites % kSitesAtOnce == 0 || sites < kSitesAtOnce, "");
  constexpr int at_once = minimum(sites, kSitesAtOnce);
  EDGESKIP_ROLLED
  for (int first = 0; first < sites; first += at_once) {
    float before[at_once][8], residual[at_once][8];
    EDGESKIP_UNROLL
    for (int i = 0; i < at_once; ++i) {
      const Site<Tile> s = site_of(e, a, tile, first + i);
      const int64_t offset = pixel_offset(a.y_prev, a.list.grid.width, s.at) + s.channel * a.y_prev.channel_stride;
      load_run<T>(a.y_prev, offset, s.count, a.vectors_y, before[i]);
      const int64_t at_z = pixel_offset(a.z, a.list.grid.width, s.at) + s.channel * a.z.channel_stride;
      load_run<T>(a.z, at_z, a.z.data ? s.count : 0, a.vectors_z, residual[i]);
    }
    EDGESKIP_UNROLL
    for (int i = 0; i < at_once; ++i) {
      const Site<Tile> s = site_of(e, a, tile, first + i);
      float value[8];
      read_sums(e, tile, first + i, value);
      finish_run<T>(a, s.channel, s.count, residual[i], value);
      finish_site<T>(e, a, tile, first + i, s, value, before[i]);
    }
  }
}

// The block holds all channels of its pixels: add up the parts of each norm, in the order of the channels, and decide.
template <class T, class Tile, class Execution>
EDGESKIP_BODY void publish_pixels(const Execution& e, const ConvArgs& a, const TileState<Tile>& tile) {
  EDGESKIP_ROLLED
  for (int site = 0; site < Tile::lane_rows * Tile::groups; ++site) {
    const Site<Tile> s = site_of(e, a, tile, site);
    if (s.count == 0) continue;
    float sum = 0.0f;
    for (int group = 0; group * kGroup < a.out_per_group; ++group)
      sum = norm_add(a.norm, sum, tile.norm_parts()[group * Tile::rows + s.row]);
    if (!exceeds(norm_result(a.norm, sum, a.list.out_channels), a.threshold)) continue;
    float value[8];
    read_sums(e, tile, site, value);
    store_run<T>(a.y, pixel_offset(a.y, a.list.grid.width, s.at) + s.channel * a.y.channel_stride, s.count,
                 a.vectors_y, value);
    if (s.tile_group == 0 && e.lane() % 4 == 0) a.mask_y[s.pixel] = 1;
  }
}

template <class T, class Tile, class Execution>
EDGESKIP_BODY void finish_tile(const Execution& e, const ConvArgs& a, const TileState<Tile>& tile,
                               const WarpSums<T, Tile>& sums) {
  e.barrier();  // the last stage was read
  EDGESKIP_UNROLL
  for (int i = 0; i < Tile::lane_rows; ++i)
    EDGESKIP_UNROLL
    for (int group = 0; group < Tile::groups; ++group) {
      float value[8];
      EDGESKIP_UNROLL
      for (int c = 0; c < kRun; ++c)
        value[c] = static_cast<float>(sums.value[i][group][c]) * (sizeof(T) == 1 ? a.sum_scale : 1.0f);
      write_sums(e, tile, i * Tile::groups + group, value);
    }
  finish_sites<T>(e, a, tile);
  if (a.publication != Publication::whole_pixel) return;
  e.barrier();
  publish_pixels<T>(e, a, tile);
}

}  // namespace edgeskip::cuda
