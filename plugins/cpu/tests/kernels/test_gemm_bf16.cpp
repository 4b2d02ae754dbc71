// gemm with bfloat16 factors against a sum in double precision of rounded factors; the tile loop on emulated tile
// registers everywhere, on the processor's where it has them. A pixel's bits do not depend on the pixels beside it.
#include <algorithm>
#include <limits>
#include <numeric>

#include "base/bf16_scalar.h"
#include "check.h"
#include "kernels/gemm_bf16/generic.h"
#include "kernels/gemm_bf16/tiles.h"
#include "kernels/gemm_bf16/tiles_emulated.h"

namespace edgeskip::testing {
namespace {

struct Kernel {
  const char* title;
  const Bf16Gemm* gemm;
  int lanes;  // output channels are padded to a multiple
  int columns(int n) const { return (n + lanes - 1) / lanes * lanes; }
};

struct Case {
  int count, taps, channels, n;
  bool bias;
  Rows pixels;
  std::vector<const float*> rows;  // [taps][count]
  GuardedFloats weights, biases, packed, scratch;
};

Case make_case(const Kernel& kernel, Random& random, int count, int taps, int channels, int n) {
  const int64_t scratch = kernel.gemm->scratch_bytes(taps, channels);
  expect(scratch % 64 == 0, "scratch is whole cache lines: %lld", static_cast<long long>(scratch));
  Case c{count, taps, channels, n, random.below(4) != 0, Rows(random, std::min(count, 60) + 3, channels), {},
         random.floats(static_cast<size_t>(n) * channels * taps), random.floats(n),
         GuardedFloats(kernel.gemm->weights_size(taps, channels, n)),
         // what memory held before must not matter
         GuardedFloats(scratch / sizeof(float), std::numeric_limits<float>::quiet_NaN())};
  const std::vector<const float*> inputs = c.pixels.inputs();
  for (int i = 0; i < taps * count; ++i) c.rows.push_back(inputs[random.below(static_cast<int>(inputs.size()))]);
  kernel.gemm->pack(c.weights.data(), c.bias ? c.biases.data() : nullptr, taps, channels, n, c.packed.data());
  return c;
}

void check_value(const Case& c, int p, int i, float value) {
  double sum = c.bias ? c.biases[i] : 0.0;
  double magnitude = std::fabs(sum);
  for (int t = 0; t < c.taps; ++t)
    for (int k = 0; k < c.channels; ++k) {
      const float weight = c.weights[(static_cast<size_t>(i) * c.channels + k) * c.taps + t];
      const double product = double{from_bf16(to_bf16(c.rows[t * c.count + p][k]))} * from_bf16(to_bf16(weight));
      sum += product;
      magnitude += std::fabs(product);
    }
  const double tolerance = sum_tolerance(c.taps * c.channels, magnitude);
  expect(close(value, sum, tolerance), "pixel %d channel %d: %.9g, expected %.9g +- %.2g", p, i, value, sum, tolerance);
}

void check_written(const Kernel& kernel, const Case& c, const GuardedFloats& out, int stride) {
  for (int p = 0; p < c.count; ++p) {
    // all pixels of small cases, some of large ones
    for (int i = 0; i < c.n && (c.count < 50 || p % 37 == 0); ++i)
      check_value(c, p, i, out[static_cast<size_t>(p) * stride + i]);
    for (int i = kernel.columns(c.n); i < stride && p + 1 < c.count; ++i) {
      const bool kept = bits_of(out[static_cast<size_t>(p) * stride + i]) == bits_of(sentinel);
      expect(kept, "column %d behind the padded row of pixel %d was written", i, p);
    }
  }
  expect(out.intact() && c.scratch.intact(), "floats in front of the output or of scratch were written");
}

// The same pixels in another order, in pieces of any size.
void check_grouping(const Kernel& kernel, const Case& c, Random& random, const GuardedFloats& out, int stride) {
  std::vector<int> order(c.count);
  std::iota(order.begin(), order.end(), 0);
  for (int i = c.count - 1; i > 0; --i) std::swap(order[i], order[random.below(i + 1)]);
  const int columns = kernel.columns(c.n);
  for (int first = 0, count = 0; first < c.count; first += count) {
    count = std::min(1 + random.below(2 * kernel.gemm->rows + 1), c.count - first);
    std::vector<const float*> rows;
    for (int t = 0; t < c.taps; ++t)
      for (int p = first; p < first + count; ++p) rows.push_back(c.rows[t * c.count + order[p]]);
    GuardedFloats piece(static_cast<size_t>(count) * columns);
    kernel.gemm->gemm({rows.data(), c.packed.data(), piece.data(), columns, count, c.taps, c.channels, c.n},
                      c.scratch.data());
    for (int p = 0; p < count; ++p) {
      const float* whole = out.data() + static_cast<size_t>(order[first + p]) * stride;
      expect(same_bits(whole, piece.data() + static_cast<size_t>(p) * columns, c.n),
             "pixel %d differs in a group of %d", order[first + p], count);
    }
  }
}

void run_case(const Kernel& kernel, uint32_t seed, int count, int taps, int channels, int n) {
  char context[160];
  std::snprintf(context, sizeof context, "%s gemm_bf16 count=%d taps=%d channels=%d n=%d seed=%u", kernel.title, count,
                taps, channels, n, seed);
  report().context = context;
  Random random(seed);
  const Case c = make_case(kernel, random, count, taps, channels, n);
  const int columns = kernel.columns(n), stride = columns + random.below(3);
  GuardedFloats out(static_cast<size_t>(count - 1) * stride + columns);
  kernel.gemm->gemm({c.rows.data(), c.packed.data(), out.data(), stride, count, taps, channels, n}, c.scratch.data());
  check_written(kernel, c, out, stride);
  check_grouping(kernel, c, random, out, stride);
}

void check_offsets(const Kernel& kernel, int count, int taps, int channels, int n) {
  report().context = std::string(kernel.title) + " gemm_bf16 offsets";
  Random random(7);
  const Case c = make_case(kernel, random, count, taps, channels, n);
  const GuardedFloats picture = random.floats(int64_t{64} * channels);
  std::vector<const float*> bases, rows;
  std::vector<int64_t> offsets;
  for (int t = 0; t < taps; ++t) offsets.push_back(int64_t{random.below(33) - 16} * channels);
  for (int p = 0; p < count; ++p) bases.push_back(picture.data() + int64_t{16 + random.below(32)} * channels);
  for (const int64_t offset : offsets)
    for (const float* base : bases) rows.push_back(base + offset);
  const int stride = kernel.columns(n);
  GuardedFloats by_pointer(static_cast<size_t>(count) * stride), by_offset(static_cast<size_t>(count) * stride);
  GemmArgs args{rows.data(), c.packed.data(), by_pointer.data(), stride, count, taps, channels, n};
  kernel.gemm->gemm(args, c.scratch.data());
  args.rows = bases.data(), args.offsets = offsets.data(), args.out = by_offset.data();
  kernel.gemm->gemm(args, c.scratch.data());
  for (int p = 0; p < count; ++p) {
    const size_t row = static_cast<size_t>(p) * stride;
    expect(same_bits(by_pointer.data() + row, by_offset.data() + row, n), "pixel %d of %d", p, count);
  }
}

// What one product becomes, through a kernel of one pixel, channel and output.
float through(const Kernel& kernel, float x, float weight) {
  GuardedFloats packed(kernel.gemm->weights_size(1, 1, 1)), out(kernel.columns(1));
  GuardedFloats scratch(kernel.gemm->scratch_bytes(1, 1) / sizeof(float));
  kernel.gemm->pack(&weight, nullptr, 1, 1, 1, packed.data());
  const float* row = &x;
  kernel.gemm->gemm({&row, packed.data(), out.data(), kernel.columns(1), 1, 1, 1, 1}, scratch.data());
  return out[0];
}

void check_rounding(const Kernel& kernel) {
  report().context = std::string(kernel.title) + " gemm_bf16 rounding";
  const float infinity = std::numeric_limits<float>::infinity();
  const struct {
    float x, rounded;
  } cases[] = {
      {1.0f + 0x1p-8f, 1.0f},           // a tie: to the even one below
      {1.0f + 0x3p-8f, 1.0f + 0x1p-6f}, // a tie: to the even one above
      {1.0f + 0x1.0002p-8f, 1.0f + 0x1p-7f},
      {-(1.0f + 0x1.0002p-8f), -(1.0f + 0x1p-7f)},
      {1.0f - 0x1p-10f, 1.0f},
      {3.4028235e38f, infinity},
      {infinity, infinity},
      {1e-39f, 0.0f},  // denormal
      {0x1p-126f, 0x1p-126f},
  };
  for (const auto& c : cases) {
    expect(close(through(kernel, c.x, 1.0f), c.rounded, 0), "row value %g: %g", c.x, through(kernel, c.x, 1.0f));
    expect(close(through(kernel, 1.0f, c.x), c.rounded, 0), "weight %g: %g", c.x, through(kernel, 1.0f, c.x));
  }
  const float unknown = std::numeric_limits<float>::quiet_NaN();
  expect(std::isnan(through(kernel, unknown, 1.0f)) && std::isnan(through(kernel, 1.0f, unknown)), "NaN stays NaN");
  Random random(11);
  for (int i = 0; i < 200; ++i) {
    const float x = random.uniform(-1, 1) * std::ldexp(1.0f, random.below(240) - 120);
    const float expected = from_bf16(to_bf16(x));
    expect(close(through(kernel, x, 1.0f), expected, 0), "%.9g becomes %.9g", x, expected);
  }
}

void test_kernel(const Kernel& kernel) {
  const int64_t before = report().checks;
  constexpr int tap_counts[] = {1, 2, 4, 9};
  constexpr int small[] = {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 24};
  uint32_t seed = 500;
  Random random(3);
  for (const int size : sizes) {
    run_case(kernel, ++seed, random.pick(small), random.pick(tap_counts), size, random.pick(small));
    run_case(kernel, ++seed, random.pick(small), random.pick(tap_counts), random.pick(small), size);
    run_case(kernel, ++seed, size, random.pick(tap_counts), random.pick(small), random.pick(small));
  }
  for (int count = 1; count <= 2 * kernel.gemm->rows + 1; ++count) run_case(kernel, ++seed, count, 2, 10, 70);
  run_case(kernel, ++seed, 40, 9, 600, 17);   // blocks of a panel or two
  run_case(kernel, ++seed, 1100, 1, 16, 18);  // blocks of many panels
  check_offsets(kernel, 20, 9, 5, 18);
  check_rounding(kernel);
  std::printf("bf16 %s: %lld checks\n", kernel.title, static_cast<long long>(report().checks - before));
}

// One multiplication by the manual's order: even and odd products apart, then together.
void check_emulated_order() {
  report().context = "emulated tiles";
  // 2^24 swallows a one that is added to it; apart, the ones survive: 2^24 - 2^24 = 0 beside 1 + 1
  const float row[4] = {0x1p24f, 1, -0x1p24f, 1}, weights[4] = {1, 1, 1, 1};
  static constexpr Bf16Gemm tiles = make_tile_gemm<EmulatedTiles, Bf16Scalar>("emulated");
  GuardedFloats packed(tiles.weights_size(1, 4, 1)), out(16), scratch(tiles.scratch_bytes(1, 4) / sizeof(float));
  tiles.pack(weights, nullptr, 1, 4, 1, packed.data());
  const float* rows = row;
  tiles.gemm({&rows, packed.data(), out.data(), 16, 1, 1, 4, 1}, scratch.data());
  expect(out[0] == 2.0f, "sums of first and of second values are apart: %g", out[0]);
}

}  // namespace

void test_gemm_bf16() {
  static constexpr Bf16Gemm tiles = make_tile_gemm<EmulatedTiles, Bf16Scalar>("emulated tiles");
  static constexpr Bf16Gemm vectors = make_bf16_gemm<Bf16Scalar, 4, 4, 16>("emulated vectors");
  test_kernel({tiles.name, &tiles, 16});
  test_kernel({vectors.name, &vectors, 1});
  check_emulated_order();
  for (const Bf16Kind kind : {Bf16Kind::amx, Bf16Kind::avx512}) {
    const char* name = kind == Bf16Kind::amx ? "amx" : "avx512";
    if (const Bf16Gemm* kernel = bf16_gemm(kind))
      test_kernel({kernel->name, kernel, 16});
    else
      std::printf("bf16 %s: skipped, this CPU, system or build lacks it\n", name);
  }
}

}  // namespace edgeskip::testing
