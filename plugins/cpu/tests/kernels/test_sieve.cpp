// The sieve before the frame gate against plain sums, and over every way to split a picture into bands.
#include <algorithm>
#include <vector>

#include "check.h"

namespace edgeskip::testing {
namespace {

// A picture, its reference and random limits, each in memory of its own that ends at an inaccessible page.
struct SieveCase {
  int window, input_height, input_width, height, width;
  int64_t picture_row;
  GuardedBytes reference, picture, harmless;

  SieveCase(Random& random, int window)
      : window(window), input_height(1 + random.below(30)), input_width(1 + random.below(random.below(2) ? 1400 : 200)),
        height(random.below(3) ? input_height : 1 + random.below(input_height)), width(random_width(random)),
        picture_row(3 * width + random.below(2) * random.below(50)), reference(size_t{3} * width * height),
        picture(static_cast<size_t>((height - 1) * picture_row) + 3 * width),
        harmless(static_cast<size_t>(window * sieve_line(input_width)), 254) {
    draw(random);
    // rarely exceeded, so that groups differ from place to place
    for (int row = 0; row < window; ++row)
      for (int i = 0; i < 3 * input_width; ++i)
        limit(row, i) = static_cast<uint8_t>(std::min(254, random.below(10) ? (row + 1) * window * 2 : 254));
  }

  // often one that ends where a block of the sieve does, or a few columns further
  int random_width(Random& random) const {
    if (random.below(2)) return input_width;
    const int width = random.below(2) ? 1 + random.below(input_width) : 64 * (1 + random.below(4)) + random.below(4);
    return std::min(width, input_width);
  }

  // Noise everywhere, and patches that moved, a little or a lot.
  void draw(Random& random) {
    for (size_t i = 0; i < reference.size(); ++i) reference[i] = static_cast<uint8_t>(random.below(256));
    const int most = random.below(2) ? 1 : 3;
    for (int row = 0; row < height; ++row)
      for (int i = 0; i < 3 * width; ++i)
        at(row, i) = clamped(reference[int64_t{3} * width * row + i] + random.below(most));
    for (int patch = 0; patch < 6; ++patch) {
      const int top = random.below(height), left = random.below(3 * width), change = random.below(patch ? 12 : 255) - 5;
      for (int row = top; row < std::min(top + 1 + window / 2, height); ++row)
        for (int i = left; i < std::min(left + 8, 3 * width); ++i) at(row, i) = clamped(at(row, i) + change);
    }
    // the last pixel too: its window may lie behind the picture
    at(height - 1, 3 * width - 1) = static_cast<uint8_t>(reference[reference.size() - 1] ^ 0x80);
  }

  static uint8_t clamped(int level) { return static_cast<uint8_t>(std::clamp(level, 0, 255)); }
  uint8_t& at(int row, int i) const { return picture[static_cast<size_t>(row * picture_row + i)]; }
  uint8_t& limit(int line, int i) const { return harmless[static_cast<size_t>(line * sieve_line(input_width) + i)]; }
  int group_columns() const { return (input_width + gate_group_columns - 1) / gate_group_columns; }
  int words() const { return (group_columns() + 63) / 64; }

  // Sums over the window's columns of a row of sums over its rows.
  std::vector<uint64_t> expected() const {
    std::vector<uint64_t> groups(static_cast<size_t>(input_height) * words());
    std::vector<int> sums(size_t{3} * input_width);
    const int radius = window / 2;
    for (int row = 0; row < input_height; ++row) {
      std::fill(sums.begin(), sums.end(), 0);
      const int first = std::max(row - radius, 0), last = std::min(row + radius, input_height - 1);
      for (int r = first; r <= std::min(last, height - 1); ++r)
        for (int i = 0; i < 3 * width; ++i) sums[i] += std::abs(at(r, i) - reference[int64_t{3} * width * r + i]);
      for (int i = 0; i < 3 * input_width; ++i) {
        int sum = 0;
        for (int k = std::max(i / 3 - radius, 0); k <= std::min(i / 3 + radius, input_width - 1); ++k)
          sum += sums[3 * k + i % 3];
        const int group = i / 3 / gate_group_columns;
        if (sum > limit(last - first, i)) groups[row * words() + group / 64] |= uint64_t{1} << (group % 64);
      }
    }
    return groups;
  }
};

std::vector<uint64_t> sift(const KernelTable& table, const SieveCase& sieve, int rows) {
  std::vector<uint64_t> groups(static_cast<size_t>(sieve.input_height) * sieve.words(), 0xaaaaaaaaaaaaaaaau);
  const GuardedBytes scratch(static_cast<size_t>(table.sieve_scratch(sieve.window, sieve.input_width)), 0xa5);
  SieveArgs args = {};
  args.picture = sieve.picture.data(), args.picture_row = sieve.picture_row, args.reference = sieve.reference.data();
  args.height = sieve.height, args.width = sieve.width;
  args.input_height = sieve.input_height, args.input_width = sieve.input_width;
  args.window = sieve.window, args.harmless = sieve.harmless.data();
  args.groups = groups.data(), args.words = sieve.words(), args.scratch = scratch.data();
  for (int row = 0; row < sieve.input_height; row += rows) {
    args.first_row = row, args.end_row = std::min(row + rows, sieve.input_height);
    table.sieve(args);
  }
  expect(scratch.intact(), "bytes in front of the scratch memory were written");
  // behind the width nobody looks
  for (int row = 0; row < sieve.input_height; ++row)
    for (int group = sieve.group_columns(); group < 64 * sieve.words(); ++group)
      groups[row * sieve.words() + group / 64] &= ~(uint64_t{1} << (group % 64));
  return groups;
}

}  // namespace

void test_sieve(const KernelTable& table) {
  uint32_t seed = 1300;
  for (const int window : {1, 3, 5, 7, 21, 255})
    for (int repeat = 0; repeat < (window < 255 ? 12 : 2); ++repeat) {
      Random random(++seed);
      const SieveCase sieve(random, window);
      report().context = std::string(table.name) + " sieve window=" + std::to_string(window) + " seed=" +
                         std::to_string(seed);
      const std::vector<uint64_t> expected = sieve.expected();
      for (const int rows : {sieve.input_height, 3, 1})
        expect(sift(table, sieve, rows) == expected, "%dx%d in %dx%d, bands of %d rows: other groups", sieve.width,
               sieve.height, sieve.input_width, sieve.input_height, rows);
    }
}

}  // namespace edgeskip::testing
