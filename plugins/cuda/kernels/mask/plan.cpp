#include "kernels/mask/plan.h"

#include <algorithm>
#include <cstdint>
#include <limits>

namespace edgeskip::cuda {

namespace {

// First index that Slice reads on an axis of `size`, and how many.
int slice_start(int start, int size, int step) {
  start = start < 0 ? start + size : start;
  return std::min(std::max(start, 0), step > 0 ? size : size - 1);
}

int slice_count(int start, int end, int size, int step) {
  const int first = slice_start(start, size, step);
  end = end < 0 ? static_cast<int>(std::max(int64_t{end} + size, int64_t{-1})) : end;
  const int last = step > 0 ? std::min(end, size) : std::max(end, -1);
  const int room = step > 0 ? last - first : first - last;
  return room <= 0 ? 0 : (room - 1) / (step > 0 ? step : -step) + 1;
}

// As torch and ONNX Runtime: a window that starts behind the picture and its first padding does not count.
int pool_size(const MaskRules& r, int axis, int size) {
  const int room = size + r.pads[axis] + r.pads[axis + 2] - r.dilations[axis] * (r.kernel[axis] - 1) - 1;
  if (room < 0) return 0;
  const int count = (r.ceil_mode ? (room + r.strides[axis] - 1) / r.strides[axis] : room / r.strides[axis]) + 1;
  return r.ceil_mode && (count - 1) * r.strides[axis] >= size + r.pads[axis] ? count - 1 : count;
}

bool good_geometry(const MaskRules& r) {
  for (int axis = 0; axis < 2; ++axis) {
    if (r.kernel[axis] < 1 || r.strides[axis] < 1 || r.dilations[axis] < 1 || r.steps[axis] == 0) return false;
    if (r.kind == MaskKind::pool && (r.pads[axis] < 0 || r.pads[axis + 2] < 0)) return false;
    if (r.kind == MaskKind::resize && (r.sizes[axis] < 1 || !(r.scales[axis] >= 0.0f))) return false;
  }
  return r.factor >= 1 && static_cast<int>(r.kind) >= 0 && static_cast<int>(r.kind) <= 6;
}

int output_size(const MaskRules& r, int axis, int size) {
  switch (r.kind) {
    case MaskKind::pool: return pool_size(r, axis, size);
    case MaskKind::resize: return r.sizes[axis];
    case MaskKind::reduce: return 1;
    case MaskKind::slice: return slice_count(r.starts[axis], r.ends[axis], size, r.steps[axis]);
    case MaskKind::pad: return size + r.pads[axis] + r.pads[axis + 2];
    case MaskKind::upsample: return size * r.factor;
    default: return size;
  }
}

}  // namespace

Status mask_output_size(const MaskRules& rules, const MaskView* inputs, int input_count, int* height,
                        int* width) noexcept {
  if (input_count < 1 || input_count > (rules.kind == MaskKind::unite ? kLargestUnion : 1)) return Status::bad_size;
  if (!good_geometry(rules)) return Status::bad_value;
  *height = output_size(rules, 0, inputs[0].height), *width = output_size(rules, 1, inputs[0].width);
  for (int i = 0; i < input_count; ++i) {
    if (inputs[i].height < 1 || inputs[i].width < 1) return Status::bad_size;
    if (rules.kind != MaskKind::unite) continue;
    *height = std::max(*height, inputs[i].height), *width = std::max(*width, inputs[i].width);
  }
  for (int i = 0; rules.kind == MaskKind::unite && i < input_count; ++i)
    if ((inputs[i].height != *height && inputs[i].height != 1) || (inputs[i].width != *width && inputs[i].width != 1))
      return Status::bad_size;
  return *height < 1 || *width < 1 ? Status::bad_size : Status::ok;
}

Status plan_mask(const MaskRules& rules, int batch, const MaskView* inputs, int input_count, int32_t* mask,
                 MaskArgs* args) {
  *args = {};
  const Status status = mask_output_size(rules, inputs, input_count, &args->height, &args->width);
  if (status != Status::ok) return status;
  if (batch < 1) return Status::bad_size;
  if (int64_t{batch} * args->height * args->width > std::numeric_limits<int32_t>::max()) return Status::too_large;
  args->rules = rules, args->input_count = input_count, args->batch = batch, args->mask = mask;
  for (int i = 0; i < input_count; ++i) {
    if (!inputs[i].data) return Status::bad_pointer;
    args->inputs[i] = inputs[i];
  }
  args->offset[0] = slice_start(rules.starts[0], inputs[0].height, rules.steps[0]);
  args->offset[1] = slice_start(rules.starts[1], inputs[0].width, rules.steps[1]);
  return mask ? Status::ok : Status::bad_pointer;
}

}  // namespace edgeskip::cuda
