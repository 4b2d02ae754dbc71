// Mask geometry on words against loops over pixels, at sizes around the edges of a word.
#include <functional>

#include "tests.h"

namespace edgeskip::testing {

namespace {

struct OwnedMask {
  std::vector<uint64_t> words;
  MaskView view;
  OwnedMask(int height, int width)
      : words(static_cast<size_t>(height) * words_of(width), 0xdeadbeefdeadbeefu), view(words.data(), height, width) {
    clear(view);
  }
};

using Rule = std::function<bool(int y, int x)>;

void compare(const MaskView& mask, const Rule& rule, const char* what) {
  int wrong = 0;
  int64_t set = 0;
  for (int y = 0; y < mask.height; ++y)
    for (int x = 0; x < mask.width; ++x) {
      wrong += mask.get(y, x) != rule(y, x);
      set += rule(y, x);
    }
  expect(wrong == 0, "%s: %d pixels of %dx%d differ", what, wrong, mask.height, mask.width);
  expect(count(mask) == set, "%s: bits behind the width", what);
}

bool get_or_false(const MaskView& mask, int64_t y, int64_t x) {
  return y >= 0 && y < mask.height && x >= 0 && x < mask.width && mask.get(static_cast<int>(y), static_cast<int>(x));
}

void fill_random(const MaskView& mask, std::mt19937& random) {
  const unsigned rate = std::vector<unsigned>{2, 10, 50, 100}[random() % 4];
  for (int y = 0; y < mask.height; ++y)
    for (int x = 0; x < mask.width; ++x)
      if (random() % 100 < rate) mask.set(y, x);
}

Window random_window(std::mt19937& random) {
  Window window;
  for (int axis = 0; axis < 2; ++axis) {
    window.kernel[axis] = 1 + random() % 5;
    window.strides[axis] = 1 + random() % 3;
    window.dilations[axis] = 1 + random() % 3;
  }
  for (int& pad : window.pads) pad = random() % 5;
  return window;
}

bool reads_any(const MaskView& in, const Window& w, int y, int x) {
  for (int ky = 0; ky < w.kernel[0]; ++ky)
    for (int kx = 0; kx < w.kernel[1]; ++kx)
      if (get_or_false(in, y * w.strides[0] + ky * w.dilations[0] - w.pads[0],
                       x * w.strides[1] + kx * w.dilations[1] - w.pads[1]))
        return true;
  return false;
}

bool reached_by_any(const MaskView& in, const Window& w, int y, int x) {
  for (int iy = 0; iy < in.height; ++iy)
    for (int ix = 0; ix < in.width; ++ix) {
      if (!in.get(iy, ix)) continue;
      for (int ky = 0; ky < w.kernel[0]; ++ky)
        for (int kx = 0; kx < w.kernel[1]; ++kx)
          if (iy * w.strides[0] + ky * w.dilations[0] - w.pads[0] == y &&
              ix * w.strides[1] + kx * w.dilations[1] - w.pads[1] == x)
            return true;
    }
  return false;
}

void test_pool_and_scatter(int height, int width, std::mt19937& random) {
  OwnedMask in(height, width);
  fill_random(in.view, random);
  const Window window = random_window(random);
  const int out_height = 1 + random() % 9, out_width = 1 + random() % 140;
  OwnedMask out(out_height, out_width);
  std::vector<uint64_t> scratch(pool_scratch_words(height, out_width, window));
  pool_mask(in.view, out.view, window, scratch.data());
  compare(out.view, [&](int y, int x) { return reads_any(in.view, window, y, x); }, "pool");
  if (width > 70) return;
  scratch.resize(scatter_scratch_words(width, out_width, window));
  scatter_mask(in.view, out.view, window, scratch.data());
  compare(out.view, [&](int y, int x) { return reached_by_any(in.view, window, y, x); }, "scatter");
}

void test_window_and_union(int height, int width, std::mt19937& random) {
  OwnedMask in(height, width), other(height, width);
  fill_random(in.view, random);
  fill_random(other.view, random);
  OwnedMask out(7, 1 + random() % 150);
  const int offset[2] = {static_cast<int>(random() % 7) - 3, static_cast<int>(random() % 200) - 100};
  const int step[2] = {1 + static_cast<int>(random() % 2), 1 + static_cast<int>(random() % 2)};
  window_mask(in.view, out.view, offset, step);
  compare(out.view,
          [&](int y, int x) {
            return get_or_false(in.view, y * step[0] + offset[0], int64_t{x} * step[1] + offset[1]);
          },
          "window");
  OwnedMask both(height, width);
  unite(in.view, both.view);
  unite(other.view, both.view);
  compare(both.view, [&](int y, int x) { return in.view.get(y, x) || other.view.get(y, x); }, "union");
}

void test_blocks_and_lists(int height, int width, std::mt19937& random) {
  OwnedMask mask(height, width);
  fill_random(mask.view, random);
  const std::vector<uint64_t> before = mask.words;
  const MaskView original(const_cast<uint64_t*>(before.data()), height, width);
  std::vector<Pixel> list(static_cast<size_t>(height) * width);
  expect(list_pixels(mask.view, list.data()) == count(mask.view), "length of the list");
  size_t next = 0;
  bool same = true;
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      if (mask.view.get(y, x)) same &= list[next++] == make_pixel(y, x);
  expect(same, "pixels of the list");
  for (const int block : {1, 2, 4, 8}) {
    mask.words = before;
    round_to_blocks(mask.view, block);
    compare(mask.view,
            [&](int y, int x) {
              for (int row = y / block * block; row < y / block * block + block; ++row)
                for (int column = x / block * block; column < x / block * block + block; ++column)
                  if (get_or_false(original, row, column)) return true;
              return false;
            },
            "blocks");
  }
}

}  // namespace

void test_masks() {
  for (const int width : {1, 2, 31, 63, 64, 65, 127, 128, 129, 191, 193})
    for (uint32_t seed = 0; seed < 12; ++seed) {
      report().context = "masks, width " + std::to_string(width) + ", seed " + std::to_string(seed);
      std::mt19937 random(seed * 1000 + width);
      const int height = 1 + random() % 9;
      test_pool_and_scatter(height, width, random);
      test_window_and_union(height, width, random);
      test_blocks_and_lists(height, width, random);
    }
}

}  // namespace edgeskip::testing
