// depthwise over runs of neighbouring pixels, by offsets: the same bits as through pointers and as each pixel
// alone; nothing behind the last tap is read.
#include "check.h"

namespace edgeskip::testing {
namespace {

struct Case {
  int kernel, stride, dilation, channels;
};

// A picture that is as large as the taps of `height` x `width` pixels need, and lists of these pixels.
struct Picture {
  Case c;
  int height, width, columns;
  GuardedFloats data;
  std::vector<int64_t> offsets;

  Picture(Random& random, const Case& c, int height, int width)
      : c(c), height(height), width(width), columns(extent(c, width)),
        data(random.floats(int64_t{extent(c, height)} * columns * c.channels)) {
    for (int t = 0; t < c.kernel * c.kernel; ++t) {
      offsets.push_back(int64_t{t / c.kernel * columns + t % c.kernel} * c.dilation * c.channels);
    }
  }
  static int extent(const Case& c, int pixels) { return (pixels - 1) * c.stride + (c.kernel - 1) * c.dilation + 1; }
  const float* corner(int y, int x) const {
    return data.data() + (int64_t{y} * columns + x) * c.stride * c.channels;
  }
  // in raster order, each with the likelihood of `share` per cent
  std::vector<const float*> some(Random& random, int share) const {
    std::vector<const float*> corners;
    for (int y = 0; y < height; ++y) {
      for (int x = 0; x < width; ++x) {
        if (random.below(100) < share) corners.push_back(corner(y, x));
      }
    }
    return corners;
  }
};

void check_list(const KernelTable& table, const Picture& picture, const float* packed,
                const std::vector<const float*>& corners) {
  const int channels = picture.c.channels, taps = picture.c.kernel * picture.c.kernel;
  const int count = static_cast<int>(corners.size()), stride = channels + 3;
  if (count == 0) return;
  std::vector<const float*> rows;
  for (const int64_t offset : picture.offsets) {
    for (const float* corner : corners) rows.push_back(corner + offset);
  }
  const size_t size = static_cast<size_t>(count - 1) * stride + channels;
  GuardedFloats by_pointer(size), by_offset(size), alone(channels);
  table.depthwise({rows.data(), packed, by_pointer.data(), stride, count, taps, channels});
  const int64_t* offsets = picture.offsets.data();
  table.depthwise({corners.data(), packed, by_offset.data(), stride, count, taps, channels, offsets});
  expect(by_offset.intact(), "floats in front of the output were written");
  expect(same_bits(by_pointer.data(), by_offset.data(), size), "%d pixels differ from those by pointer", count);
  for (int p = 0; p < count; ++p) {
    table.depthwise({&corners[p], packed, alone.data(), channels, 1, taps, channels, offsets});
    const float* row = by_offset.data() + static_cast<size_t>(p) * stride;
    expect(same_bits(row, alone.data(), channels), "pixel %d of %d differs when it is computed alone", p, count);
  }
}

void run_case(const KernelTable& table, uint32_t seed, const Case& c) {
  char context[160];
  std::snprintf(context, sizeof context, "%s depthwise runs kernel=%d stride=%d dilation=%d channels=%d seed=%u",
                table.name, c.kernel, c.stride, c.dilation, c.channels, seed);
  report().context = context;
  Random random(seed);
  const int taps = c.kernel * c.kernel;
  const GuardedFloats weights = random.floats(static_cast<size_t>(c.channels) * taps);
  const GuardedFloats bias = random.floats(c.channels);
  GuardedFloats packed(table.depthwise_weights_size(taps, c.channels));
  table.pack_depthwise(weights.data(), bias.data(), taps, c.channels, packed.data());
  const Picture picture(random, c, 5, 11 + random.below(20));
  // rows of one length after another, then runs of all lengths, then pixels that mostly stand alone
  for (const int share : {100, 80, 30}) check_list(table, picture, packed.data(), picture.some(random, share));
}

}  // namespace

void test_depthwise_runs(const KernelTable& table) {
  uint32_t seed = 700;
  for (const int kernel : {1, 2, 3, 4, 5, 7, 13}) {
    for (const int stride : {1, 2, 3}) {
      for (const int dilation : {1, 2}) {
        for (const int channels : {1, 3, 8, 16, 17, 37}) run_case(table, ++seed, {kernel, stride, dilation, channels});
      }
    }
  }
}

}  // namespace edgeskip::testing
