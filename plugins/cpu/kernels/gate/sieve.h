// Which groups of a camera's picture may open its gate, found in the bytes of the picture and of the reference.
//
// All that a gate compares is bounded by sums of |picture - reference| over a pixel's window, a sum for each of its three
// bytes: means are at most the mean of the absolute values, and the norm of a change at most sqrt(3) x its largest
// channel (l2), 1 x (l1), 3 x (linf). Groups in which every sum is harmless, which is most of a still picture, are
// closed; the gate kernel decides the others. Sums of bytes are exact, and the limits lower than the gate's by more
// than floats round. Sums end at 255, which is above every limit.
#pragma once

#include <cstring>

#include "base/vec_bytes.h"
#include "kernels/kernels.h"

namespace edgeskip {
namespace {

constexpr int sieve_block_bytes = 192;  // 64 columns, 4 groups

EDGESKIP_INLINE int64_t sieve_halo(int window) { return (3 * (window / 2) + 63) / 64 * 64; }
EDGESKIP_INLINE int64_t sieve_row_length(int window, int width) { return sieve_line(width) + 2 * sieve_halo(window) + 64; }

// Bytes: a ring of `window` rows of distances, and a row of their sums.
inline int64_t sieve_scratch_size(int window, int width) { return sieve_row_length(window, width) * (window + 1); }

class Sieve {
 public:
  explicit Sieve(const SieveArgs& args)
      : a(args), radius(args.window / 2), length(sieve_row_length(args.window, args.input_width)),
        halo(sieve_halo(args.window)), bytes(int64_t{3} * args.width), sums(args.scratch + length * args.window + halo) {
    std::memset(a.scratch, 0, static_cast<size_t>(sieve_scratch_size(a.window, a.input_width)));
  }

  void run() {
    int loaded = a.first_row - radius > 0 ? a.first_row - radius : 0;
    for (int row = a.first_row; row < a.end_row; ++row) {
      const int first = row - radius > 0 ? row - radius : 0;
      const int last = row + radius < a.input_height ? row + radius : a.input_height - 1;
      for (; loaded <= last; ++loaded) changed(loaded) = loaded < a.height && subtract_row(loaded);
      uint64_t* groups = a.groups + int64_t{row} * a.words;
      for (int word = 0; word < a.words; ++word) groups[word] = 0;
      if (add_rows(first, last)) sift_row(last - first, groups);
    }
  }

 private:
  EDGESKIP_INLINE uint8_t* distances(int row) const { return a.scratch + length * (row % a.window) + halo; }
  // Whether a row differs from the reference; rows behind the picture do not.
  EDGESKIP_INLINE bool& changed(int row) { return changed_[row % a.window]; }

  // Distances of a row; returns whether any is not 0.
  bool subtract_row(int row) {
    uint8_t* out = distances(row);
    const uint8_t* x = a.picture + row * a.picture_row;
    const uint8_t* y = a.reference + row * bytes;
    Bytes seen = Bytes::zero();
    int64_t i = 0;
    for (; i + Bytes::lanes <= bytes; i += Bytes::lanes) {
      const Bytes d = distance(Bytes::load(x + i), Bytes::load(y + i));
      d.store(out + i);
      seen = either(seen, d);
    }
    int rest = 0;
    for (; i < bytes; ++i) {
      out[i] = static_cast<uint8_t>(x[i] > y[i] ? x[i] - y[i] : y[i] - x[i]);
      rest |= out[i];
    }
    return any(seen) || rest;
  }

  // sums = of each byte's column, over the rows that changed; returns whether there are any.
  bool add_rows(int first, int last) {
    const uint8_t* sources[255];
    int count = 0;
    for (int row = first; row <= last; ++row)
      if (changed(row)) sources[count++] = distances(row);
    if (!count) return false;
    for (int64_t i = 0; i < bytes; i += Bytes::lanes) {
      Bytes sum = Bytes::load(sources[0] + i);
      for (int k = 1; k < count; ++k) sum = add(sum, Bytes::load(sources[k] + i));
      sum.store(sums + i);
    }
    return true;
  }

  void sift_row(int line, uint64_t* groups) const {
    // windows reach over the picture's right edge
    const int64_t line_bytes = sieve_line(a.input_width), reached = bytes + 3 * radius;
    const int64_t end = reached < line_bytes ? reached : line_bytes;
    const uint8_t* limits = a.harmless + line * line_bytes;
    for (int block = 0; block * int64_t{sieve_block_bytes} < end; ++block) {
      uint64_t above[3] = {};
      for (int i = 0; i < sieve_block_bytes; i += Bytes::lanes) {
        const int64_t at = int64_t{block} * sieve_block_bytes + i;
        above[i / 64] |= exceeds(add_columns(sums + at), Bytes::load(limits + at)) << (i % 64);
      }
      groups[block / 16] |= find_groups(above) << (block % 16 * 4);
    }
  }

  EDGESKIP_INLINE Bytes add_columns(const uint8_t* center) const {
    Bytes sum = Bytes::load(center - 3 * radius);
    for (int k = 1 - radius; k <= radius; ++k) sum = add(sum, Bytes::load(center + 3 * k));
    return sum;
  }

  // A bit for each group of 48 bytes.
  static EDGESKIP_INLINE uint64_t find_groups(const uint64_t* bits) {
    return uint64_t{bits[0] << 16 != 0} | uint64_t{(bits[0] >> 48 | bits[1] << 32) != 0} << 1 |
           uint64_t{(bits[1] >> 32 | bits[2] << 48) != 0} << 2 | uint64_t{bits[2] >> 16 != 0} << 3;
  }

  const SieveArgs& a;
  const int radius;
  const int64_t length, halo, bytes;
  uint8_t* const sums;
  bool changed_[255] = {};
};

// of a type in each level's own namespace, so that no two levels share its code
template <class V>
void sieve(const SieveArgs& args) {
  Sieve(args).run();
}

}  // namespace
}  // namespace edgeskip
