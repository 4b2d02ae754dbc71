// unary: every activation over the range of floats, with its error in units in the last place, and
// NaN, infinities and subnormal numbers.
#include <limits>

#include "activations.h"
#include "check.h"

namespace edgeskip::testing {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr double smallest_normal = std::numeric_limits<float>::min();

void apply(const KernelTable& table, const Activation& activation, const GuardedFloats& x, const GuardedFloats& y) {
  const float* input = x.data();
  float* output = y.data();
  table.unary({&input, &output, activation, 1, static_cast<int>(x.size())});
}

GuardedFloats test_values(Random& random) {
  std::vector<float> values = {0.0f, -0.0f, 1.0f, -1.0f, infinity, -infinity, NAN, 1e-40f, -1e-40f, 3.4e38f, -3.4e38f,
                               88.0f, 88.73f, 89.5f, -87.4f, -103.0f, -104.5f, -200.0f, 0.625f, 0.62499f, 3.0f, -3.0f};
  for (int i = 0; i < 20000; ++i) values.push_back(random.uniform(-110.0f, 95.0f));
  for (int i = 0; i < 10000; ++i) values.push_back(random.uniform(-8.0f, 8.0f));
  for (int i = 0; i < 5000; ++i) values.push_back(std::ldexp(random.uniform(-1, 1), random.below(250) - 125));
  GuardedFloats result(values.size());
  std::memcpy(result.data(), values.data(), values.size() * sizeof(float));
  return result;
}

double tolerance(const NamedActivation& a, double x, double expected) {
  double result = a.units * unit_in_last_place(expected);
  // exp(-x) is infinite below -88: what is left there is smaller than the normal numbers, or nearly
  if (a.kind == ActivationKind::silu || a.kind == ActivationKind::sigmoid) result += 32 * smallest_normal;
  // where a sum cancels, its error is one of the summands'
  if (a.kind == ActivationKind::hard_sigmoid) result += epsilon * (std::fabs(a.alpha * x) + a.beta);
  if (a.kind == ActivationKind::hard_swish) result += std::fabs(x) * epsilon * (std::fabs(x) / 6 + 0.5) * 2;
  return result;
}

// silu(-inf) is -inf * 0
bool is_undefined(const NamedActivation& a, float x) {
  return std::isinf(x) && (a.kind == ActivationKind::silu || a.kind == ActivationKind::hard_swish);
}

void check_accuracy(const KernelTable& table, const NamedActivation& a, Random& random) {
  report().context = std::string(table.name) + " unary " + a.name;
  const GuardedFloats x = test_values(random);
  const GuardedFloats y(x.size());
  const GuardedFloats alphas = random.floats(x.size());
  apply(table, {a.kind, a.alpha, a.beta, alphas.data()}, x, y);
  expect(y.intact(), "floats in front of the row were written");
  for (size_t i = 0; i < x.size(); ++i) {
    if (is_undefined(a, x[i])) continue;
    const double expected = activate(a, x[i], alphas[i]);
    const double limit = tolerance(a, x[i], expected);
    const bool overflows = std::fabs(expected) > std::numeric_limits<float>::max();
    const bool good = overflows ? std::isinf(y[i]) || std::fabs(y[i]) > 3.402e38f : close(y[i], expected, limit);
    expect(good, "of %.9g: %.9g, expected %.9g +- %.2g", x[i], y[i], expected, limit);
  }
}

// A value's result does not depend on its place in the row, nor on the row's length.
void check_places(const KernelTable& table, const NamedActivation& a, Random& random) {
  report().context = std::string(table.name) + " unary place " + a.name;
  for (const int channels : sizes) {
    const GuardedFloats x = random.floats(channels, -6.0f, 6.0f);
    const GuardedFloats y(channels);
    const GuardedFloats alphas = random.floats(channels);
    apply(table, {a.kind, a.alpha, a.beta, alphas.data()}, x, y);
    expect(y.intact(), "floats in front of the row were written");
    for (int c = 0; c < channels; ++c) {
      const GuardedFloats one(1, x[c]);
      const GuardedFloats result(1);
      apply(table, {a.kind, a.alpha, a.beta, alphas.data() + c}, one, result);
      const bool same = bits_of(result[0]) == bits_of(y[c]) || (std::isnan(result[0]) && std::isnan(y[c]));
      expect(same, "channel %d of %d: %.9g, alone %.9g", c, channels, y[c], result[0]);
    }
  }
}

}  // namespace

void test_activations(const KernelTable& table) {
  Random random(300);
  for (const NamedActivation& a : fused_activations) {
    check_accuracy(table, a, random);
    check_places(table, a, random);
  }
  for (const NamedActivation& a : other_activations) {
    check_accuracy(table, a, random);
    check_places(table, a, random);
  }
}

}  // namespace edgeskip::testing
