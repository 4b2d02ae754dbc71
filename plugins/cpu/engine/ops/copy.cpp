// Ops that only move values: channel gather, space to depth and back, windows (slice, crop, pad).
#include "../check.h"
#include "ops.h"
#include "row_ops.h"

namespace edgeskip {

namespace {

void check_copy(const Check& check, int x, int y, int mask) {
  check.tensor("x", x);
  check.tensor("y", y);
  check.apart("x", x, y);
  check.mask_of("mask", mask, y);
}

}  // namespace

int add_gather(Plan& plan, const std::string& name, int x, int y, int mask, const std::vector<int32_t>& indices) {
  const Check check(plan, "add_gather", name);
  check_copy(check, x, y, mask);
  check.size("x", plan.size_of(x), plan.size_of(y));
  const int channels = plan.channels_of(y);
  if (indices.empty()) check.channels("x", plan.channels_of(x), channels);
  if (!indices.empty()) check.channels("indices", static_cast<int>(indices.size()), channels);
  for (const int32_t index : indices)
    check.require(index >= 0 && index < plan.channels_of(x), "index " + std::to_string(index) + " of " +
                                                                 std::to_string(plan.channels_of(x)) + " channels");
  return add_row_operation(plan, name, pointer_needs(channels, 2), [=](Frame& frame) {
    return for_mask(frame, mask, channels, 2, [&](const Pixel* pixels, int count, Arena arena) {
      const float** in = arena.take<const float*>(count);
      float** out = arena.take<float*>(count);
      point_to_rows(frame.tensor(x), pixels, count, in);
      point_to_rows(frame.tensor(y), pixels, count, out);
      frame.kernels().gather({in, out, indices.empty() ? nullptr : indices.data(), count, channels});
    });
  });
}

int add_space_to_depth(Plan& plan, const std::string& name, int x, int y, int mask, int block) {
  const Check check(plan, "add_space_to_depth", name);
  check_copy(check, x, y, mask);
  check.require(block >= 1 && block <= 64, "block must be within 1 .. 64: " + std::to_string(block));
  const Size in = plan.size_of(x);
  const int channels = plan.channels_of(x);
  check.require(in.height % block == 0 && in.width % block == 0, "x's size is no multiple of block");
  check.size("y", plan.size_of(y), {in.height / block, in.width / block});
  check.channels("y", plan.channels_of(y), channels * block * block);
  const int out_channels = plan.channels_of(y);
  return add_row_operation(plan, name, pointer_needs(out_channels, 2), [=](Frame& frame) {
    return for_mask(frame, mask, out_channels, 2, [&](const Pixel* pixels, int count, Arena arena) {
      const float** in = arena.take<const float*>(count);
      float** out = arena.take<float*>(count);
      const TensorView &source = frame.tensor(x), &target = frame.tensor(y);
      for (int part = 0; part < block * block; ++part) {
        const int down = part / block, right = part % block;
        for (int p = 0; p < count; ++p) {
          in[p] = source.row(row_of(pixels[p]) * block + down, column_of(pixels[p]) * block + right);
          out[p] = target.row(pixels[p]) + int64_t{part} * channels;
        }
        frame.kernels().gather({in, out, nullptr, count, channels});
      }
    });
  });
}

int add_depth_to_space(Plan& plan, const std::string& name, int x, int y, int mask, int block, bool column_row_depth) {
  const Check check(plan, "add_depth_to_space", name);
  check_copy(check, x, y, mask);
  check.require(block >= 1 && block <= 64, "block must be within 1 .. 64: " + std::to_string(block));
  const Size in = plan.size_of(x);
  const int channels = plan.channels_of(y);
  check.channels("x", plan.channels_of(x), channels * block * block);
  check.size("y", plan.size_of(y), {in.height * block, in.width * block});
  // CRD: x channel = c * block^2 + part; DCR: part * channels + c
  std::vector<int32_t> indices;
  for (int c = 0; c < channels && column_row_depth; ++c) indices.push_back(c * block * block);
  const int part_step = column_row_depth ? 1 : channels;
  return add_row_operation(plan, name, pointer_needs(channels, 2), [=](Frame& frame) {
    return for_mask(frame, mask, channels, 2, [&](const Pixel* pixels, int count, Arena arena) {
      const float** in = arena.take<const float*>(count);
      float** out = arena.take<float*>(count);
      for (int p = 0; p < count; ++p) {
        const int row = row_of(pixels[p]), column = column_of(pixels[p]);
        const int part = row % block * block + column % block;
        in[p] = frame.tensor(x).row(row / block, column / block) + int64_t{part} * part_step;
      }
      point_to_rows(frame.tensor(y), pixels, count, out);
      frame.kernels().gather({in, out, indices.empty() ? nullptr : indices.data(), count, channels});
    });
  });
}

int add_window(Plan& plan, const std::string& name, int x, int y, int mask, const std::vector<int>& offset,
               const std::vector<int>& step, float value) {
  const Check check(plan, "add_window", name);
  check_copy(check, x, y, mask);
  check.channels("y", plan.channels_of(y), plan.channels_of(x));
  check.require(offset.size() == 2 && step.size() == 2, "offset and step have two values each");
  check.require(step[0] != 0 && step[1] != 0, "step must not be 0");
  const int channels = plan.channels_of(y);
  const std::vector<float> outside(channels, value);
  return add_row_operation(plan, name, pointer_needs(channels, 2), [=](Frame& frame) {
    return for_mask(frame, mask, channels, 2, [&](const Pixel* pixels, int count, Arena arena) {
      const float** in = arena.take<const float*>(count);
      float** out = arena.take<float*>(count);
      const TensorView& source = frame.tensor(x);
      for (int p = 0; p < count; ++p) {
        const int64_t row = int64_t{row_of(pixels[p])} * step[0] + offset[0];
        const int64_t column = int64_t{column_of(pixels[p])} * step[1] + offset[1];
        const bool inside = row >= 0 && row < source.height && column >= 0 && column < source.width;
        in[p] = inside ? source.row(static_cast<int>(row), static_cast<int>(column)) : outside.data();
      }
      point_to_rows(frame.tensor(y), pixels, count, out);
      frame.kernels().gather({in, out, nullptr, count, channels});
    });
  });
}

}  // namespace edgeskip
