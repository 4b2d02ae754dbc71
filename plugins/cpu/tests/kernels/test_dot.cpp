// dot against a naive sum in double precision, by pointers and by offsets: the same bits, in any group of pixels.
// Nothing behind a row is read, nothing behind a pixel's outputs is written.
#include <algorithm>
#include <limits>

#include "check.h"

namespace edgeskip::testing {
namespace {

constexpr int picture_pixels = 64;

struct DotCase {
  int count, taps, channels, n, stride;  // stride: floats of `out` from pixel to pixel
  bool bias;
  int64_t pixel_stride;
  GuardedFloats picture;  // its last pixel ends it; NaN between the pixels
  GuardedFloats weights, biases, packed;
  std::vector<int64_t> offsets;
  std::vector<const float*> bases, rows;  // [count]; [taps][count]
};

GuardedFloats make_picture(Random& random, int channels, int64_t pixel_stride) {
  GuardedFloats picture(pixel_stride * (picture_pixels - 1) + channels, std::numeric_limits<float>::quiet_NaN());
  for (int pixel = 0; pixel < picture_pixels; ++pixel)
    for (int c = 0; c < channels; ++c) picture[pixel * pixel_stride + c] = random.uniform();
  return picture;
}

DotCase make_case(const KernelTable& table, Random& random, int count, int taps, int channels, int n) {
  const int64_t pixel_stride = channels + 1 + random.below(3);
  DotCase c{count,
            taps,
            channels,
            n,
            n + random.below(3),
            random.below(4) != 0,
            pixel_stride,
            make_picture(random, channels, pixel_stride),
            random.floats(static_cast<size_t>(n) * channels * taps),
            random.floats(n),
            GuardedFloats(table.dot_weights_size(taps, channels, n)),
            {},
            {},
            {}};
  for (int t = 0; t < taps; ++t) c.offsets.push_back((random.below(32) - 16) * pixel_stride);
  c.offsets.back() = 15 * pixel_stride;  // so that somebody reads the last pixel
  for (int p = 0; p < count; ++p) c.bases.push_back(c.picture.data() + (16 + random.below(32)) * pixel_stride);
  c.bases[random.below(count)] = c.picture.data() + (picture_pixels - 16) * pixel_stride;
  for (const int64_t offset : c.offsets)
    for (const float* base : c.bases) c.rows.push_back(base + offset);
  table.pack_dot(c.weights.data(), c.bias ? c.biases.data() : nullptr, taps, channels, n, c.packed.data());
  return c;
}

GuardedFloats multiply(const KernelTable& table, const DotCase& c, const std::vector<const float*>& rows, int count,
                       const int64_t* offsets) {
  GuardedFloats out(static_cast<size_t>(count - 1) * c.stride + c.n);
  table.dot({rows.data(), c.packed.data(), out.data(), c.stride, count, c.taps, c.channels, c.n, offsets});
  for (int p = 0; p + 1 < count; ++p)
    for (int i = c.n; i < c.stride; ++i)
      expect(bits_of(out[static_cast<size_t>(p) * c.stride + i]) == bits_of(sentinel),
             "column %d behind the outputs of pixel %d was written", i, p);
  expect(out.intact(), "floats in front of the output were written");
  return out;
}

// The same pixels in another order, in pieces of any size.
void check_grouping(const KernelTable& table, const DotCase& c, Random& random, const GuardedFloats& out) {
  const std::vector<int> order = random.order(c.count);
  for (int first = 0, count = 0; first < c.count; first += count) {
    count = std::min(1 + random.below(20), c.count - first);
    std::vector<const float*> rows;
    for (int t = 0; t < c.taps; ++t)
      for (int p = first; p < first + count; ++p) rows.push_back(c.rows[t * c.count + order[p]]);
    const GuardedFloats piece = multiply(table, c, rows, count, nullptr);
    for (int p = 0; p < count; ++p)
      expect(same_bits(out.data() + static_cast<size_t>(order[first + p]) * c.stride,
                       piece.data() + static_cast<size_t>(p) * c.stride, c.n),
             "pixel %d differs in a group of %d", order[first + p], count);
  }
}

void run_case(const KernelTable& table, uint32_t seed, int count, int taps, int channels, int n) {
  char context[160];
  std::snprintf(context, sizeof context, "%s dot count=%d taps=%d channels=%d n=%d seed=%u", table.name, count, taps,
                channels, n, seed);
  report().context = context;
  Random random(seed);
  const DotCase c = make_case(table, random, count, taps, channels, n);
  const GuardedFloats out = multiply(table, c, c.rows, count, nullptr);
  const GuardedFloats by_offset = multiply(table, c, c.bases, count, c.offsets.data());
  for (int p = 0; p < count; ++p) {
    const size_t row = static_cast<size_t>(p) * c.stride;
    for (int i = 0; i < n; ++i) check_product(c, p, i, out[row + i]);
    expect(same_bits(out.data() + row, by_offset.data() + row, n), "pixel %d of %d by offset", p, count);
  }
  check_grouping(table, c, random, out);
}

void check_preference(const KernelTable& table) {
  report().context = std::string(table.name) + " dot preference";
  for (int channels = 1; channels < 600; channels += 7) {
    expect(!table.prefers_dot(9, channels, KernelTable::dot_outputs + 1), "more outputs than dot has");
    for (int n = 1; n <= KernelTable::dot_outputs; ++n) {
      expect(!table.prefers_dot(9, channels, n) || table.packed_columns(n) >= 2 * n, "gemm would fill its lanes");
      expect(!table.prefers_dot(1, channels, n) || table.prefers_dot(9, channels, n), "more taps, more to save");
    }
  }
}

}  // namespace

void test_dot(const KernelTable& table) {
  constexpr int tap_counts[] = {1, 9, 25};
  uint32_t seed = 9000;
  Random random(5);
  for (int n = 1; n <= KernelTable::dot_outputs; ++n) {
    for (const int taps : tap_counts) {
      for (int size = 1; size <= 70; ++size) run_case(table, ++seed, 1 + random.below(9), taps, size, n);
      for (int count = 1; count <= 40; ++count) run_case(table, ++seed, count, taps, 1 + random.below(35), n);
    }
    run_case(table, ++seed, 5, 25, 513, n);  // several partial sums
    run_case(table, ++seed, 3, 2, 3100, n);  // taps longer than one
  }
  check_preference(table);
}

}  // namespace edgeskip::testing
