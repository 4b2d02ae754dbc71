// binary: every operation, in place, with a broadcast row, with an activation behind it.
#include "activations.h"
#include "check.h"

namespace edgeskip::testing {
namespace {

constexpr const char* binary_names[] = {"add", "sub", "mul", "div", "max", "min", "pow"};

double operate(BinaryKind kind, double a, double b) {
  switch (kind) {
    case BinaryKind::add: return a + b;
    case BinaryKind::sub: return a - b;
    case BinaryKind::mul: return a * b;
    case BinaryKind::div: return a / b;
    case BinaryKind::max: return std::isnan(a) || a > b ? a : b;
    case BinaryKind::min: return std::isnan(a) || a < b ? a : b;
    case BinaryKind::pow: return std::pow(a, b);
  }
  return 0;
}

void check_rows(const BinaryArgs& args, const Rows& a, const Rows& b, bool broadcast, const Rows& y) {
  expect(y.intact(), "floats in front of a row were written");
  for (int p = 0; p < args.count; ++p) {
    for (int c = 0; c < args.channels; ++c) {
      const float left = a.rows[p][c];
      const float right = b.rows[broadcast ? 0 : p][c];
      double expected = operate(args.kind, left, right);
      if (args.activation.kind == ActivationKind::relu) expected = expected < 0 ? 0 : expected;
      const double units = args.kind == BinaryKind::pow ? 1 : 0.5;
      expect(close(y.rows[p][c], expected, units * unit_in_last_place(expected)),
             "pixel %d channel %d of %.9g, %.9g: %.9g, expected %.9g", p, c, left, right, y.rows[p][c], expected);
    }
  }
}

void run_case(const KernelTable& table, uint32_t seed, BinaryKind kind, ActivationKind activation, int channels) {
  report().context = std::string(table.name) + " binary " + binary_names[static_cast<int>(kind)] +
                     " channels=" + std::to_string(channels) + " seed=" + std::to_string(seed);
  Random random(seed);
  const int count = 1 + random.below(19);
  const bool broadcast = random.below(2) == 0;
  const Rows a(random, count, channels, kind == BinaryKind::pow ? 0.1f : -4.0f, 4.0f);
  const Rows b(random, count, channels, -3.0f, 3.0f);
  if (kind != BinaryKind::pow) a.rows[random.below(count)][random.below(channels)] = NAN;
  const Rows y(count, channels);
  std::vector<const float*> a_rows = a.inputs();
  const std::vector<const float*> b_rows = broadcast ? std::vector<const float*>(count, b.rows[0].data()) : b.inputs();
  const std::vector<float*> y_rows = y.outputs();
  BinaryArgs args{a_rows.data(), b_rows.data(), y_rows.data(), kind, {activation, 0, 0, nullptr}, count, channels};
  table.binary(args);
  check_rows(args, a, b, broadcast, y);

  // in place
  const Rows target(count, channels);
  const std::vector<float*> target_rows = target.outputs();
  for (int p = 0; p < count; ++p) {
    std::memcpy(target_rows[p], a_rows[p], channels * sizeof(float));
    a_rows[p] = target_rows[p];
  }
  args.y = target_rows.data();
  table.binary(args);
  for (int p = 0; p < count; ++p) {
    expect(same_bits(target_rows[p], y_rows[p], channels), "pixel %d differs when y is a", p);
  }
}

}  // namespace

void test_binary(const KernelTable& table) {
  using Kind = BinaryKind;
  uint32_t seed = 500;
  for (const Kind kind : {Kind::add, Kind::sub, Kind::mul, Kind::div, Kind::max, Kind::min, Kind::pow}) {
    for (const int channels : sizes) {
      ++seed;
      run_case(table, seed, kind, seed % 2 ? ActivationKind::none : ActivationKind::relu, channels);
    }
  }
}

}  // namespace edgeskip::testing
