// depthwise against a naive sum in double precision; nothing behind a row is read or written; a
// pixel's bits do not depend on the pixels beside it.
#include "check.h"

namespace edgeskip::testing {
namespace {

void run_case(const KernelTable& table, uint32_t seed, int count, int taps, int channels) {
  char context[160];
  std::snprintf(context, sizeof context, "%s depthwise count=%d taps=%d channels=%d seed=%u", table.name, count, taps,
                channels, seed);
  report().context = context;
  Random random(seed);
  const bool bias = random.below(4) != 0;
  const Rows pixels(random, count + 2, channels);
  const std::vector<const float*> inputs = pixels.inputs();
  std::vector<const float*> rows;
  for (int i = 0; i < taps * count; ++i) rows.push_back(inputs[random.below(count + 2)]);
  const GuardedFloats weights = random.floats(static_cast<size_t>(channels) * taps);
  const GuardedFloats biases = random.floats(channels);
  GuardedFloats packed(table.depthwise_weights_size(taps, channels));
  table.pack_depthwise(weights.data(), bias ? biases.data() : nullptr, taps, channels, packed.data());

  const int stride = channels + random.below(3);
  GuardedFloats out(static_cast<size_t>(count - 1) * stride + channels);
  table.depthwise({rows.data(), packed.data(), out.data(), stride, count, taps, channels});
  expect(out.intact(), "floats in front of the output were written");
  for (int p = 0; p < count; ++p) {
    const float* row = out.data() + static_cast<size_t>(p) * stride;
    for (int c = 0; c < channels; ++c) {
      double sum = bias ? biases[c] : 0.0;
      double magnitude = std::fabs(sum);
      for (int t = 0; t < taps; ++t) {
        const double product = static_cast<double>(rows[t * count + p][c]) * weights[static_cast<size_t>(c) * taps + t];
        sum += product;
        magnitude += std::fabs(product);
      }
      expect(close(row[c], sum, sum_tolerance(taps, magnitude)), "pixel %d channel %d: %.9g, expected %.9g", p, c,
             row[c], sum);
    }
    for (int c = channels; c < stride && p + 1 < count; ++c) {
      expect(bits_of(row[c]) == bits_of(sentinel), "channel %d behind pixel %d was written", c, p);
    }
    std::vector<const float*> own;
    for (int t = 0; t < taps; ++t) own.push_back(rows[t * count + p]);
    GuardedFloats alone(channels);
    table.depthwise({own.data(), packed.data(), alone.data(), channels, 1, taps, channels});
    expect(same_bits(row, alone.data(), channels), "pixel %d differs when it is computed alone", p);
  }
}

}  // namespace

void test_depthwise(const KernelTable& table) {
  uint32_t seed = 200;
  for (const int channels : sizes) {
    for (const int taps : {1, 9, 25}) {
      ++seed;
      run_case(table, seed, 1 + static_cast<int>(seed % 9), taps, channels);
    }
  }
}

}  // namespace edgeskip::testing
