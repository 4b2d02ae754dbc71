// gemm against a naive sum in double precision; nothing outside the output is written; a pixel's
// bits do not depend on the pixels beside it.
#include <algorithm>

#include "check.h"

namespace edgeskip::testing {
namespace {

struct GemmCase {
  int count, taps, channels, n;
  bool bias;
  Rows pixels;
  std::vector<const float*> rows;  // [taps][count]
  GuardedFloats weights, biases, packed;
};

GemmCase make_case(const KernelTable& table, Random& random, int count, int taps, int channels, int n) {
  const bool bias = random.below(4) != 0;
  GemmCase c{count, taps, channels, n, bias, Rows(random, count + 3, channels), {},
             random.floats(static_cast<size_t>(n) * channels * taps), random.floats(n),
             GuardedFloats(table.gemm_weights_size(taps, channels, n))};
  const std::vector<const float*> inputs = c.pixels.inputs();
  for (int i = 0; i < taps * count; ++i) c.rows.push_back(inputs[random.below(count + 3)]);
  table.pack_gemm(c.weights.data(), bias ? c.biases.data() : nullptr, taps, channels, n, c.packed.data());
  return c;
}

void check_against_double(const KernelTable& table, const GemmCase& c, const GuardedFloats& out, int stride) {
  for (int p = 0; p < c.count; ++p) {
    for (int i = 0; i < c.n; ++i) check_product(c, p, i, out[static_cast<size_t>(p) * stride + i]);
    for (int i = table.packed_columns(c.n); i < stride && p + 1 < c.count; ++i) {
      const bool kept = bits_of(out[static_cast<size_t>(p) * stride + i]) == bits_of(sentinel);
      expect(kept, "column %d behind the padded row of pixel %d was written", i, p);
    }
  }
  expect(out.intact(), "floats in front of the output were written");
}

// The same pixels in another order, in pieces of any size.
void check_grouping(const KernelTable& table, const GemmCase& c, Random& random, const GuardedFloats& out, int stride) {
  const std::vector<int> order = random.order(c.count);
  const int columns = table.packed_columns(c.n);
  for (int first = 0, count = 0; first < c.count; first += count) {
    count = std::min(1 + random.below(2 * table.gemm_rows + 1), c.count - first);
    std::vector<const float*> rows;
    for (int t = 0; t < c.taps; ++t) {
      for (int p = first; p < first + count; ++p) rows.push_back(c.rows[t * c.count + order[p]]);
    }
    GuardedFloats piece(static_cast<size_t>(count) * columns);
    table.gemm({rows.data(), c.packed.data(), piece.data(), columns, count, c.taps, c.channels, c.n});
    for (int p = 0; p < count; ++p) {
      const float* whole = out.data() + static_cast<size_t>(order[first + p]) * stride;
      expect(same_bits(whole, piece.data() + static_cast<size_t>(p) * columns, c.n),
             "pixel %d differs in a group of %d", order[first + p], count);
    }
  }
}

void run_case(const KernelTable& table, uint32_t seed, int count, int taps, int channels, int n) {
  char context[160];
  std::snprintf(context, sizeof context, "%s gemm count=%d taps=%d channels=%d n=%d seed=%u", table.name, count, taps,
                channels, n, seed);
  report().context = context;
  Random random(seed);
  const GemmCase c = make_case(table, random, count, taps, channels, n);
  const int columns = table.packed_columns(n);
  expect(columns >= n, "padding makes rows longer");
  const int stride = columns + random.below(3);
  GuardedFloats out(static_cast<size_t>(count - 1) * stride + columns);
  table.gemm({c.rows.data(), c.packed.data(), out.data(), stride, count, taps, channels, n});
  check_against_double(table, c, out, stride);
  check_grouping(table, c, random, out, stride);
}

}  // namespace

void test_gemm(const KernelTable& table) {
  constexpr int tap_counts[] = {1, 2, 4, 9};
  constexpr int small[] = {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 24};
  uint32_t seed = 100;
  Random random(1);
  for (const int size : sizes) {
    run_case(table, ++seed, random.pick(small), random.pick(tap_counts), size, random.pick(small));
    run_case(table, ++seed, random.pick(small), random.pick(tap_counts), random.pick(small), size);
    run_case(table, ++seed, size, random.pick(tap_counts), random.pick(small), random.pick(small));
  }
  for (int count = 1; count <= 2 * table.gemm_rows + 1; ++count) {
    run_case(table, ++seed, count, 9, 3, 33);  // the path for pictures
    run_case(table, ++seed, count, 2, 10, 70);
  }
}

}  // namespace edgeskip::testing
