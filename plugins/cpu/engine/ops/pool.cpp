// Max and average pooling over the windows of the active pixels. A large window's maximum is found in two
// steps, along the rows and then down the columns: 13 + 13 values are read and not 13 x 13.
#include "../check.h"
#include "ops.h"
#include "row_ops.h"

namespace edgeskip {

namespace {

bool is_average(const Check& check, const std::string& kind) {
  check.require(kind == "max" || kind == "average", "unknown kind '" + kind + "', expected max or average");
  return kind == "average";
}

// Positions of a window at `start` that lie in begin .. end - 1 on one axis.
int taps_within(int start, int kernel, int dilation, int begin, int end) {
  int count = 0;
  for (int k = 0; k < kernel; ++k) {
    const int position = start + k * dilation;
    count += position >= begin && position < end;
  }
  return count;
}

// A window that lies outside the picture altogether would leave its pixel without a value.
bool reaches_picture(Size in, Size out, const Window& window) {
  const auto axis = [&](int size, int outputs, int i) {
    for (const int o : {0, outputs - 1})
      if (!taps_within(o * window.strides[i] - window.pads[i], window.kernel[i], window.dilations[i], 0, size))
        return false;
    return true;
  };
  return axis(in.height, out.height, 0) && axis(in.width, out.width, 1);
}

struct Pooling {
  int x, y;
  Window window;
  bool average, count_include_pad;

  float divisor(const TensorView& in, int top, int left) const {
    const int* pads = window.pads;
    const bool padded = count_include_pad;
    return static_cast<float>(taps_within(top, window.kernel[0], window.dilations[0], padded ? -pads[0] : 0,
                                          in.height + (padded ? pads[2] : 0)) *
                              taps_within(left, window.kernel[1], window.dilations[1], padded ? -pads[1] : 0,
                                          in.width + (padded ? pads[3] : 0)));
  }

  int taps() const { return window.kernel[0] * window.kernel[1]; }

  void run(Frame& frame, const Pixel* pixels, int count, Arena arena) const {
    const TensorView& in = frame.tensor(x);
    const float** rows = arena.take<const float*>(int64_t{count} * taps());
    float** out = arena.take<float*>(count);
    float* divisors = arena.take<float>(count);
    for (int p = 0; p < count; ++p) {
      const int top = row_of(pixels[p]) * window.strides[0] - window.pads[0];
      const int left = column_of(pixels[p]) * window.strides[1] - window.pads[1];
      const float** tap = rows + p;
      for (int ky = 0; ky < window.kernel[0]; ++ky)
        for (int kx = 0; kx < window.kernel[1]; ++kx, tap += count) {
          const int row = top + ky * window.dilations[0], column = left + kx * window.dilations[1];
          const bool inside = row >= 0 && row < in.height && column >= 0 && column < in.width;
          *tap = inside ? in.row(row, column) : nullptr;
        }
      if (average) divisors[p] = divisor(in, top, left);
    }
    point_to_rows(frame.tensor(y), pixels, count, out);
    frame.kernels().pool({rows, out, average ? divisors : nullptr, average, count, taps(), in.channels});
  }
};

// The two steps. What the first finds lies in shared scratch as [in height][out width][channels].
struct LargeMaximum {
  int x, y, mask;
  Window window;

  static bool pays(const Window& window) { return window.kernel[0] > 2 && window.kernel[0] * window.kernel[1] > 12; }

  static ScratchNeeds needs(Size in, Size out, const Window& window, int channels) {
    const int64_t words = int64_t{in.height} * words_of(out.width), pixels = int64_t{in.height} * out.width;
    const int most = std::max(window.kernel[0], window.kernel[1]), chunk = row_chunk(channels);
    return {arena_bytes<uint64_t>(words) + arena_bytes<Pixel>(pixels) + arena_bytes<float>(pixels * channels),
            arena_bytes<const float*>(int64_t{chunk} * most) + arena_bytes<float*>(chunk)};
  }

  int64_t run(Frame& frame) const {
    const PixelList list = frame.pixels(mask);
    if (list.count == 0) return 0;
    const TensorView &in = frame.tensor(x), &out = frame.tensor(y);
    Arena arena = frame.shared_arena();
    const MaskView needed(arena.take<uint64_t>(int64_t{in.height} * words_of(out.width)), in.height, out.width);
    find_needed(frame.mask(mask), needed);
    Pixel* pixels = arena.take<Pixel>(int64_t{in.height} * out.width);
    const TensorView rows{arena.take<float>(int64_t{in.height} * out.width * in.channels), in.channels, in.height,
                          out.width, in.channels};
    reduce(frame, {pixels, list_pixels(needed, pixels)}, in, rows, 1);
    reduce(frame, list, rows, out, 0);
    return list.count;
  }

  // Rows that a window of an active pixel reads, at this pixel's column.
  void find_needed(const MaskView& active, const MaskView& needed) const {
    clear(needed);
    for (int row = 0; row < active.height; ++row) {
      if (!any(active.row(row), active.words)) continue;
      for (int k = 0; k < window.kernel[0]; ++k) {
        const int source = row * window.strides[0] - window.pads[0] + k * window.dilations[0];
        if (source < 0 || source >= needed.height) continue;
        for (int i = 0; i < needed.words; ++i) needed.row(source)[i] |= active.row(row)[i];
      }
    }
  }

  // The maximum along one axis (0: down the columns, 1: along the rows) of a list of pixels of `to`.
  void reduce(Frame& frame, const PixelList& list, const TensorView& from, const TensorView& to, int axis) const {
    const int taps = window.kernel[axis], extent = axis == 0 ? from.height : from.width;
    const double cost_ns = row_cost_ns(to.channels, taps + 1);
    frame.for_chunks(list, row_chunk(to.channels), cost_ns, [&](const Pixel* pixels, int count, Arena arena) {
      const float** rows = arena.take<const float*>(int64_t{count} * taps);
      float** out = arena.take<float*>(count);
      for (int p = 0; p < count; ++p) {
        const int row = row_of(pixels[p]), column = column_of(pixels[p]);
        const int first = (axis == 0 ? row : column) * window.strides[axis] - window.pads[axis];
        for (int k = 0; k < taps; ++k) {
          const int at = first + k * window.dilations[axis];
          const bool inside = at >= 0 && at < extent;
          rows[int64_t{k} * count + p] = !inside ? nullptr : axis == 0 ? from.row(at, column) : from.row(row, at);
        }
      }
      point_to_rows(to, pixels, count, out);
      frame.kernels().pool({rows, out, nullptr, false, count, taps, to.channels});
    });
  }
};

}  // namespace

int add_pool(Plan& plan, const std::string& name, const std::string& kind, int x, int y, int mask,
             const Window& window, bool count_include_pad) {
  const Check check(plan, "add_pool", name);
  check.tensor("x", x);
  check.tensor("y", y);
  check.apart("x", x, y);
  check.mask_of("mask", mask, y);
  check.channels("y", plan.channels_of(y), plan.channels_of(x));
  check.window(window);
  check.size("y", plan.size_of(y), Check::pooled(plan.size_of(x), window));
  check.require(reaches_picture(plan.size_of(x), plan.size_of(y), window), "a window lies outside the picture");
  const bool average = is_average(check, kind);
  const int channels = plan.channels_of(y);
  if (!average && LargeMaximum::pays(window)) {
    const LargeMaximum maximum{x, y, mask, window};
    return add_row_operation(plan, name, LargeMaximum::needs(plan.size_of(x), plan.size_of(y), window, channels),
                             [=](Frame& frame) { return maximum.run(frame); });
  }
  const Pooling pooling{x, y, window, average, count_include_pad};
  const int chunk = row_chunk(channels);
  const ScratchNeeds needs{0, arena_bytes<const float*>(int64_t{chunk} * pooling.taps()) +
                                  arena_bytes<float*>(chunk) + arena_bytes<float>(chunk)};
  return add_row_operation(plan, name, needs, [=](Frame& frame) {
    return for_mask(frame, mask, channels, pooling.taps() + 1, [&](const Pixel* pixels, int count, Arena arena) {
      pooling.run(frame, pixels, count, arena);
    });
  });
}

}  // namespace edgeskip
