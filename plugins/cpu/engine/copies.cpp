#include "copies.h"

namespace edgeskip {

void read_tensor(const TensorView& tensor, float* channels_first) {
  const int64_t plane = int64_t{tensor.height} * tensor.width;
  for (int row = 0; row < tensor.height; ++row)
    for (int c = 0; c < tensor.channels; ++c) {
      const float* in = tensor.row(row, 0) + c;
      float* out = channels_first + c * plane + int64_t{row} * tensor.width;
      for (int column = 0; column < tensor.width; ++column) out[column] = in[column * tensor.stride];
    }
}

void read_pixels(const TensorView& tensor, const MaskView& pixels, float* channels_first) {
  const int64_t plane = int64_t{tensor.height} * tensor.width;
  for (int row = 0; row < tensor.height; ++row)
    for_each_bit(pixels.row(row), pixels.words, [&](int column) {
      const float* in = tensor.row(row, column);
      float* out = channels_first + tensor.pixel(row, column);
      for (int c = 0; c < tensor.channels; ++c) out[c * plane] = in[c];
    });
}

TensorCopy::TensorCopy(const TensorView& tensor)
    : values(sizeof(float) * tensor.channels * int64_t{tensor.height} * tensor.width),
      behind_bits(sizeof(uint64_t) * tensor.height * int64_t{words_of(tensor.width)}),
      behind(behind_bits.as<uint64_t>(), tensor.height, tensor.width) {
  clear(behind);
}

void TensorCopy::bring_up_to_date(const TensorView& tensor) {
  if (unknown || count(behind) * 4 > int64_t{tensor.height} * tensor.width)
    read_tensor(tensor, values.as<float>());
  else
    read_pixels(tensor, behind, values.as<float>());
  clear(behind);
  unknown = false;
}

std::shared_ptr<const TensorCopy> TensorCopies::take(const TensorView& tensor, const MaskView* changed) {
  std::shared_ptr<TensorCopy> free;
  for (auto& copy : copies_) {
    if (changed)
      unite(*changed, copy->behind);
    else
      copy->unknown = true;
  }
  for (auto& copy : copies_)
    if (!free && copy.use_count() == 1) free = copy;
  if (!free) {
    if (copies_.size() == kMost) copies_.erase(copies_.begin());
    free = copies_.emplace_back(std::make_shared<TensorCopy>(tensor));
  }
  free->bring_up_to_date(tensor);
  return free;
}

}  // namespace edgeskip
