// Global max and average pooling. Partial results of segments of the rows and of whole rows persist from
// frame to frame, so that a frame reads only the segments that hold a changed pixel; the order in which
// they are put together is fixed, so that the result is that of pooling everything.
#include "../check.h"
#include "ops.h"
#include "row_ops.h"

namespace edgeskip {

namespace {

constexpr int kLongestSegment = 32;   // pixels; a power of two, so that a segment lies in one word of a mask
constexpr int kPixelsPerChunk = 256;  // their pointers stay in the first-level cache

// Small pictures have short segments, so that a changed patch is not a share of every row.
int segment_length(int width) { return width <= 32 ? 8 : width <= 64 ? 16 : kLongestSegment; }

struct GlobalPooling {
  int x, mask_x, y, mask;
  int partial;  // [height][segments, and the row where it has several]
  int segments, length;  // segments of a row, and pixels of each
  bool average;

  int64_t run(Frame& frame) const {
    Arena arena = frame.shared_arena();
    const TensorView& in = frame.tensor(x);
    Pixel* const changed = arena.take<Pixel>(int64_t{in.height} * segments);
    const PixelList list{changed, list_changed(frame, in, changed)};
    if (list.count > 0) {
      const double cost_ns = row_cost_ns(in.channels, 1) * length;
      frame.for_chunks(list, kPixelsPerChunk / length, cost_ns, [&](const Pixel* pixels, int count, Arena part) {
        pool_segments(frame, pixels, count, part);
      });
      if (segments > 1) pool_rows(frame, list, arena);
    }
    if (frame.empty(mask)) return 0;
    pool_picture(frame, arena);
    return 1;
  }

  // Segments that hold a changed pixel, in order.
  int64_t list_changed(Frame& frame, const TensorView& in, Pixel* out) const {
    Pixel* end = out;
    const bool all = mask_x < 0;
    if (!all && frame.empty(mask_x)) return 0;
    const uint64_t ones = (uint64_t{1} << length) - 1;
    for (int row = 0; row < in.height; ++row) {
      const uint64_t* words = all ? nullptr : frame.mask(mask_x).row(row);
      for (int i = 0, first = 0; i < segments; ++i, first += length)
        if (all || (words[first / 64] >> (first % 64) & ones)) *end++ = make_pixel(row, i);
    }
    return end - out;
  }

  void pool_segments(Frame& frame, const Pixel* pixels, int count, Arena arena) const {
    const TensorView &in = frame.tensor(x), &sums = frame.tensor(partial);
    const float** rows = arena.take<const float*>(int64_t{count} * length);
    float** out = arena.take<float*>(count);
    for (int p = 0; p < count; ++p) {
      const int first = column_of(pixels[p]) * length;
      const float* pixel = in.row(row_of(pixels[p]), first);
      for (int k = 0; k < length; ++k, pixel += in.stride)
        rows[int64_t{k} * count + p] = first + k < in.width ? pixel : nullptr;
    }
    point_to_rows(sums, pixels, count, out);
    pool(frame, rows, out, count, length, 1, arena);
  }

  void pool_rows(Frame& frame, const PixelList& list, Arena arena) const {
    const TensorView& sums = frame.tensor(partial);
    const float** rows = arena.take<const float*>(segments);
    for (int64_t i = 0; i < list.count; ++i) {
      const int row = row_of(list.pixels[i]);
      if (i > 0 && row == row_of(list.pixels[i - 1])) continue;
      for (int k = 0; k < segments; ++k) rows[k] = sums.row(row, k);
      float* out = sums.row(row, segments);
      pool(frame, rows, &out, 1, segments, 1, arena);
    }
  }

  void pool_picture(Frame& frame, Arena arena) const {
    const TensorView &in = frame.tensor(x), &sums = frame.tensor(partial);
    const float** rows = arena.take<const float*>(in.height);
    for (int row = 0; row < in.height; ++row) rows[row] = sums.row(row, sums.width - 1);
    float* out = frame.tensor(y).data;
    pool(frame, rows, &out, 1, in.height, static_cast<float>(int64_t{in.height} * in.width), arena);
  }

  void pool(Frame& frame, const float** rows, float** out, int count, int taps, float divisor, Arena arena) const {
    float* divisors = arena.take<float>(count);
    std::fill_n(divisors, count, divisor);
    frame.kernels().pool({rows, out, average ? divisors : nullptr, average, count, taps, frame.tensor(x).channels});
  }
};

}  // namespace

int add_global_pool(Plan& plan, const std::string& name, const std::string& kind, int x, int y, int mask,
                    int mask_x) {
  const Check check(plan, "add_global_pool", name);
  check.tensor("x", x);
  check.tensor("y", y);
  check.apart("x", x, y);
  check.size("y", plan.size_of(y), {1, 1});
  check.mask_of("mask", mask, y);
  if (mask_x >= 0) check.mask_of("mask_x", mask_x, x);
  check.channels("y", plan.channels_of(y), plan.channels_of(x));
  check.require(kind == "max" || kind == "average", "unknown kind '" + kind + "', expected max or average");
  const Size in = plan.size_of(x);
  const int length = segment_length(in.width);
  const int channels = plan.channels_of(x), segments = (in.width + length - 1) / length;
  const int buffer = plan.add_buffer(in.height, segments > 1 ? segments + 1 : 1, channels);
  const int partial = plan.add_tensor(buffer, 0, channels);
  const GlobalPooling pooling{x, mask_x, y, mask, partial, segments, length, kind == "average"};
  const ScratchNeeds needs{arena_bytes<Pixel>(int64_t{in.height} * segments) +
                               arena_bytes<const float*>(std::max(in.height, segments)) + arena_bytes<float>(1),
                           arena_bytes<const float*>(kPixelsPerChunk) + arena_bytes<float*>(kPixelsPerChunk / length) +
                               arena_bytes<float>(kPixelsPerChunk / length)};
  return add_row_operation(plan, name, needs, [pooling](Frame& frame) { return pooling.run(frame); });
}

}  // namespace edgeskip
