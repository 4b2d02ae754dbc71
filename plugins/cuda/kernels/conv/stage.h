// How a stage of the pipeline lies in shared memory, and which lane holds what of a matrix fragment.
//
// A stage holds rows of 128 bytes along K: first those of A (gathered pixels), then those of B (output channels). The
// eight 16-byte vectors of a row are stored in an order that depends on the row, so that whatever a warp reads at once
// lies in different banks:
//   A: eight rows that follow each other
//   B: rows 8 q + e, q = 0..3, e = 0..1, of a group of 32 channels, from an even row on
// B is read in that order so that a lane's sums of a group are those of eight channels that follow each other: one
// 16-byte vector of FP16. Lane l, g = l / 4, q = l % 4:
//   sums of row g + 8 i (of its warp's rows) and channels 8 q .. 8 q + 7 of each group of 32
#pragma once

#include "base/element.h"

namespace edgeskip::cuda {

constexpr int kRowBytes = 128;
constexpr int kVectorsPerRow = kRowBytes / 16;
constexpr int kStepBytes = 32;  // K of one matrix instruction: 16 FP16, 32 INT8, 8 FP32
constexpr int kStepsPerStage = kRowBytes / kStepBytes;
constexpr int kGroup = 32;  // channels
constexpr int kRun = 8;     // channels of a lane in a group

template <class T>
EDGESKIP_HD constexpr int stage_depth() { return kRowBytes / static_cast<int>(sizeof(T)); }

EDGESKIP_HD constexpr int pixel_key(int row) { return row & 7; }
EDGESKIP_HD constexpr int channel_key(int row) { return (row & 1) | ((row >> 3) & 3) << 1; }

// Byte offsets in the part of A or B.
EDGESKIP_HD constexpr int pixel_vector(int row, int vector) {
  return row * kRowBytes + ((vector ^ pixel_key(row)) << 4);
}
EDGESKIP_HD constexpr int channel_vector(int row, int vector) {
  return row * kRowBytes + ((vector ^ channel_key(row)) << 4);
}

// The address that `lane` gives load_matrices for 16 rows of A from first_row on: rows 0-7 and 8-15 of the step's first
// half, then of its second.
EDGESKIP_HD constexpr int pixel_fragment(int lane, int first_row, int step) {
  return pixel_vector(first_row + (lane & 15), 2 * step + (lane >> 4));
}

// Channel within its group that column `column` (0..7) of instruction `fragment` (0..3) stands for.
EDGESKIP_HD constexpr int channel_of_column(int fragment, int column) {
  return 8 * (column >> 1) + 2 * fragment + (column & 1);
}

// The address that `lane` gives load_matrices for fragments 2 * pair and 2 * pair + 1 of a group: of each, both halves.
EDGESKIP_HD constexpr int channel_fragment(int lane, int first_channel, int pair, int step) {
  return channel_vector(first_channel + channel_of_column(2 * pair + (lane >> 4), lane & 7),
                        2 * step + ((lane >> 3) & 1));
}

// What the instruction mma.m16n8 (K = 32 bytes) takes and gives, by lane and register: for the host's version of it.
struct FragmentPlace {
  int row;   // of A or C; of B the column
  int byte;  // along K, four bytes from here; of C the column
};
EDGESKIP_HD constexpr FragmentPlace a_place(int lane, int i) {
  return {(lane >> 2) + 8 * (i & 1), 4 * (lane & 3) + 16 * (i >> 1)};
}
EDGESKIP_HD constexpr FragmentPlace b_place(int lane, int i) { return {lane >> 2, 4 * (lane & 3) + 16 * i}; }
EDGESKIP_HD constexpr FragmentPlace c_place(int lane, int i) {
  return {(lane >> 2) + 8 * (i >> 1), 2 * (lane & 3) + (i & 1)};
}

}  // namespace edgeskip::cuda
