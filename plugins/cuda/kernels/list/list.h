// The list of what a layer computes, in two passes with a fixed order and no atomics:
//   mark    A of every pixel as one bit (positions of BlockGrid), per chunk the number of entries and of active pixels;
//           mask_y to 0, pending_next
//   write   each chunk adds up the counts before it and writes its entries: the list is sorted by position
// An entry is a block that holds an active pixel; with block 1, a pixel.
#pragma once

#include "base/element.h"
#include "base/geometry.h"
#include "edgeskip/conv.h"

namespace edgeskip::cuda {

constexpr int kListThreads = 256;
constexpr int kMostChunks = 1024;
constexpr int kListShared = (kListThreads / 32) * 3 * 4;  // bytes

struct ChunkCount {
  int entries, active;
};

struct ListArgs {
  BlockGrid grid;
  Window window;
  int in_height, in_width, out_channels;
  int rounds;  // positions of a chunk: kListThreads * rounds
  int chunks;
  MaskView mask_x, mask_z, gate;
  const int32_t* pending;
  TensorView y_prev;
  int32_t* mask_y;
  int32_t* pending_next;
  ConvCounts* counts;
  ChunkCount* chunk_counts;  // [chunks]
  uint32_t* bits;            // [chunks * rounds * kListThreads / 32]
  int32_t* entries;          // [grid.entries()]
};

// Positions of a chunk so that no picture has more than kMostChunks of them.
EDGESKIP_HD int chunk_rounds(int64_t positions) {
  return static_cast<int>(ceil_divide(positions, int64_t{kMostChunks} * kListThreads));
}
EDGESKIP_HD int chunk_count(int64_t positions, int rounds) {
  return static_cast<int>(ceil_divide(positions, int64_t{rounds} * kListThreads));
}

// Of a word of 32 positions, the first position of each block that holds a set one. Blocks of 8 x 8 span two words:
// `other` is the word's partner, and only the even word has a first position.
EDGESKIP_HD uint32_t entry_bits(uint32_t word, uint32_t other, int shift, bool even) {
  if (shift == 0) return word;
  if (shift == 3) return even && (word | other) ? 1u : 0u;
  uint32_t any = word | word >> 1;
  any |= any >> 2;
  if (shift == 1) return any & 0x11111111u;
  any |= any >> 4;
  any |= any >> 8;
  return any & 0x00010001u;
}

template <class T>
EDGESKIP_HD bool holds_nan(const TensorView& view, int64_t offset, int channels) {
  const T* data = static_cast<const T*>(view.data) + offset;
  for (int c = 0; c < channels; ++c) {
    const float value = to_float(data[c * view.channel_stride]);
    if (value != value) return true;
  }
  return false;
}

// A of one pixel; writes what the layer leaves at pixels that are not computed.
template <class T>
EDGESKIP_HD bool mark_pixel(const ListArgs& a, const Pixel& p) {
  const int index = pixel_index(a.grid.height, a.grid.width, p);
  bool wanted = a.mask_z.data && mask_bit(a.mask_z, p.picture, p.y, p.x);
  wanted = wanted || window_holds(a.mask_x, a.window, a.in_height, a.in_width, p.picture, p.y, p.x);
  a.mask_y[index] = 0;
  if (!a.gate.data) return wanted;
  wanted = wanted || (a.pending && a.pending[index] != 0);
  bool active = wanted;
  if (wanted && !mask_bit(a.gate, p.picture, p.y, p.x))
    active = holds_nan<T>(a.y_prev, pixel_offset(a.y_prev, a.grid.width, p), a.out_channels);
  if (a.pending_next) a.pending_next[index] = wanted && !active;
  return active;
}

// Sum over the block's threads of two counts, to all of them; scratch: 2 ints a warp.
template <class Execution>
EDGESKIP_BODY ChunkCount block_sum(const Execution& e, ChunkCount count, int* scratch) {
  for (int step = 16; step > 0; step /= 2) {
    count.entries += e.shuffle_xor(count.entries, step);
    count.active += e.shuffle_xor(count.active, step);
  }
  if (e.lane() == 0) scratch[2 * e.warp()] = count.entries, scratch[2 * e.warp() + 1] = count.active;
  e.barrier();
  ChunkCount sum = {0, 0};
  for (int warp = 0; warp < kListThreads / 32; ++warp)
    sum.entries += scratch[2 * warp], sum.active += scratch[2 * warp + 1];
  e.barrier();
  return sum;
}

template <class T, class Execution>
EDGESKIP_BODY void mark_body(const Execution& e, const ListArgs& a) {
  int* scratch = reinterpret_cast<int*>(e.shared());
  uint32_t* words = reinterpret_cast<uint32_t*>(scratch + 2 * kListThreads / 32);  // [kListThreads / 32]
  ChunkCount count = {0, 0};
  for (int round = 0; round < a.rounds; ++round) {
    const int64_t first = (int64_t{e.block()} * a.rounds + round) * kListThreads;
    const int64_t position = first + e.thread();
    Pixel pixel;
    const bool exists =
        position < a.grid.positions() && pixel_of_position(a.grid, static_cast<int>(position), &pixel);
    const uint32_t word = e.ballot(exists && mark_pixel<T>(a, pixel));
    if (e.lane() == 0) {
      words[e.warp()] = word;
      a.bits[first / 32 + e.warp()] = word;
    }
    e.barrier();
    if (e.lane() == 0) {
      count.active += count_bits(word);
      count.entries += count_bits(entry_bits(word, words[e.warp() ^ 1], a.grid.shift, e.warp() % 2 == 0));
    }
    e.barrier();
  }
  const ChunkCount sum = block_sum(e, count, scratch);
  if (e.thread() == 0) a.chunk_counts[e.block()] = sum;
}

template <class Execution>
EDGESKIP_BODY void write_body(const Execution& e, const ListArgs& a) {
  int* scratch = reinterpret_cast<int*>(e.shared());
  ChunkCount count = {0, 0};
  for (int chunk = e.thread(); chunk < e.block(); chunk += kListThreads) {
    count.entries += a.chunk_counts[chunk].entries;
    count.active += a.chunk_counts[chunk].active;
  }
  const ChunkCount before = block_sum(e, count, scratch);
  int next = before.entries;
  for (int round = 0; round < a.rounds; ++round) {
    const int64_t first = (int64_t{e.block()} * a.rounds + round) * kListThreads;
    const int64_t index = first / 32 + e.warp();
    const uint32_t starts = entry_bits(a.bits[index], a.bits[index ^ 1], a.grid.shift, index % 2 == 0);
    if (e.lane() == 0) scratch[e.warp()] = count_bits(starts);
    e.barrier();
    int at = next;
    for (int warp = 0; warp < kListThreads / 32; ++warp) {
      at += warp < e.warp() ? scratch[warp] : 0;
      next += scratch[warp];
    }
    if (starts >> e.lane() & 1u) {
      at += count_bits(starts & ((1u << e.lane()) - 1u));
      a.entries[at] = static_cast<int>((first + e.thread()) >> (2 * a.grid.shift));
    }
    e.barrier();
  }
  if (e.thread() == 0 && e.block() == a.chunks - 1)
    *a.counts = {next, before.active + a.chunk_counts[e.block()].active};
}

// Row `row` of the computed matrix: the position in the list's order, -1 where nothing is to be computed (not active,
// or behind the end).
EDGESKIP_HD int position_of_row(const ListArgs& a, int row, int rows) {
  if (row >= rows) return -1;
  const int mask = a.grid.pixels_per_block() - 1;
  const int position = (a.entries[row >> (2 * a.grid.shift)] << (2 * a.grid.shift)) + (row & mask);
  return a.bits[position / 32] >> (position % 32) & 1u ? position : -1;
}

// The output pixel of a row, as index into [N,1,H,W], or -1.
EDGESKIP_HD int pixel_of_row(const ListArgs& a, int row, int rows) {
  const int position = position_of_row(a, row, rows);
  Pixel pixel;
  if (position < 0 || !pixel_of_position(a.grid, position, &pixel)) return -1;
  return pixel_index(a.grid.height, a.grid.width, pixel);
}

}  // namespace edgeskip::cuda
