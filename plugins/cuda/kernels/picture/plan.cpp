#include "kernels/picture/plan.h"

#include <algorithm>
#include <cmath>

namespace edgeskip::cuda {

namespace {

// Python's round(): halves to even, as nearbyint does by default.
int inner_side(int side, double scale, int limit) {
  return std::min(limit, std::max(1, static_cast<int>(std::nearbyint(side * scale))));
}

bool finite(const PictureArgs& a) {
  for (int c = 0; c < a.channels; ++c) {
    const float ends[] = {(0.0f - a.mean[c]) * a.scale[c], (255.0f - a.mean[c]) * a.scale[c], a.pads[c]};
    for (const float value : ends)
      if (!std::isfinite(value)) return false;
  }
  return true;
}

}  // namespace

void picture_inner_size(const Picture& picture, Resizing resize, int width, int height, int* inner_width,
                        int* inner_height) noexcept {
  double scale_x = static_cast<double>(width) / picture.width, scale_y = static_cast<double>(height) / picture.height;
  if (resize == Resizing::letterbox) scale_x = scale_y = std::min(scale_x, scale_y);
  *inner_width = inner_side(picture.width, scale_x, width);
  *inner_height = inner_side(picture.height, scale_y, height);
}

Status plan_picture(const Picture& picture, const PictureRules& rules, int height, int width, ElementType type,
                    const TensorView& input, PictureArgs* args) {
  if (height < 1 || width < 1 || picture.height < 1 || picture.width < 1) return Status::bad_size;
  if (picture.row_bytes < int64_t{3} * picture.width) return Status::bad_size;
  if (type != ElementType::float32 && type != ElementType::float16) return Status::unsupported_type;
  if (!picture.pixels || !input.data) return Status::bad_pointer;
  if (static_cast<int>(rules.color) < 0 || static_cast<int>(rules.color) > 2) return Status::bad_value;
  *args = {};
  args->picture = picture, args->input = input, args->height = height, args->width = width;
  args->color = rules.color;
  args->channels = rules.color == ColorOrder::gray ? 1 : 3;
  picture_inner_size(picture, rules.resize, width, height, &args->inner_width, &args->inner_height);
  for (int c = 0; c < 3; ++c) {
    args->mean[c] = rules.mean[c], args->scale[c] = rules.scale[c];
    args->pads[c] = (rules.pad_value - rules.mean[c]) * rules.scale[c];
  }
  return finite(*args) ? Status::ok : Status::bad_value;
}

}  // namespace edgeskip::cuda
