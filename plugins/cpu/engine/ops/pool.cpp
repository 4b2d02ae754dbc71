// Max and average pooling, over windows of the active pixels and over the whole picture.
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

// All rows of the picture to one, in two steps: along the rows, then over them; sums of a row of sums
// stay accurate, and the rows are shared among the threads without a change of the order.
struct GlobalPooling {
  int x, y, mask;
  bool average;

  int64_t run(Frame& frame) const {
    if (!any(frame.mask(mask))) return 0;
    const TensorView& in = frame.tensor(x);
    Arena arena = frame.shared_arena();
    float* partial = arena.take<float>(int64_t{in.height} * in.channels);
    frame.for_rows(in.height, row_cost_ns(in.channels, 1) * in.width, [&](int begin, int end, Arena part) {
      const float** rows = part.take<const float*>(in.width);
      for (int row = begin; row < end; ++row) {
        for (int column = 0; column < in.width; ++column) rows[column] = in.row(row, column);
        reduce(frame.kernels(), rows, in.width, 1, partial + int64_t{row} * in.channels, in.channels);
      }
    });
    const float** rows = arena.take<const float*>(in.height);
    for (int row = 0; row < in.height; ++row) rows[row] = partial + int64_t{row} * in.channels;
    reduce(frame.kernels(), rows, in.height, static_cast<float>(int64_t{in.height} * in.width), frame.tensor(y).data,
           in.channels);
    return 1;
  }

  void reduce(const KernelTable& kernels, const float** rows, int taps, float divisor, float* out,
              int channels) const {
    kernels.pool({rows, &out, average ? &divisor : nullptr, average, 1, taps, channels});
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
  const Pooling pooling{x, y, window, is_average(check, kind), count_include_pad};
  const int channels = plan.channels_of(y);
  const int chunk = row_chunk(channels);
  const ScratchNeeds needs{0, arena_bytes<const float*>(int64_t{chunk} * pooling.taps()) +
                                  arena_bytes<float*>(chunk) + arena_bytes<float>(chunk)};
  return add_row_operation(plan, name, needs, [=](Frame& frame) {
    return for_mask(frame, mask, channels, pooling.taps() + 1, [&](const Pixel* pixels, int count, Arena arena) {
      pooling.run(frame, pixels, count, arena);
    });
  });
}

int add_global_pool(Plan& plan, const std::string& name, const std::string& kind, int x, int y, int mask) {
  const Check check(plan, "add_global_pool", name);
  check.tensor("x", x);
  check.tensor("y", y);
  check.apart("x", x, y);
  check.size("y", plan.size_of(y), {1, 1});
  check.mask_of("mask", mask, y);
  check.channels("y", plan.channels_of(y), plan.channels_of(x));
  const GlobalPooling pooling{x, y, mask, is_average(check, kind)};
  const Size in = plan.size_of(x);
  const ScratchNeeds needs{
      arena_bytes<float>(int64_t{in.height} * plan.channels_of(x)) + arena_bytes<const float*>(in.height),
      arena_bytes<const float*>(in.width)};
  return add_row_operation(plan, name, needs, [pooling](Frame& frame) { return pooling.run(frame); });
}

}  // namespace edgeskip
