// One stage's share of a warp's sums: matrix instructions for FP16 and INT8, fused multiply-adds for FP32. The order
// along K is the same in every tile, so a pixel's sums are too.
#pragma once

#include "kernels/conv/tile.h"

namespace edgeskip::cuda {

template <class T, class Tile>
struct WarpSums {
  using Sum = typename Element<T>::Sum;
  Sum value[Tile::lane_rows][Tile::groups][kRun];

  EDGESKIP_HD void clear() {
    EDGESKIP_UNROLL
    for (int i = 0; i < Tile::lane_rows; ++i)
      EDGESKIP_UNROLL
      for (int group = 0; group < Tile::groups; ++group)
        EDGESKIP_UNROLL
        for (int c = 0; c < kRun; ++c) value[i][group][c] = 0;
  }
};

// What matrix instructions of one step take: 16 rows at a time, 32 channels at a time.
template <class Tile>
struct Fragments {
  uint32_t pixels[Tile::lane_rows / 2][4];
  uint32_t channels[Tile::groups][2][4];

  template <class Execution>
  EDGESKIP_BODY void load(const Execution& e, const char* stage, int first_row, int first_channel, int step) {
    const char* b = stage + Tile::rows * kRowBytes;
    EDGESKIP_UNROLL
    for (int i = 0; i < Tile::lane_rows / 2; ++i)
      e.load_matrices(pixels[i], stage + pixel_fragment(e.lane(), first_row + 16 * i, step));
    EDGESKIP_UNROLL
    for (int group = 0; group < Tile::groups; ++group)
      EDGESKIP_UNROLL
      for (int pair = 0; pair < 2; ++pair)
        e.load_matrices(channels[group][pair],
                        b + channel_fragment(e.lane(), first_channel + kGroup * group, pair, step));
  }
};

template <class T, class Tile, class Execution>
EDGESKIP_BODY void multiply_fragments(const Execution& e, const Fragments<Tile>& f, WarpSums<T, Tile>& sums) {
  EDGESKIP_UNROLL
  for (int i = 0; i < Tile::lane_rows / 2; ++i)
    EDGESKIP_UNROLL
    for (int group = 0; group < Tile::groups; ++group)
      EDGESKIP_UNROLL
      for (int fragment = 0; fragment < 4; ++fragment) {
        const uint32_t* quads = f.channels[group][fragment / 2];
        const uint32_t b[2] = {quads[fragment % 2 * 2], quads[fragment % 2 * 2 + 1]};
        auto& upper = sums.value[2 * i][group];
        auto& lower = sums.value[2 * i + 1][group];
        const int c = 2 * fragment;
        e.multiply(T(), f.pixels[i], b, upper[c], upper[c + 1], lower[c], lower[c + 1]);
      }
}

// Adds `steps` of a stage's steps (the last stage may have fewer than kStepsPerStage).
template <class T, class Tile>
struct MultiplyStage {
  template <class Execution>
  EDGESKIP_BODY static void run(const Execution& e, const char* stage, int steps, WarpSums<T, Tile>& sums) {
    const int first_row = e.warp() % Tile::warps_down * Tile::warp_rows;
    const int first_channel = e.warp() / Tile::warps_down * Tile::warp_columns;
    Fragments<Tile> fragments[2];  // the next step's are on their way while one is multiplied
    fragments[0].load(e, stage, first_row, first_channel, 0);
    EDGESKIP_UNROLL
    for (int step = 0; step < kStepsPerStage; ++step) {
      if (step + 1 < kStepsPerStage) fragments[(step + 1) % 2].load(e, stage, first_row, first_channel, step + 1);
      if (step < steps) multiply_fragments<T>(e, fragments[step % 2], sums);
    }
  }
};

template <class Tile>
struct MultiplyStage<float, Tile> {
  template <class Execution>
  EDGESKIP_BODY static void run(const Execution& e, const char* stage, int steps, WarpSums<float, Tile>& sums) {
    const int first_row = e.warp() % Tile::warps_down * Tile::warp_rows + e.lane() / 4;
    const int first_channel = e.warp() / Tile::warps_down * Tile::warp_columns + e.lane() % 4 * kRun;
    const char* b = stage + Tile::rows * kRowBytes;
    EDGESKIP_ROLLED
    for (int vector = 0; vector < 2 * steps; ++vector) {
      Vector16 pixels[Tile::lane_rows];
      EDGESKIP_UNROLL
      for (int i = 0; i < Tile::lane_rows; ++i)
        pixels[i] = *reinterpret_cast<const Vector16*>(stage + pixel_vector(first_row + 8 * i, vector));
      EDGESKIP_UNROLL
      for (int group = 0; group < Tile::groups; ++group)
        EDGESKIP_UNROLL
        for (int c = 0; c < kRun; ++c) {
          const char* from = b + channel_vector(first_channel + kGroup * group + c, vector);
          const Vector16 channel = *reinterpret_cast<const Vector16*>(from);
          EDGESKIP_UNROLL
          for (int i = 0; i < Tile::lane_rows; ++i)
            EDGESKIP_UNROLL
            for (int k = 0; k < 4; ++k) {
              float& sum = sums.value[i][group][c];
              sum = fused_multiply_add(float_of(pixels[i].word[k]), float_of(channel.word[k]), sum);
            }
        }
    }
  }
};

}  // namespace edgeskip::cuda
