// The gate kernel against sums in double precision, and over every way to split a picture into parts.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "check.h"

namespace edgeskip::testing {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

// A gate's picture and reference. Behind the last float of each lies an inaccessible page.
struct GateCase {
  int height, width, channels, stride, window;
  Norm norm;
  float threshold, threshold_signed;
  GuardedFloats x, y;
  std::vector<float> counts;

  GateCase(Random& random, int channels, int stride, int window, Norm norm)
      : height(1 + random.below(12)), width(1 + random.below(700)), channels(channels), stride(stride), window(window),
        norm(norm), threshold(0.4f), threshold_signed(0.2f), x(floats()), y(floats()) {
    for (size_t i = 0; i < x.size(); ++i) y[i] = random.uniform(), x[i] = y[i] + random.uniform(-1, 1) * change(i);
    for (int column = 0; column < width; ++column) counts.push_back(static_cast<float>(inside(column, width)));
    counts.resize(width + 16, 1.0f);
    // the floats between the channels are nobody's
    if (stride > channels)
      for (int64_t pixel = 0; pixel * stride + channels < static_cast<int64_t>(x.size()); ++pixel)
        x[pixel * stride + channels] = NAN;
  }
  // most of the picture hardly changes, so that decisions differ from place to place
  float change(size_t i) const { return i / 90 % 5 ? 0.3f : 1.2f; }
  size_t floats() const { return fours() ? size_t{4} * height * width : ((size_t(height) * width - 1) * stride + channels); }
  bool fours() const { return channels == 3 && stride == 4; }
  int inside(int at, int size) const {
    return std::min(at + window / 2, size - 1) - std::max(at - window / 2, 0) + 1;
  }
  int words() const { return (width + 63) / 64; }
  int group_words() const { return (width + 64 * gate_group_columns - 1) / (64 * gate_group_columns); }

  GateArgs args(uint64_t* mask, float* scratch) const {
    GateArgs result = {};
    result.x = x.data(), result.y = y.data(), result.x_stride = result.y_stride = stride, result.fours = fours();
    result.height = height, result.width = width, result.channels = channels, result.norm = norm;
    result.window = window, result.threshold = threshold, result.threshold_signed = threshold_signed;
    result.counts = counts.data(), result.mask = mask, result.words = words(), result.scratch = scratch;
    return result;
  }

  double norm_of(const std::vector<double>& values) const {
    double squares = 0, sum = 0, top = 0;
    for (double d : values) {
      d = std::fabs(d);
      squares += d * d, sum += d, top = std::isnan(d) || std::isnan(top) ? NAN : std::max(top, d);
    }
    if (norm == Norm::l2) return std::sqrt(squares / channels);
    return norm == Norm::l1 ? sum / channels : top;
  }
  // The two means of a pixel's window.
  void means(int row, int column, double* of_norms, double* norm_of_means) const {
    std::vector<double> totals(channels);
    double norms = 0;
    const int radius = window / 2;
    for (int r = std::max(row - radius, 0); r <= std::min(row + radius, height - 1); ++r)
      for (int k = std::max(column - radius, 0); k <= std::min(column + radius, width - 1); ++k) {
        std::vector<double> d(channels);
        for (int c = 0; c < channels; ++c) {
          const int64_t i = (int64_t{r} * width + k) * stride + c;
          totals[c] += d[c] = static_cast<double>(x[i]) - y[i];
        }
        norms += norm_of(d);
      }
    const double pixels = static_cast<double>(inside(row, height)) * inside(column, width);
    for (double& total : totals) total /= pixels;
    *of_norms = norms / pixels, *norm_of_means = norm_of(totals);
  }
};

std::vector<uint64_t> decide(const KernelTable& table, const GateCase& gate, int rows, int columns,
                             const float* planes = nullptr, const PictureRows* picture = nullptr,
                             bool* finite = nullptr, const uint64_t* groups = nullptr) {
  std::vector<uint64_t> mask(gate.height * gate.words(), 0xaaaaaaaaaaaaaaaau);
  const GuardedFloats scratch(table.gate_scratch(gate.window, gate.channels), NAN);
  GateArgs args = gate.args(mask.data(), scratch.data());
  if (planes || picture) args.x = nullptr, args.planes = planes, args.picture = picture;
  args.groups = groups, args.group_words = gate.group_words();
  bool all_finite = true;
  for (int row = 0; row < gate.height; row += rows)
    for (int column = 0; column < gate.width; column += columns) {
      args.first_row = row, args.end_row = std::min(row + rows, gate.height);
      args.first_column = column, args.end_column = std::min(column + columns, gate.width);
      all_finite &= table.gate(args);
    }
  if (finite) *finite = all_finite;
  expect(scratch.intact(), "floats in front of the scratch memory were written");
  return mask;
}

void test_case(const KernelTable& table, const GateCase& gate) {
  const std::vector<uint64_t> mask = decide(table, gate, gate.height, gate_part_columns);
  for (int row = 0; row < gate.height; ++row)
    for (int column = 0; column < gate.words() * 64; ++column) {
      const bool bit = mask[row * gate.words() + column / 64] >> (column % 64) & 1;
      if (column >= gate.width) {
        expect(!bit, "row %d: bit %d behind the width %d", row, column, gate.width);
        continue;
      }
      double norms, means;
      gate.means(row, column, &norms, &means);
      const bool moved = !(norms <= gate.threshold) || !(means <= gate.threshold_signed);
      const bool sure = std::isnan(norms) || (std::fabs(norms - gate.threshold) > 1e-5 &&
                                              std::fabs(means - gate.threshold_signed) > 1e-5);
      expect(!sure || bit == moved, "%dx%d, row %d column %d: %d, means %.9g and %.9g", gate.height, gate.width, row,
             column, bit, norms, means);
    }
  expect(decide(table, gate, 1, 64) == mask, "a pixel's decision depends on the part that it lies in");
  expect(decide(table, gate, 3, 192) == mask, "a pixel's decision depends on the part that it lies in");
}

// Of any marked groups, a gate decides the pixels as without them, and closes all others.
void test_groups(const KernelTable& table, Random& random, const GateCase& gate, const PictureRows* picture) {
  std::vector<uint64_t> expected = decide(table, gate, gate.height, gate_part_columns, nullptr, picture);
  std::vector<uint64_t> groups(gate.height * gate.group_words());
  const int share = 1 + random.below(6);
  for (int row = 0; row < gate.height; ++row)
    for (int column = 0; column < gate.width; column += gate_group_columns) {
      const int group = column / gate_group_columns;
      const bool marked = random.below(6) < share && row % 4 != share % 4;
      groups[row * gate.group_words() + group / 64] |= uint64_t{marked} << (group % 64);
      if (!marked) expected[row * gate.words() + column / 64] &= ~(uint64_t{0xffff} << (column % 64));
    }
  for (const auto& [rows, columns] : {std::pair(gate.height, gate_part_columns), {1, 64}, {3, 192}})
    expect(decide(table, gate, rows, columns, nullptr, picture, nullptr, groups.data()) == expected,
           "marked groups are decided otherwise than all, in parts of %dx%d", rows, columns);
}

// x as planes, behind the last float of which lies an inaccessible page.
GuardedFloats planes_of(const GateCase& gate) {
  const int64_t pixels = int64_t{gate.height} * gate.width;
  GuardedFloats planes(pixels * gate.channels);
  for (int64_t p = 0; p < pixels; ++p)
    for (int c = 0; c < gate.channels; ++c) planes[c * pixels + p] = gate.x[p * gate.stride + c];
  return planes;
}

void test_planes(const KernelTable& table, const GateCase& gate) {
  const GuardedFloats planes = planes_of(gate);
  bool known = true, finite = false;
  for (size_t i = 0; i < planes.size(); ++i) known &= std::isfinite(planes[i]);
  for (const auto& [rows, columns] : {std::pair(gate.height, gate_part_columns), {3, 64}}) {
    expect(decide(table, gate, rows, columns, planes.data(), nullptr, &finite) == decide(table, gate, rows, columns),
           "planes are decided otherwise than pixels");
    expect(finite == known, "finite: %d, expected %d", finite, known);
  }
}

// A camera's picture against its own values as pixels.
void test_picture(const KernelTable& table, Random& random, GateCase gate) {
  PictureRows picture = {};
  picture.gray = gate.channels == 1;
  picture.height = 1 + random.below(gate.height), picture.width = 1 + random.below(gate.width);
  picture.row_bytes = 3 * picture.width;
  std::vector<uint8_t> bytes(picture.row_bytes * picture.height);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random.below(256));
  picture.pixels = bytes.data();
  for (int c = 0; c < 3; ++c) {
    picture.order[c] = 2 - c, picture.mean[c] = 100.0f + c, picture.scale[c] = 0.01f, picture.pads[c] = 0.5f * c;
  }
  for (int row = 0; row < gate.height; ++row)
    for (int column = 0; column < gate.width; ++column)
      for (int c = 0; c < gate.channels; ++c) {
        const bool inside = row < picture.height && column < picture.width;
        const uint8_t* p = bytes.data() + (inside ? row * picture.row_bytes + 3 * column : 0);
        const int level = picture.gray ? (p[0] * 3735 + p[1] * 19235 + p[2] * 9798 + 16384) >> 15 : p[2 - c];
        gate.x[(int64_t{row} * gate.width + column) * gate.stride + c] =
            inside ? (static_cast<float>(level) - picture.mean[c]) * picture.scale[c] : picture.pads[c];
      }
  for (const int columns : {gate_part_columns, 64})
    expect(decide(table, gate, 5, columns, nullptr, &picture) == decide(table, gate, 5, columns),
           "a camera's picture is decided otherwise than its values");
  test_groups(table, random, gate, &picture);
}

}  // namespace

void test_gate(const KernelTable& table) {
  uint32_t seed = 900;
  constexpr int shapes[][2] = {{1, 1}, {3, 4}, {3, 3}, {3, 16}, {2, 2}, {5, 8}};
  for (const auto& shape : shapes)
    for (const int window : {1, 3, 5, 7, 21})
      for (const Norm norm : {Norm::l2, Norm::l1, Norm::linf}) {
        Random random(++seed);
        GateCase gate(random, shape[0], shape[1], window, norm);
        report().context = std::string(table.name) + " gate channels=" + std::to_string(shape[0]) +
                           " window=" + std::to_string(window) + " seed=" + std::to_string(seed);
        test_case(table, gate);
        test_planes(table, gate);
        test_groups(table, random, gate, nullptr);
        gate.threshold = random.below(2) ? infinity : 0.1f;
        gate.threshold_signed = random.below(2) ? infinity : 0.05f;
        const size_t unknown = static_cast<size_t>(random.below(gate.height * gate.width)) * shape[1];
        (random.below(2) ? gate.x : gate.y)[unknown] = NAN;
        test_case(table, gate);
        test_planes(table, gate);
        test_groups(table, random, gate, nullptr);
        if (shape[0] == 1 || shape[0] == 3) test_picture(table, random, std::move(gate));
      }
}

}  // namespace edgeskip::testing
