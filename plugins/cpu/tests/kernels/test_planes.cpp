// read_planes: every value at its place, whatever the strides, and nothing behind a plane or a pixel is touched.
#include "check.h"

namespace edgeskip::testing {
namespace {

struct PlanesCase {
  int count, channels, pixel_stride;
  int64_t plane_stride, offset;  // offset: of the first plane from a cache line's boundary, floats
  bool stream;
};

void run_case(const KernelTable& table, const PlanesCase& c, uint32_t seed) {
  report().context = std::string(table.name) + " read_planes count=" + std::to_string(c.count) +
                     " channels=" + std::to_string(c.channels) + " plane_stride=" + std::to_string(c.plane_stride) +
                     " offset=" + std::to_string(c.offset) + " stream=" + std::to_string(c.stream);
  Random random(seed);
  const GuardedFloats pixels = random.floats(static_cast<size_t>(c.count - 1) * c.pixel_stride + c.channels);
  const int64_t needed = (c.channels - 1) * c.plane_stride + c.count;
  // ends where the page does; in front, up to the boundary that the offset is counted from, lie sentinels
  const GuardedFloats memory((needed + c.offset + 15) / 16 * 16);
  float* planes = memory.data() + c.offset;
  table.read_planes({pixels.data(), c.pixel_stride, planes, c.plane_stride, c.count, c.channels, c.stream});
  int64_t wrong = 0, touched = 0;
  for (int64_t i = 0; i < static_cast<int64_t>(memory.size()); ++i) {
    const int64_t at = i - c.offset, channel = at < 0 ? -1 : at / c.plane_stride, pixel = at - channel * c.plane_stride;
    if (channel >= 0 && channel < c.channels && pixel < c.count)
      wrong += bits_of(memory[i]) != bits_of(pixels[pixel * c.pixel_stride + channel]);
    else
      touched += bits_of(memory[i]) != bits_of(sentinel);
  }
  expect(wrong == 0, "%lld values are wrong", static_cast<long long>(wrong));
  expect(touched == 0 && memory.intact(), "%lld floats beside the planes were written",
         static_cast<long long>(touched));
}

}  // namespace

void test_planes(const KernelTable& table) {
  uint32_t seed = 900;
  for (const int channels : {1, 2, 3, 4, 5, 7, 8, 16, 17, 18, 33, 90})
    for (const int count : {1, 3, 4, 8, 15, 16, 17, 31, 48, 64, 65, 130}) {
      const int64_t lines = (count + 15) / 16 * 16;
      run_case(table, {count, channels, channels, count, 0, false}, ++seed);
      run_case(table, {count, channels, channels + 5, count + 3, 7, true}, ++seed);
      run_case(table, {count, channels, channels + 16, lines, 0, true}, ++seed);
    }
}

}  // namespace edgeskip::testing
