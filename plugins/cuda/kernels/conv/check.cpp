// Sizes, attributes and pointers of a layer, checked at the door.
#include <cstdint>
#include <initializer_list>
#include <limits>

#include "kernels/common/layout.h"
#include "kernels/conv/plan.h"
#include "kernels/conv/tile.h"

namespace edgeskip::cuda {

namespace {

bool in_range(int value, int low, int high) { return value >= low && value <= high; }

int reach(const ConvShape& s, int axis) { return (s.kernel[axis] - 1) * s.dilations[axis] + 1; }

bool axis_fits(const ConvShape& s, int axis) {
  const int in = axis == 0 ? s.in_height : s.in_width, out = axis == 0 ? s.out_height : s.out_width;
  return in_range(in, 1, kLargestSide) && in_range(s.kernel[axis], 1, kLargestSide) &&
         in_range(s.strides[axis], 1, kLargestSide) && in_range(s.dilations[axis], 1, kLargestSide) &&
         in_range(s.pads[axis], 0, kLargestSide) && in_range(s.pads[axis + 2], 0, kLargestSide) &&
         int64_t{s.kernel[axis] - 1} * s.dilations[axis] < kLargestSide && out >= 1 && out == conv_output_size(s, axis);
}

Status check_shape(const ConvShape& s) {
  if (s.batch < 1 || s.in_channels < 1 || s.out_channels < 1 || s.group < 1) return Status::bad_size;
  if (!axis_fits(s, 0) || !axis_fits(s, 1)) return Status::bad_size;
  if (s.in_channels % s.group != 0 || s.out_channels % s.group != 0) return Status::bad_group;
  return Status::ok;
}

Status check_rules(const ConvRules& r) {
  if (r.type != ElementType::float32 && r.type != ElementType::float16) return Status::unsupported_type;
  if (r.block != 1 && r.block != 2 && r.block != 4 && r.block != 8) return Status::bad_value;
  if (!in_range(static_cast<int>(r.norm), 0, 2) || !in_range(static_cast<int>(r.activation), 0, 9))
    return Status::bad_value;
  if (r.threshold != r.threshold || !in_range(r.tile, -1, kTileCount - 1)) return Status::bad_value;
  return Status::ok;
}

bool aligned(const void* pointer, size_t bytes) { return reinterpret_cast<uintptr_t>(pointer) % bytes == 0; }

bool mask_fits(const MaskView& mask, int height, int width) {
  if (!mask.data) return true;
  return aligned(mask.data, 4) && (mask.height == 1 || mask.height == height) &&
         (mask.width == 1 || mask.width == width);
}

bool too_large(const TensorView& view, int batch) {
  return batch * view.picture_stride > std::numeric_limits<int32_t>::max();
}

Status check_tensors(const ConvShape& s, const ConvRules& r, const ConvBuffers& b) {
  const size_t bytes = static_cast<size_t>(element_bytes(r.type));
  if (!b.x.data || !b.w || !b.y.data || !b.y_prev.data || !b.mask_x.data || !b.mask_y) return Status::bad_pointer;
  for (const void* pointer : {static_cast<const void*>(b.x.data), b.w, static_cast<const void*>(b.y.data),
                              static_cast<const void*>(b.y_prev.data), static_cast<const void*>(b.z.data)})
    if (!aligned(pointer, bytes)) return Status::bad_pointer;
  if (r.activation == Activation::prelu && !b.prelu_alpha) return Status::bad_pointer;
  if (!same_strides(b.y, b.y_prev)) return Status::bad_layout;
  if (too_large(b.x, s.batch) || too_large(b.y, s.batch) || too_large(b.z, s.batch)) return Status::too_large;
  return Status::ok;
}

}  // namespace

int conv_output_size(const ConvShape& s, int axis) noexcept {
  const int in = axis == 0 ? s.in_height : s.in_width;
  if (s.strides[axis] < 1) return 0;
  const int room = in + s.pads[axis] + s.pads[axis + 2] - reach(s, axis);
  return room < 0 ? 0 : room / s.strides[axis] + 1;
}

Status check_conv(const ConvShape& shape, const ConvRules& rules, const ConvBuffers& buffers) noexcept {
  Status status = check_shape(shape);
  if (status == Status::ok) status = check_rules(rules);
  if (status == Status::ok) status = check_tensors(shape, rules, buffers);
  if (status != Status::ok) return status;
  if (!mask_fits(buffers.mask_x, shape.in_height, shape.in_width)) return Status::bad_size;
  for (const MaskView& mask : {buffers.mask_z, buffers.gate})
    if (!mask_fits(mask, shape.out_height, shape.out_width)) return Status::bad_size;
  const BlockGrid grid = block_grid(shape.batch, shape.out_height, shape.out_width, rules.block);
  return grid.positions() > std::numeric_limits<int32_t>::max() - 4096 ? Status::too_large : Status::ok;
}

}  // namespace edgeskip::cuda
