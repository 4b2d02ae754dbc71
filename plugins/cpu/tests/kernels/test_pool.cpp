// pool: maximum and average with taps outside the picture; NaN is not lost.
#include <limits>

#include "check.h"

namespace edgeskip::testing {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

struct Expected {
  double value, tolerance;
};

Expected expected_value(const PoolArgs& a, int p, int c) {
  double sum = 0, magnitude = 0, top = -infinity;
  for (int t = 0; t < a.taps; ++t) {
    const float* row = a.rows[t * a.count + p];
    if (!row) continue;
    const double x = row[c];
    sum += x, magnitude += std::fabs(x);
    top = std::isnan(x) || std::isnan(top) ? NAN : std::fmax(top, x);
  }
  if (!a.average) return {top, 0};
  return {sum / a.divisor[p], sum_tolerance(a.taps, magnitude / a.divisor[p])};
}

void run_case(const KernelTable& table, uint32_t seed, bool average, int taps, int channels) {
  report().context = std::string(table.name) + (average ? " average pool" : " max pool") + " taps=" +
                     std::to_string(taps) + " channels=" + std::to_string(channels) + " seed=" + std::to_string(seed);
  Random random(seed);
  const int count = 1 + random.below(7);
  const Rows pixels(random, count + 2, channels, -3, 3);
  pixels.rows[0][random.below(channels)] = NAN;
  const std::vector<const float*> inputs = pixels.inputs();
  std::vector<const float*> rows;
  for (int i = 0; i < taps * count; ++i) rows.push_back(random.below(4) ? inputs[random.below(count + 2)] : nullptr);
  std::vector<float> divisor;
  for (int p = 0; p < count; ++p) divisor.push_back(static_cast<float>(1 + random.below(taps)));
  const Rows y(count, channels);
  const std::vector<float*> y_rows = y.outputs();
  const PoolArgs args{rows.data(), y_rows.data(), average ? divisor.data() : nullptr, average, count, taps, channels};
  table.pool(args);
  expect(y.intact(), "floats in front of a row were written");
  for (int p = 0; p < count; ++p) {
    for (int c = 0; c < channels; ++c) {
      const Expected expected = expected_value(args, p, c);
      expect(close(y_rows[p][c], expected.value, expected.tolerance), "pixel %d channel %d: %.9g, expected %.9g", p, c,
             y_rows[p][c], expected.value);
    }
  }
}

}  // namespace

void test_pool(const KernelTable& table) {
  uint32_t seed = 600;
  for (const int channels : sizes) {
    for (const int taps : {1, 4, 9, 25}) {
      run_case(table, ++seed, false, taps, channels);
      run_case(table, ++seed, true, taps, channels);
    }
  }
}

}  // namespace edgeskip::testing
