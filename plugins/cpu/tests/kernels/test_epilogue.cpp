// epilogue: activation, comparison and conditional store against double precision; unknown (NaN)
// counts as changed whatever the threshold.
#include <algorithm>
#include <limits>

#include "activations.h"
#include "check.h"

namespace edgeskip::testing {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr const char* norm_names[] = {"l2", "l1", "linf"};

struct EpilogueCase {
  int count, channels, stride;
  NamedActivation named;
  Activation activation;
  Norm norm;
  GuardedFloats acc, alphas, weight;
  Rows z, y;
  bool has_z, has_weight;

  double expected(int p, int c) const {
    const float x = acc[static_cast<size_t>(p) * stride + c];
    const float sum = has_z ? x + z.rows[p][c] : x;
    return activate(named, sum, alphas[c]);
  }

  // of expected() against y
  double norm_of_change(int p) const {
    double squares = 0, sum = 0, top = 0;
    for (int c = 0; c < channels; ++c) {
      const double d = std::fabs((expected(p, c) - y.rows[p][c]) * (has_weight ? weight[c] : 1.0));
      squares += d * d, sum += d, top = std::max(top, d);
    }
    if (norm == Norm::l2) return std::sqrt(squares / channels);
    return norm == Norm::l1 ? sum / channels : top;
  }

  std::vector<uint8_t> run(const KernelTable& table, const GuardedFloats& work, const Rows& target, int first,
                           int size, float threshold) const {
    const std::vector<const float*> z_rows = z.inputs();
    const std::vector<float*> y_rows = target.outputs();
    std::vector<uint8_t> changed(size, 77);
    table.epilogue({work.data() + static_cast<size_t>(first) * stride, stride, y_rows.data() + first,
                    has_z ? z_rows.data() + first : nullptr, has_weight ? weight.data() : nullptr, changed.data(),
                    activation, norm, threshold, size, channels});
    return changed;
  }
};

GuardedFloats copy(const GuardedFloats& x) {
  GuardedFloats result(x.size());
  std::memcpy(result.data(), x.data(), x.size() * sizeof(float));
  return result;
}

Rows copy(const Rows& x) {
  Rows result;
  for (const GuardedFloats& row : x.rows) result.rows.push_back(copy(row));
  return result;
}

EpilogueCase make_case(Random& random, const NamedActivation& named, Norm norm, int channels) {
  const int count = 1 + random.below(9);
  const int stride = channels + random.below(3);
  EpilogueCase c{count, channels, stride, named, {named.kind, named.alpha, named.beta, nullptr}, norm,
                 random.floats(static_cast<size_t>(count - 1) * stride + channels, -4, 4),
                 random.floats(channels), random.floats(channels, 0, 2), Rows(random, count, channels),
                 Rows(random, count, channels, -2, 2), random.below(2) == 0, random.below(2) == 0};
  c.activation.alphas = c.alphas.data();
  return c;
}

void check_pixel(const EpilogueCase& c, int p, const Rows& y, bool changed, double distance) {
  for (int i = 0; i < c.channels; ++i) {
    const float value = y.rows[p][i];
    if (!changed) {
      expect(bits_of(value) == bits_of(c.y.rows[p][i]), "pixel %d, unchanged, was written at %d", p, i);
      continue;
    }
    const double expected = c.expected(p, i);
    const double tolerance = c.named.units * unit_in_last_place(expected) + 8 * epsilon;
    expect(close(value, expected, tolerance), "pixel %d channel %d: %.9g, expected %.9g, changed by %.9g", p, i, value,
           expected, distance);
  }
}

// returns how many pixels changed
int check_threshold(const KernelTable& table, const EpilogueCase& c, float threshold) {
  const GuardedFloats acc = copy(c.acc);
  const Rows y = copy(c.y);
  const std::vector<uint8_t> changed = c.run(table, acc, y, 0, c.count, threshold);
  expect(y.intact() && acc.intact(), "floats in front of a row were written");
  for (int p = 0; p < c.count; ++p) {
    const double distance = c.norm_of_change(p);
    const bool certain = std::fabs(distance - threshold) > 1e-5 * (1 + distance);
    const bool expected = !(distance <= threshold);
    expect(!certain || changed[p] == expected, "pixel %d: changed %d, norm %.9g, threshold %.9g", p, changed[p],
           distance, threshold);
    check_pixel(c, p, y, changed[p] == 1, distance);

    const GuardedFloats acc_alone = copy(c.acc);
    const Rows y_alone = copy(c.y);
    const uint8_t alone = c.run(table, acc_alone, y_alone, p, 1, threshold)[0];
    expect(alone == changed[p] && same_bits(y.rows[p].data(), y_alone.rows[p].data(), c.channels),
           "pixel %d differs when it is computed alone", p);
  }
  return static_cast<int>(std::count(changed.begin(), changed.end(), 1));
}

void check_unknown(const KernelTable& table, const EpilogueCase& c, Random& random) {
  for (const bool in_old : {true, false}) {
    const GuardedFloats acc = copy(c.acc);
    const Rows y = copy(c.y);
    const int p = random.below(c.count);
    const int i = random.below(c.channels);
    (in_old ? y.rows[p][i] : acc[static_cast<size_t>(p) * c.stride + i]) = NAN;
    const std::vector<uint8_t> changed = c.run(table, acc, y, 0, c.count, infinity);
    for (int q = 0; q < c.count; ++q) {
      expect(changed[q] == (q == p), "NaN in the %s of pixel %d, channel %d: pixel %d changed %d",
             in_old ? "old" : "new", p, i, q, changed[q]);
    }
    expect(std::isnan(y.rows[p][i]) == !in_old, "the new value of pixel %d is stored", p);
  }
}

// With threshold 0 the smallest difference counts, and only a difference.
void check_zero(const KernelTable& table, const EpilogueCase& c, Random& random) {
  if (c.has_weight) return;
  const GuardedFloats acc = copy(c.acc);
  const Rows y = copy(c.y);
  c.run(table, acc, y, 0, c.count, 0.0f);
  const int p = random.below(c.count);
  const int i = random.below(c.channels);
  y.rows[p][i] = std::nextafter(y.rows[p][i], infinity);
  const std::vector<uint8_t> changed = c.run(table, copy(c.acc), y, 0, c.count, 0.0f);
  for (int q = 0; q < c.count; ++q) {
    expect(changed[q] == (q == p), "one bit differs in pixel %d: pixel %d changed %d", p, q, changed[q]);
  }
}

// 1e-30 squared is 0 in single precision
void check_tiny(const KernelTable& table, Norm norm) {
  report().context = std::string(table.name) + " epilogue tiny " + norm_names[static_cast<int>(norm)];
  for (const float old : {0.0f, 1e-30f}) {
    const GuardedFloats acc(20, 0.0f);
    const GuardedFloats y(20, 0.0f);
    y[19] = old;
    float* row = y.data();
    uint8_t changed = 77;
    table.epilogue({acc.data(), 20, &row, nullptr, nullptr, &changed, {}, norm, 0.0f, 1, 20});
    expect(changed == (old != 0.0f) && y[19] == 0.0f, "threshold 0, change from %g to 0: changed %d", old, changed);
  }
}

}  // namespace

void test_epilogue(const KernelTable& table) {
  for (const Norm norm : {Norm::l2, Norm::l1, Norm::linf}) check_tiny(table, norm);
  int changed = 0, pixels = 0;
  uint32_t seed = 400;
  for (const NamedActivation& named : fused_activations) {
    for (const Norm norm : {Norm::l2, Norm::l1, Norm::linf}) {
      for (const int channels : sizes) {
        Random random(++seed);
        const EpilogueCase c = make_case(random, named, norm, channels);
        report().context = std::string(table.name) + " epilogue " + named.name + " " +
                           norm_names[static_cast<int>(norm)] + " channels=" + std::to_string(channels) +
                           " seed=" + std::to_string(seed);
        changed += check_threshold(table, c, static_cast<float>(c.norm_of_change(random.below(c.count)) * 1.01));
        pixels += c.count;
        check_threshold(table, c, 0.0f);
        expect(check_threshold(table, c, infinity) == 0, "nothing exceeds an infinite threshold");
        check_unknown(table, c, random);
        check_zero(table, c, random);
      }
    }
  }
  expect(changed > pixels / 5 && changed < pixels * 4 / 5, "both outcomes happen: %d of %d", changed, pixels);
}

}  // namespace edgeskip::testing
