// One bit of a SkipMask's result from those of its inputs; resize positions in float32 as ONNX Runtime computes them.
#pragma once

#include "base/geometry.h"
#include "base/element.h"
#include "edgeskip/mask.h"

namespace edgeskip::cuda {

constexpr int kMaskThreads = 256;

struct MaskArgs {
  MaskRules rules;
  MaskView inputs[kLargestUnion];
  int input_count;
  int batch, height, width;  // of the result
  int offset[2];             // slice: first index
  int32_t* mask;
};

// Rounded after each step: a fused multiply-add would move ties.
EDGESKIP_HD float multiplied(float a, float b) {
#if defined(__CUDA_ARCH__)
  return __fmul_rn(a, b);
#else
  return a * b;
#endif
}
EDGESKIP_HD float divided(float a, float b) {
#if defined(__CUDA_ARCH__)
  return __fdiv_rn(a, b);
#else
  return a / b;
#endif
}

// Position in an input of `size` of index `index` of `out`.
EDGESKIP_HD float resize_position(Coordinates coordinates, int size, int out, float given_scale, int index) {
  const float scale = given_scale != 0.0f ? given_scale : static_cast<float>(static_cast<double>(out) / size);
  const float i = static_cast<float>(index);
  const float centred = divided(i + 0.5f, scale);
  switch (coordinates) {
    case Coordinates::asymmetric: return divided(i, scale);
    case Coordinates::align_corners:
      return out > 1 ? multiplied(i, static_cast<float>(static_cast<double>(size - 1) / (out - 1))) : 0.0f;
    case Coordinates::pytorch_half_pixel: return out == 1 ? 0.0f : centred - 0.5f;
    case Coordinates::half_pixel_symmetric: {
      const float adjustment = divided(static_cast<float>(out), multiplied(scale, static_cast<float>(size)));
      const float offset = multiplied(static_cast<float>(size / 2.0), 1.0f - adjustment);
      return offset + centred - 0.5f;
    }
    default: return centred - 0.5f;
  }
}

// First and last input index that is read with a weight above 0.
struct AxisReads {
  int first, last;
};

EDGESKIP_HD AxisReads resize_reads(const MaskRules& r, int axis, int size, int out, int index) {
  float position = resize_position(r.coordinates, size, out, r.scales[axis], index);
  const float highest = static_cast<float>(size - 1);
  if (r.mode == ResizeMode::linear) {
    position = minimum(maximum(position, 0.0f), highest);
    const int low = static_cast<int>(floorf(position));
    const bool between = position > static_cast<float>(low);
    return {low, between ? minimum(low + 1, size - 1) : low};
  }
  switch (r.rounding) {
    case Rounding::floor: position = floorf(position); break;
    case Rounding::ceil: position = ceilf(position); break;
    case Rounding::round_prefer_ceil: position = floorf(position + 0.5f); break;
    default: position = ceilf(position - 0.5f); break;
  }
  const int nearest = static_cast<int>(minimum(maximum(position, 0.0f), highest));
  return {nearest, nearest};
}

EDGESKIP_HD bool resized_bit(const MaskArgs& a, int picture, int y, int x) {
  const MaskView& in = a.inputs[0];
  const AxisReads rows = resize_reads(a.rules, 0, in.height, a.height, y);
  const AxisReads columns = resize_reads(a.rules, 1, in.width, a.width, x);
  for (int row = rows.first; row <= rows.last; ++row)
    for (int column = columns.first; column <= columns.last; ++column)
      if (mask_bit(in, picture, row, column)) return true;
  return false;
}

// All kinds but reduce, which is a kernel of its own.
EDGESKIP_HD bool passed_bit(const MaskArgs& a, int picture, int y, int x) {
  const MaskRules& r = a.rules;
  const MaskView& in = a.inputs[0];
  switch (r.kind) {
    case MaskKind::unite:
      for (int i = 0; i < a.input_count; ++i)
        if (mask_bit(a.inputs[i], picture, y, x)) return true;
      return false;
    case MaskKind::pool: {
      const Window window = {{r.kernel[0], r.kernel[1]}, {r.strides[0], r.strides[1]}, {r.pads[0], r.pads[1]},
                             {r.dilations[0], r.dilations[1]}};
      return window_holds(in, window, in.height, in.width, picture, y, x);
    }
    case MaskKind::resize: return resized_bit(a, picture, y, x);
    case MaskKind::slice:
      return mask_bit(in, picture, a.offset[0] + y * r.steps[0], a.offset[1] + x * r.steps[1]);
    case MaskKind::pad:
      return mask_bit(in, picture, minimum(maximum(y - r.pads[0], 0), in.height - 1),
                      minimum(maximum(x - r.pads[1], 0), in.width - 1));
    case MaskKind::upsample: return mask_bit(in, picture, y / r.factor, x / r.factor);
    default: return false;
  }
}

template <class Execution>
EDGESKIP_BODY void pass_body(const Execution& e, const MaskArgs& a) {
  const int64_t total = int64_t{a.batch} * a.height * a.width;
  for (int64_t i = int64_t{e.block()} * kMaskThreads + e.thread(); i < total; i += int64_t{e.blocks()} * kMaskThreads) {
    const Pixel p = pixel_at(a.height, a.width, static_cast<int>(i));
    a.mask[i] = passed_bit(a, p.picture, p.y, p.x);
  }
}

// One block per picture.
template <class Execution>
EDGESKIP_BODY void reduce_body(const Execution& e, const MaskArgs& a) {
  const MaskView& in = a.inputs[0];
  const int pixels = in.height * in.width;
  const int32_t* bits = in.data + int64_t{e.block()} * pixels;
  int* found = reinterpret_cast<int*>(e.shared());
  bool any = false;
  for (int i = e.thread(); i < pixels; i += kMaskThreads) any = any || bits[i] != 0;
  const uint32_t of_warp = e.ballot(any);
  if (e.lane() == 0) found[e.warp()] = of_warp != 0;
  e.barrier();
  if (e.thread() != 0) return;
  int sum = 0;
  for (int warp = 0; warp < kMaskThreads / 32; ++warp) sum |= found[warp];
  a.mask[e.block()] = sum;
}

}  // namespace edgeskip::cuda
