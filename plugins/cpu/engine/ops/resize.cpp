// Resize of the active pixels: nearest copies a row, linear blends the four corners.
#include "../check.h"
#include "ops.h"
#include "row_ops.h"

namespace edgeskip {

namespace {

bool is_nearest(const ResizeAxis& axis) {
  for (size_t i = 0; i < axis.weights.size(); i += 2)
    if (axis.weights[i] != 1 || axis.weights[i + 1] != 0) return false;
  return true;
}

void check_axis(const Check& check, const char* what, const ResizeAxis& axis, int outputs, int inputs) {
  check.require(axis.reads.size() == 2 * static_cast<size_t>(outputs) && axis.weights.size() == axis.reads.size(),
                std::string(what) + " have " + std::to_string(axis.reads.size() / 2) + " entries and " +
                    std::to_string(axis.weights.size() / 2) + " weights, expected " + std::to_string(outputs));
  for (const int32_t index : axis.reads)
    check.require(index >= 0 && index < inputs,
                  std::string(what) + " read " + std::to_string(index) + " of " + std::to_string(inputs));
}

struct Resize {
  int x, y;
  ResizeAxis rows, columns;
  bool nearest;

  void copy(Frame& frame, const Pixel* pixels, int count, Arena arena) const {
    const float** in = arena.take<const float*>(count);
    float** out = arena.take<float*>(count);
    const TensorView &source = frame.tensor(x), &target = frame.tensor(y);
    for (int p = 0; p < count; ++p)
      in[p] = source.row(rows.reads[2 * row_of(pixels[p])], columns.reads[2 * column_of(pixels[p])]);
    point_to_rows(target, pixels, count, out);
    frame.kernels().gather({in, out, nullptr, count, target.channels});
  }

  void blend(Frame& frame, const Pixel* pixels, int count, Arena arena) const {
    const float** in = arena.take<const float*>(int64_t{4} * count);
    float* weights = arena.take<float>(int64_t{4} * count);
    float** out = arena.take<float*>(count);
    const TensorView &source = frame.tensor(x), &target = frame.tensor(y);
    for (int corner = 0; corner < 4; ++corner)
      for (int p = 0; p < count; ++p) {
        const int row = 2 * row_of(pixels[p]) + corner / 2, column = 2 * column_of(pixels[p]) + corner % 2;
        in[corner * count + p] = source.row(rows.reads[row], columns.reads[column]);
        weights[corner * count + p] = rows.weights[row] * columns.weights[column];
      }
    point_to_rows(target, pixels, count, out);
    frame.kernels().blend({in, weights, out, count, target.channels});
  }
};

}  // namespace

int add_resize(Plan& plan, const std::string& name, int x, int y, int mask, const ResizeAxis& rows,
               const ResizeAxis& columns) {
  const Check check(plan, "add_resize", name);
  check.tensor("x", x);
  check.tensor("y", y);
  check.apart("x", x, y);
  check.mask_of("mask", mask, y);
  check.channels("y", plan.channels_of(y), plan.channels_of(x));
  const Size in = plan.size_of(x), out = plan.size_of(y);
  check_axis(check, "rows", rows, out.height, in.height);
  check_axis(check, "columns", columns, out.width, in.width);
  const Resize resize{x, y, rows, columns, is_nearest(rows) && is_nearest(columns)};
  const int channels = plan.channels_of(y), chunk = row_chunk(channels);
  const ScratchNeeds needs{
      0, arena_bytes<const float*>(4 * chunk) + arena_bytes<float>(4 * chunk) + arena_bytes<float*>(chunk)};
  return add_row_operation(plan, name, needs, [=](Frame& frame) {
    return for_mask(frame, mask, channels, resize.nearest ? 2 : 5, [&](const Pixel* pixels, int count, Arena arena) {
      resize.nearest ? resize.copy(frame, pixels, count, arena) : resize.blend(frame, pixels, count, arena);
    });
  });
}

}  // namespace edgeskip
