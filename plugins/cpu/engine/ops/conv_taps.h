// The taps of a convolution, with their packed weights. An ordinary convolution is one set of taps. A
// transposed one is strides[0] x strides[1] sets, one per phase of the output pixels: within a phase it
// is an ordinary convolution of stride 1 over a subset of the taps.
#pragma once

#include <cstdint>
#include <vector>

#include "../memory.h"
#include "../plan.h"
#include "ops.h"

namespace edgeskip {

struct TapSet {
  // Output pixels y = phase[0] + step[0] * i, and x alike.
  int step[2] = {1, 1};
  int phase[2] = {0, 0};
  std::vector<uint64_t> column_bits;  // the columns of this phase, one bit each; empty: all

  // Tap t of output pixel (y, x) reads input (y * multiply / divide + row[t], alike), rounded down.
  int multiply[2] = {1, 1};
  int divide[2] = {1, 1};
  std::vector<int> row, column;
  std::vector<int64_t> offsets;  // floats from input pixel (y, x) to each tap
  // Output rows (columns) inner[axis][0] .. inner[axis][1]: those whose taps all lie inside the input.
  int inner[2][2] = {{0, -1}, {0, -1}};

  bool depthwise = false;
  bool dot = false;              // few output channels: KernelTable::dot multiplies
  const Bf16Gemm* bf16 = nullptr;  // what multiplies instead of KernelTable::gemm
  AlignedMemory weights;         // packed, group after group
  int64_t group_weights = 0;     // floats per group
  int64_t multiply_adds = 0;     // per output pixel
  int64_t scratch_bytes = 0;     // of the matrix kernel

  int count() const { return static_cast<int>(row.size()); }
  // The input row (column) that an output pixel's taps are counted from.
  int origin(int position, int axis) const {
    return divide[axis] == 1 ? position * multiply[axis] : position / divide[axis];
  }
};

// The channels of one group: inputs and outputs.
struct GroupShape {
  int groups = 1, inputs = 0, outputs = 0;
  bool depthwise() const { return groups > 1 && inputs == 1 && outputs == 1; }
};
GroupShape group_shape(const ConvSpec& spec);

std::vector<TapSet> make_tap_sets(const BuildContext& context, const ConvSpec& spec);

}  // namespace edgeskip
