// blend, gather, softmax, and gates on rows.
#include <algorithm>
#include <limits>

#include "check.h"

namespace edgeskip::testing {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

void set_context(const KernelTable& table, const char* kernel, int channels, uint32_t seed) {
  report().context = std::string(table.name) + " " + kernel + " channels=" + std::to_string(channels) +
                     " seed=" + std::to_string(seed);
}

void test_blend(const KernelTable& table, uint32_t seed, int channels) {
  set_context(table, "blend", channels, seed);
  Random random(seed);
  const int count = 1 + random.below(7);
  const Rows x(random, 4 * count, channels);
  const std::vector<const float*> rows = x.inputs();
  std::vector<float> weights;
  for (int i = 0; i < 4 * count; ++i) weights.push_back(random.below(3) ? random.uniform(0, 1) : 0.0f);
  for (int i = 0; i < 4 * count; ++i) {
    if (weights[i] == 0.0f) x.rows[i][random.below(channels)] = infinity;  // has no share in the result
  }
  const Rows y(count, channels);
  table.blend({rows.data(), weights.data(), y.outputs().data(), count, channels});
  expect(y.intact(), "floats in front of a row were written");
  for (int p = 0; p < count; ++p) {
    for (int c = 0; c < channels; ++c) {
      double sum = 0, magnitude = 0;
      for (int i = p; i < 4 * count; i += count) {
        if (weights[i] == 0.0f) continue;
        sum += static_cast<double>(weights[i]) * rows[i][c];
        magnitude += std::fabs(static_cast<double>(weights[i]) * rows[i][c]);
      }
      expect(close(y.rows[p][c], sum, sum_tolerance(4, magnitude)), "pixel %d channel %d: %.9g, expected %.9g", p, c,
             y.rows[p][c], sum);
    }
  }
}

void test_gather(const KernelTable& table, uint32_t seed, int channels) {
  set_context(table, "gather", channels, seed);
  Random random(seed);
  const int count = 1 + random.below(7);
  const Rows x(random, count, channels);
  std::vector<int32_t> indices;
  for (int c = 0; c < channels; ++c) indices.push_back(random.below(channels));
  for (const bool copies : {false, true}) {
    const Rows y(count, channels);
    table.gather({x.inputs().data(), y.outputs().data(), copies ? nullptr : indices.data(), count, channels});
    expect(y.intact(), "floats in front of a row were written");
    for (int p = 0; p < count; ++p) {
      for (int c = 0; c < channels; ++c) {
        expect(y.rows[p][c] == x.rows[p][copies ? c : indices[c]], "pixel %d channel %d", p, c);
      }
    }
  }
}

void test_softmax(const KernelTable& table, uint32_t seed, int channels) {
  set_context(table, "softmax", channels, seed);
  Random random(seed);
  const int count = 1 + random.below(7);
  const Rows x(random, count, channels);
  for (int c = 0; c < channels; ++c) x.rows[0][c] -= 200;  // no value near 0, so that nothing behind a row counts
  x.rows[count - 1][random.below(channels)] += 90;
  const Rows y(count, channels);
  table.softmax({x.inputs().data(), y.outputs().data(), count, channels});
  expect(y.intact(), "floats in front of a row were written");
  for (int p = 0; p < count; ++p) {
    const float* row = x.inputs()[p];
    const float top = *std::max_element(row, row + channels);
    double sum = 0;
    for (int c = 0; c < channels; ++c) sum += std::exp(static_cast<double>(x.rows[p][c]) - top);
    for (int c = 0; c < channels; ++c) {
      const double expected = std::exp(static_cast<double>(x.rows[p][c]) - top) / sum;
      expect(close(y.rows[p][c], expected, 1e-6 * expected + 1e-37), "pixel %d channel %d: %.9g, expected %.9g", p, c,
             y.rows[p][c], expected);
    }
  }
  x.rows[0][random.below(channels)] = NAN;
  table.softmax({x.inputs().data(), x.outputs().data(), count, channels});
  for (int c = 0; c < channels; ++c) {
    expect(std::isnan(x.rows[0][c]), "channel %d of a row with NaN is %.9g", c, x.rows[0][c]);
    if (count > 1) expect(bits_of(x.rows[1][c]) == bits_of(y.rows[1][c]), "channel %d differs in place", c);
  }
}

double norm_of(Norm norm, const float* a, const float* b, int channels) {
  double squares = 0, sum = 0, top = 0;
  for (int c = 0; c < channels; ++c) {
    const double d = std::fabs(static_cast<double>(a[c]) - b[c]);
    squares += d * d, sum += d, top = std::isnan(d) || std::isnan(top) ? NAN : std::max(top, d);
  }
  if (norm == Norm::l2) return std::sqrt(squares / channels);
  return norm == Norm::l1 ? sum / channels : top;
}

// Thresholds far enough from the norm that rounding decides nothing.
void test_gate_rows(const KernelTable& table, uint32_t seed, Norm norm, int channels, bool exact) {
  set_context(table, "gate rows", channels, seed);
  Random random(seed);
  const int count = 1 + random.below(90);
  const float threshold = exact ? 0.0f : random.uniform(0.3f, 1.0f);
  const Rows x(random, count, channels), y(random, count, channels);
  std::vector<bool> expected;
  for (int p = 0; p < count; ++p) {
    if (exact && random.below(2)) std::copy_n(x.rows[p].data(), channels, y.rows[p].data());
    if (random.below(20) == 0) y.rows[p][random.below(channels)] = NAN;
    double value = norm_of(norm, x.rows[p].data(), y.rows[p].data(), channels);
    if (!exact && std::fabs(value - threshold) < 1e-3) {
      std::copy_n(x.rows[p].data(), channels, y.rows[p].data());
      value = 0;
    }
    expected.push_back(!(value <= threshold));
  }
  std::vector<std::vector<float>> before;
  for (const GuardedFloats& row : y.rows) before.emplace_back(row.data(), row.data() + channels);
  const GuardedBytes opened(count);
  table.gate_rows({x.inputs().data(), y.outputs().data(), opened.data(), norm, threshold, count, channels});
  expect(opened.intact() && x.intact() && y.intact(), "memory in front of a row was written");
  for (int p = 0; p < count; ++p) {
    expect(opened.data()[p] == expected[p], "norm %d pixel %d: %d", static_cast<int>(norm), p, opened.data()[p]);
    const float* wanted = expected[p] ? x.rows[p].data() : before[p].data();
    expect(same_bits(y.rows[p].data(), wanted, channels), "norm %d pixel %d: the reference", static_cast<int>(norm), p);
  }
}

}  // namespace

void test_rows(const KernelTable& table) {
  uint32_t seed = 700;
  for (const int channels : sizes) {
    for (int repeat = 0; repeat < 3; ++repeat) test_blend(table, ++seed, channels);
    test_gather(table, ++seed, channels);
    test_softmax(table, ++seed, channels);
    for (const Norm norm : {Norm::l2, Norm::l1, Norm::linf})
      for (const bool exact : {false, true}) test_gate_rows(table, ++seed, norm, channels, exact);
  }
}

}  // namespace edgeskip::testing
