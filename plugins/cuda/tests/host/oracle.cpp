// Bodies under emulation as plain C functions, so that tests/plugins/cuda can compare them with the Python reference.
#include <cstring>

#include "kernels/mask/plan.h"
#include "kernels/picture/plan.h"
#include "tests/host/emulation.h"

using namespace edgeskip::cuda;

extern "C" {

// rules: kind by name, then kernel, strides, dilations (2 each), pads (4), ceil_mode, sizes, starts, ends, steps (2
// each), factor. Writes the result, of which at most `room` values, and its size. Returns the status.
int32_t emulate_mask(const char* kind, const int32_t* r, const char* mode, const char* coordinates,
                     const char* rounding, const float* scales, int32_t batch, const int32_t* const* masks,
                     const int32_t* sizes, int32_t count, int32_t* result, int64_t room, int32_t* size) {
  MaskRules rules;
  if (!mask_kind_from_name(kind, &rules.kind) || !resize_mode_from_name(mode, &rules.mode) ||
      !coordinates_from_name(coordinates, &rules.coordinates) || !rounding_from_name(rounding, &rules.rounding))
    return static_cast<int32_t>(Status::bad_value);
  std::memcpy(rules.kernel, r, 8), std::memcpy(rules.strides, r + 2, 8), std::memcpy(rules.dilations, r + 4, 8);
  std::memcpy(rules.pads, r + 6, 16);
  rules.ceil_mode = r[10];
  std::memcpy(rules.sizes, r + 11, 8), std::memcpy(rules.starts, r + 13, 8), std::memcpy(rules.ends, r + 15, 8);
  std::memcpy(rules.steps, r + 17, 8);
  rules.factor = r[19];
  std::memcpy(rules.scales, scales, 8);
  MaskView views[kLargestUnion];
  for (int i = 0; i < count && i < kLargestUnion; ++i) views[i] = {masks[i], sizes[2 * i], sizes[2 * i + 1]};
  MaskArgs args;
  const Status status = plan_mask(rules, batch, views, count, result, &args);
  if (status != Status::ok) return static_cast<int32_t>(status);
  size[0] = args.height, size[1] = args.width;
  if (int64_t{batch} * args.height * args.width > room) return static_cast<int32_t>(Status::small_workspace);
  if (rules.kind == MaskKind::reduce)
    emulate(batch, kMaskThreads, 64, {}, [&](const Emulated& e) { reduce_body(e, args); });
  else
    emulate(3, kMaskThreads, 0, {}, [&](const Emulated& e) { pass_body(e, args); });
  return 0;
}

// values: pad_value, mean[3], scale[3]. input: float32 [1,C,height,width] or [1,height,width,C].
int32_t emulate_picture(const uint8_t* pixels, int64_t row_bytes, int32_t height, int32_t width, int32_t color,
                        int32_t resize, const float* values, float* input, int32_t input_height, int32_t input_width,
                        int32_t is_channels_last) {
  PictureRules rules;
  rules.color = static_cast<ColorOrder>(color), rules.resize = static_cast<Resizing>(resize);
  rules.pad_value = values[0];
  std::memcpy(rules.mean, values + 1, 12), std::memcpy(rules.scale, values + 4, 12);
  const int channels = rules.color == ColorOrder::gray ? 1 : 3;
  const TensorView view = is_channels_last ? channels_last(input, input_height, input_width, channels)
                                           : channels_first(input, input_height, input_width, channels);
  PictureArgs args;
  const Status status = plan_picture({pixels, row_bytes, height, width}, rules, input_height, input_width,
                                     ElementType::float32, view, &args);
  if (status != Status::ok) return static_cast<int32_t>(status);
  emulate(2, kPictureThreads, (kPictureColumns + kPictureRows) * sizeof(ResizeEntry), {},
          [&](const Emulated& e) { picture_body<float>(e, args); });
  return 0;
}

}  // extern "C"
