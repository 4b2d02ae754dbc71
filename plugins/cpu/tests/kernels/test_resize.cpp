// Rows of a picture in another size against the plain formula, bit for bit.
#include <algorithm>
#include <cmath>
#include <vector>

#include "check.h"

namespace edgeskip::testing {
namespace {

// As edgeskip/core/picture.py lays out an axis: two source positions and their weights.
std::vector<int32_t> axis_of(int source, int size) {
  std::vector<int32_t> axis;
  for (int i = 0; i < size; ++i) {
    const double at = (i + 0.5) * source / size - 0.5;
    int first = static_cast<int>(std::floor(at));
    int weight = static_cast<int>(std::rint((at - first) * 2048));
    if (first < 0) first = 0, weight = 0;
    if (first >= source - 1) first = source - 1, weight = 0;
    axis.insert(axis.end(), {first, std::min(first + 1, source - 1), 2048 - weight, weight});
  }
  return axis;
}

// Pixels in any order, as the engine's interface allows.
std::vector<int32_t> wild_axis(Random& random, int source, int size) {
  std::vector<int32_t> axis;
  for (int i = 0; i < size; ++i) {
    const int weight = random.pick({0, 1, 2047, 2048, random.below(2049)});
    axis.insert(axis.end(), {random.below(source), random.below(source), 2048 - weight, weight});
  }
  return axis;
}

int adjacent_of(const std::vector<int32_t>& axis, int source) {
  int count = 0;
  for (size_t i = 0; i < axis.size(); i += 4, ++count)
    if (axis[i + 1] != axis[i] + 1 || 3 * axis[i] + 8 > 3 * source) break;
  return count;
}

void test_columns(const KernelTable& table, Random& random, int source, int width, bool wild) {
  const std::vector<int32_t> axis = wild ? wild_axis(random, source, width) : axis_of(source, width);
  // of the columns, too, nothing behind the last may be read
  const GuardedBytes columns(axis.size() * sizeof(int32_t));
  std::memcpy(columns.data(), axis.data(), columns.size());
  const GuardedBytes row(size_t{3} * source);
  const int most = random.pick({256, 256, 2});
  for (size_t i = 0; i < row.size(); ++i) row[i] = static_cast<uint8_t>(255 - random.below(most));
  const GuardedBytes line((size_t{3} * width + 4) * sizeof(int16_t));
  int16_t* const values = reinterpret_cast<int16_t*>(line.data());
  const int all = adjacent_of(axis, source);
  for (const int adjacent : {all, 0, random.below(all + 1)}) {
    std::memset(line.data(), 0x5a, line.size());
    table.blend_columns({row.data(), reinterpret_cast<const int32_t*>(columns.data()), width, adjacent, values});
    int wrong = 0;
    for (int i = 0; i < 3 * width; ++i) {
      const int32_t* entry = &axis[static_cast<size_t>(i / 3) * 4];
      const int left = row[3 * entry[0] + i % 3], right = row[3 * entry[1] + i % 3];
      wrong += values[i] != (left * entry[2] + right * entry[3]) >> 4;
    }
    expect(wrong == 0, "%d columns of %d, %d adjacent: %d values are wrong", width, source, adjacent, wrong);
    expect(line.intact(), "bytes in front of the line were written");
  }
}

void test_rows(const KernelTable& table, Random& random, int count) {
  const size_t bytes = sizeof(int16_t) * static_cast<size_t>(count);
  const GuardedBytes lines[2] = {GuardedBytes(bytes), GuardedBytes(bytes)};
  int16_t* values[2];
  for (int k = 0; k < 2; ++k) {
    values[k] = reinterpret_cast<int16_t*>(lines[k].data());
    for (int i = 0; i < count; ++i) values[k][i] = static_cast<int16_t>(random.below(9) ? random.below(32641) : 32640);
  }
  for (const int weight : {0, 2048, 1024, 1 + random.below(2047)}) {
    const GuardedBytes out(static_cast<size_t>(count));
    table.blend_rows({values[0], values[1], 2048 - weight, weight, out.data(), count});
    int wrong = 0;
    for (int i = 0; i < count; ++i)
      wrong += out[i] != ((values[0][i] * (2048 - weight) >> 16) + (values[1][i] * weight >> 16) + 2) >> 2;
    expect(wrong == 0, "%d values with a weight of %d: %d are wrong", count, weight, wrong);
    expect(out.intact(), "bytes in front of the row were written");
  }
}

}  // namespace

void test_resize(const KernelTable& table) {
  uint32_t seed = 1700;
  for (const int size : sizes)
    for (int repeat = 0; repeat < 6; ++repeat) {
      Random random(++seed);
      report().context = std::string(table.name) + " resize seed=" + std::to_string(seed);
      const int source = repeat == 0 ? size : 1 + random.below(repeat < 3 ? size + 2 : 6 * size);
      test_columns(table, random, source, size, repeat == 5);
      test_rows(table, random, 3 * size);
    }
}

}  // namespace edgeskip::testing
