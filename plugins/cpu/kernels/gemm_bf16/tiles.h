// The bfloat16 matrix kernel on tile registers (AMX): 16 x 16 sums, 16 pixels x 16 pairs of factors, 16 pairs x 16
// output channels of weights, 1 KiB each, eight of them:
//
//   sums 0 to 3; factors from 4; weights in the others
//   tall: 2 x 16 pixels by 2 x 16 output channels: each tile that is loaded is used twice
//   wide: up to 16 pixels by 4 x 16 output channels: four sums in flight hide what one multiplication takes
//
// `Tiles` is the processor's (tiles_amx.h) or a plain C++ emulation (tiles_emulated.h): configure, release, and by
// register number load, store and dot. Packed weights: pack.h with column blocks of 16, pairs padded to 16.
#pragma once

#include "kernels/gemm_bf16/gemm_bf16.h"
#include "kernels/gemm_bf16/pack.h"

namespace edgeskip {
namespace {

constexpr int tile_side = 16;           // rows, lanes of float32, pairs of bfloat16
constexpr int64_t tile_row_bytes = 64;  // of every tile here
constexpr int tall_rows = 2 * tile_side;

// Operand of the configuration instruction.
struct alignas(64) TileConfig {
  uint8_t palette = 1, start_row = 0, reserved[14] = {};
  uint16_t row_bytes[16] = {};
  uint8_t rows[16] = {};

  // `first` and `second`: pixels of the two tiles of factors; second is 0 for wide panels
  TileConfig(int first, int second) {
    for (int i = 0; i < 8; ++i) row_bytes[i] = tile_row_bytes, rows[i] = tile_side;
    for (int i = 0; i < 4; ++i) rows[i] = static_cast<uint8_t>(second && i >= 2 ? second : first);
    rows[4] = static_cast<uint8_t>(first);
    if (second) rows[5] = static_cast<uint8_t>(second);
  }
};

struct TilePanelArgs {
  const Bf16* factors;
  int64_t pitch, chunks;       // chunks of 16 pairs
  const float* weights;        // of the first column tile
  int64_t column_tile;         // floats from a column tile's weights to the next one's
  float* out;
  int64_t out_stride;
  int first_rows;              // pixels of the first tile of factors
};

template <class Tiles, int row_tiles, int column_tiles>
void tile_panel(const TilePanelArgs& a) {
  constexpr int sums_per_row = 4 / row_tiles, weight_tiles = 4 - row_tiles;
  unroll<row_tiles * column_tiles>([&](auto n) EDGESKIP_INLINE_LAMBDA {
    constexpr int i = decltype(n)::value / column_tiles, j = decltype(n)::value % column_tiles;
    Tiles::template load<i * sums_per_row + j>(a.weights + j * a.column_tile, 0);  // the bias in every row
  });
  const float* weights = a.weights + tile_side;
  const Bf16* factors = a.factors;
  for (int64_t k = 0; k < a.chunks; ++k, weights += tile_side * tile_side, factors += 2 * tile_side) {
    unroll<row_tiles>([&](auto i) EDGESKIP_INLINE_LAMBDA {
      Tiles::template load<4 + decltype(i)::value>(factors + i * a.first_rows * a.pitch, 2 * a.pitch);
    });
    unroll<column_tiles>([&](auto j) EDGESKIP_INLINE_LAMBDA {
      constexpr int column = decltype(j)::value, weight = 4 + row_tiles + column % weight_tiles;
      Tiles::template load<weight>(weights + j * a.column_tile, tile_row_bytes);
      unroll<row_tiles>([&](auto i) EDGESKIP_INLINE_LAMBDA {
        Tiles::template dot<decltype(i)::value * sums_per_row + column, 4 + decltype(i)::value, weight>();
      });
    });
  }
  unroll<row_tiles * column_tiles>([&](auto n) EDGESKIP_INLINE_LAMBDA {
    constexpr int i = decltype(n)::value / column_tiles, j = decltype(n)::value % column_tiles;
    float* out = a.out + i * a.first_rows * a.out_stride + j * tile_side;
    Tiles::template store<i * sums_per_row + j>(out, 4 * a.out_stride);
  });
}

using TilePanelFunction = void (*)(const TilePanelArgs&);

// `panels` of `rows` pixels each: column tiles outside, so that a group's weights stay in the cache for all panels.
template <class Tiles, int row_tiles>
void tile_columns(const GemmArgs& a, TilePanelArgs panel, int panels, int rows) {
  static constexpr TilePanelFunction functions[] = {
      tile_panel<Tiles, row_tiles, 1>, tile_panel<Tiles, row_tiles, 2>,
      tile_panel<Tiles, row_tiles, row_tiles == 1 ? 3 : 2>, tile_panel<Tiles, row_tiles, row_tiles == 1 ? 4 : 2>};
  constexpr int group = 4 / row_tiles;
  panel.first_rows = (rows + row_tiles - 1) / row_tiles;
  Tiles::configure(TileConfig(panel.first_rows, row_tiles == 1 ? 0 : rows - panel.first_rows));
  const Bf16* factors = panel.factors;
  float* out = panel.out;
  const int column_tiles = (a.n + tile_side - 1) / tile_side;
  for (int column = 0; column < column_tiles; column += group) {
    const int wide = column_tiles - column < group ? column_tiles - column : group;
    panel.factors = factors;
    panel.out = out + column * tile_side;
    for (int i = 0; i < panels; ++i) {
      functions[wide - 1](panel);
      panel.factors += rows * panel.pitch;
      panel.out += rows * a.out_stride;
    }
    panel.weights += wide * panel.column_tile;
  }
}

inline int64_t tile_factor_pairs(int taps, int channels) { return factor_pairs(taps, channels, tile_side); }

inline int64_t tile_weights_size(int taps, int channels, int n) {
  return packed_bf16_size(tile_factor_pairs(taps, channels), (n + tile_side - 1) / tile_side * tile_side);
}

inline void pack_tiles(const float* weights, const float* bias, int taps, int channels, int n, float* packed) {
  const int64_t pairs = tile_factor_pairs(taps, channels);
  for (int first = 0; first < n; first += tile_side)
    packed = pack_bf16_block(weights, bias, taps, channels, n, pairs, first, tile_side, packed);
}

inline int64_t tile_scratch_bytes(int taps, int channels) {
  return factor_bytes(tile_factor_pairs(taps, channels), tall_rows);
}

template <class Tiles>
void multiply_tiles(const GemmArgs& a, int64_t pairs, const Bf16* factors, int first, int count) {
  const int panels = count / tall_rows, rest = count % tall_rows;
  TilePanelArgs panel{factors, factor_pitch(pairs), pairs / tile_side, a.weights, packed_bf16_size(pairs, tile_side),
                      a.out + first * a.out_stride, a.out_stride, 0};
  if (panels) tile_columns<Tiles, 2>(a, panel, panels, tall_rows);
  panel.factors += panels * tall_rows * panel.pitch;
  panel.out += panels * tall_rows * a.out_stride;
  if (rest > tile_side)
    tile_columns<Tiles, 2>(a, panel, 1, rest);
  else if (rest)
    tile_columns<Tiles, 1>(a, panel, 1, rest);
}

template <class Tiles, class Format>
void gemm_tiles(const GemmArgs& a, void* scratch) {
  const int64_t pairs = tile_factor_pairs(a.taps, a.channels);
  Bf16* factors = static_cast<Bf16*>(scratch);
  for_factor_blocks<Format>(a, pairs, tall_rows, factors, [&](int first, int count) {
    multiply_tiles<Tiles>(a, pairs, factors, first, count);
  });
  Tiles::release();
}

template <class Tiles, class Format>
constexpr Bf16Gemm make_tile_gemm(const char* name) {
  return {name, tall_rows, tile_weights_size, pack_tiles, tile_scratch_bytes, gemm_tiles<Tiles, Format>};
}

}  // namespace
}  // namespace edgeskip
