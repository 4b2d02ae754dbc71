// An Execution (base/execution.h) on the host. Every CUDA thread is a fiber that runs until it waits for others, so a
// missing barrier shows: the order of threads and of blocks, and the time at which an asynchronous copy lands (at once,
// or as late as its wait allows) are those of the Options.
#pragma once

#include <cstring>
#include <deque>
#include <random>
#include <stdexcept>
#include <vector>

#include "base/element.h"
#include "kernels/conv/stage.h"
#include "tests/host/fibers.h"

namespace edgeskip::cuda {

struct Options {
  Fibers::Order order = Fibers::Order::ascending;
  bool late_copies = true;
  unsigned seed = 1;
};

struct WarpMessage {
  int kind = 0;  // of the collective call: all lanes must make the same
  uint32_t words[8] = {};
  const void* pointer = nullptr;
};

struct EmulatedBlock {
  EmulatedBlock(int threads, int shared_bytes, const Options& options)
      : options(options), threads(threads), fibers(threads, options.order, options.seed), memory(shared_bytes + 128),
        warps(threads / 32), copies(threads) {
    if (threads % 32 != 0) throw std::invalid_argument("threads must be full warps");
    const size_t address = reinterpret_cast<size_t>(memory.data());
    shared = memory.data() + (128 - address % 128) % 128;
  }

  struct Warp {
    WarpMessage messages[2][32];
    double products[2][16][8];
    int arrived = 0, meeting = 0;
  };
  struct Copy {
    void* to;
    Vector16 value;
    int group;
  };
  struct Copies {
    std::deque<Copy> queue;
    int groups = 0;
  };

  const Options options;
  const int threads;
  Fibers fibers;
  std::vector<char> memory;
  char* shared;
  std::vector<Warp> warps;
  std::vector<Copies> copies;
  int arrived = 0, barriers = 0;
  int block = 0, blocks = 0;
};

class Emulated {
 public:
  Emulated(EmulatedBlock& block, int thread) : b_(block), thread_(thread) {}

  int thread() const { return thread_; }
  int threads() const { return b_.threads; }
  int block() const { return b_.block; }
  int blocks() const { return b_.blocks; }
  int lane() const { return thread_ % 32; }
  int warp() const { return thread_ / 32; }
  char* shared() const { return b_.shared; }

  void barrier() const {
    const int meeting = b_.barriers;
    if (++b_.arrived == b_.threads) b_.arrived = 0, ++b_.barriers;
    b_.fibers.wait_until([this, meeting] { return b_.barriers != meeting; });
  }

  uint32_t ballot(bool value) const {
    WarpMessage own;
    own.kind = 1, own.words[0] = value;
    const WarpMessage* all = meet(own);
    uint32_t result = 0;
    for (int lane = 0; lane < 32; ++lane) result |= all[lane].words[0] << lane;
    return result;
  }

  float shuffle_xor(float value, int mask) const { return float_of(exchanged(bits_of(value), mask)); }
  int shuffle_xor(int value, int mask) const { return static_cast<int>(exchanged(static_cast<uint32_t>(value), mask)); }

  void copy_16(void* shared, const void* global, bool valid) const {
    EmulatedBlock::Copy copy = {shared, {}, b_.copies[thread_].groups};
    if (reinterpret_cast<size_t>(shared) % 16 || (valid && reinterpret_cast<size_t>(global) % 16))
      throw std::runtime_error("a copy of 16 bytes is not aligned");
    if (valid) std::memcpy(&copy.value, global, sizeof copy.value);
    if (b_.options.late_copies)
      b_.copies[thread_].queue.push_back(copy);
    else
      std::memcpy(shared, &copy.value, sizeof copy.value);
  }
  void commit() const { ++b_.copies[thread_].groups; }
  void wait(int pending) const {
    auto& own = b_.copies[thread_];
    while (!own.queue.empty() && own.queue.front().group < own.groups - pending) {
      std::memcpy(own.queue.front().to, &own.queue.front().value, sizeof(Vector16));
      own.queue.pop_front();
    }
  }

  void load_matrices(uint32_t (&out)[4], const void* row) const {
    WarpMessage own;
    own.kind = 3, own.pointer = row;
    if (reinterpret_cast<size_t>(row) % 16) throw std::runtime_error("a matrix row is not aligned");
    const WarpMessage* all = meet(own);
    for (int i = 0; i < 4; ++i)
      std::memcpy(&out[i], static_cast<const char*>(all[8 * i + lane() / 4].pointer) + 4 * (lane() % 4), 4);
  }

  template <class T, class Sum>
  void multiply(T, const uint32_t (&a)[4], const uint32_t (&b)[2], Sum& c0, Sum& c1, Sum& c2, Sum& c3) const {
    WarpMessage own;
    own.kind = 4;
    std::memcpy(own.words, a, sizeof a), std::memcpy(own.words + 4, b, sizeof b);
    const int set = b_.warps[thread_ / 32].meeting % 2;
    meet(own, [this, set](const WarpMessage* all) { write_product<T>(all, b_.warps[thread_ / 32].products[set]); });
    Sum* const sums[4] = {&c0, &c1, &c2, &c3};
    for (int i = 0; i < 4; ++i) {
      const FragmentPlace at = c_place(lane(), i);
      *sums[i] += static_cast<Sum>(b_.warps[thread_ / 32].products[set][at.row][at.byte]);
    }
  }

 private:
  // The 16 x 8 product, from the registers of all lanes.
  template <class T>
  static void write_product(const WarpMessage* all, double (&product)[16][8]) {
    constexpr int depth = kStepBytes / static_cast<int>(sizeof(T));
    T left[16][depth], right[8][depth];
    for (int lane = 0; lane < 32; ++lane) {
      for (int i = 0; i < 4; ++i) put(left, a_place(lane, i), all[lane].words[i]);
      for (int i = 0; i < 2; ++i) put(right, b_place(lane, i), all[lane].words[4 + i]);
    }
    for (int row = 0; row < 16; ++row)
      for (int column = 0; column < 8; ++column) {
        product[row][column] = 0.0;
        for (int k = 0; k < depth; ++k)
          product[row][column] += double{to_float(left[row][k])} * to_float(right[column][k]);
      }
  }

  template <class Matrix>
  static void put(Matrix& matrix, const FragmentPlace& at, uint32_t word) {
    std::memcpy(reinterpret_cast<char*>(matrix[at.row]) + at.byte, &word, 4);
  }

  uint32_t exchanged(uint32_t bits, int mask) const {
    WarpMessage own;
    own.kind = 2, own.words[0] = bits;
    return meet(own)[lane() ^ mask].words[0];
  }

  // All lanes leave a message and see those of all. Two sets of messages, since a lane may be one meeting ahead.
  const WarpMessage* meet(const WarpMessage& own) const {
    return meet(own, [](const WarpMessage*) {});
  }

  // The last lane to come does `together` for all.
  template <class Together>
  const WarpMessage* meet(const WarpMessage& own, const Together& together) const {
    auto& warp = b_.warps[thread_ / 32];
    const int meeting = warp.meeting;
    WarpMessage* messages = warp.messages[meeting % 2];
    messages[lane()] = own;
    if (++warp.arrived == 32) {
      warp.arrived = 0;
      for (int lane = 0; lane < 32; ++lane)
        if (messages[lane].kind != own.kind)
          throw std::runtime_error("lanes of a warp make different collective calls");
      together(messages);
      ++warp.meeting;
    }
    b_.fibers.wait_until([&warp, meeting] { return warp.meeting != meeting; });
    return messages;
  }

  EmulatedBlock& b_;
  const int thread_;
};

// body(execution) for every thread of every block; blocks one after the other.
template <class Body>
void emulate(int blocks, int threads, int shared_bytes, const Options& options, const Body& body) {
  EmulatedBlock block(threads, shared_bytes, options);
  for (int i = 0; i < blocks; ++i) {
    block.block = options.order == Fibers::Order::descending ? blocks - 1 - i : i;
    block.blocks = blocks;
    std::memset(block.memory.data(), 0xff, block.memory.size());
    for (auto& copies : block.copies) copies = {};
    for (auto& warp : block.warps) warp = {};
    block.arrived = 0;
    block.fibers.run([&](int thread) { body(Emulated(block, thread)); });
  }
}

}  // namespace edgeskip::cuda
