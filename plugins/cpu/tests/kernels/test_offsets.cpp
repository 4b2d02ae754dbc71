// gemm and depthwise read a tap through base pointer and offset as through a pointer of its own: the
// same bits.
#include "check.h"

namespace edgeskip::testing {
namespace {

// `count` base pointers into a picture, and taps around them as pointers and as offsets.
struct Taps {
  GuardedFloats picture;
  std::vector<const float*> bases, rows;
  std::vector<int64_t> offsets;

  Taps(Random& random, int count, int taps, int channels) : picture(random.floats(int64_t{64} * channels)) {
    for (int t = 0; t < taps; ++t) offsets.push_back(int64_t{random.below(33) - 16} * channels);
    for (int p = 0; p < count; ++p) bases.push_back(picture.data() + int64_t{16 + random.below(32)} * channels);
    for (int t = 0; t < taps; ++t) {
      for (const float* base : bases) rows.push_back(base + offsets[t]);
    }
  }
};

void check_gemm(const KernelTable& table, Random& random, int count, int taps, int channels, int n) {
  const Taps c(random, count, taps, channels);
  const GuardedFloats weights = random.floats(static_cast<size_t>(n) * channels * taps), bias = random.floats(n);
  GuardedFloats packed(table.gemm_weights_size(taps, channels, n));
  table.pack_gemm(weights.data(), bias.data(), taps, channels, n, packed.data());
  const int stride = table.packed_columns(n);
  GuardedFloats by_pointer(static_cast<size_t>(count) * stride), by_offset(static_cast<size_t>(count) * stride);
  table.gemm({c.rows.data(), packed.data(), by_pointer.data(), stride, count, taps, channels, n});
  table.gemm({c.bases.data(), packed.data(), by_offset.data(), stride, count, taps, channels, n, c.offsets.data()});
  for (int p = 0; p < count; ++p) {
    const size_t row = static_cast<size_t>(p) * stride;
    expect(same_bits(by_pointer.data() + row, by_offset.data() + row, n), "gemm pixel %d of %d", p, count);
  }
}

void check_depthwise(const KernelTable& table, Random& random, int count, int taps, int channels) {
  const Taps c(random, count, taps, channels);
  const GuardedFloats weights = random.floats(static_cast<size_t>(channels) * taps), bias = random.floats(channels);
  GuardedFloats packed(table.depthwise_weights_size(taps, channels));
  table.pack_depthwise(weights.data(), bias.data(), taps, channels, packed.data());
  const size_t size = static_cast<size_t>(count) * channels;
  GuardedFloats by_pointer(size), by_offset(size);
  table.depthwise({c.rows.data(), packed.data(), by_pointer.data(), channels, count, taps, channels});
  table.depthwise({c.bases.data(), packed.data(), by_offset.data(), channels, count, taps, channels, c.offsets.data()});
  expect(same_bits(by_pointer.data(), by_offset.data(), static_cast<int>(size)), "depthwise of %d pixels", count);
}

}  // namespace

void test_offsets(const KernelTable& table) {
  for (const int channels : {1, 3, 4, 16, 17, 33, 64}) {
    for (const int count : {1, 5, 8, 13, 24, 25}) {
      char context[120];
      std::snprintf(context, sizeof context, "%s offsets count=%d channels=%d", table.name, count, channels);
      report().context = context;
      Random random(static_cast<uint32_t>(1000 + count * 100 + channels));
      for (const int taps : {1, 4, 9}) {
        check_gemm(table, random, count, taps, channels, 1 + random.below(70));
        check_depthwise(table, random, count, taps, channels);
      }
    }
  }
}

}  // namespace edgeskip::testing
