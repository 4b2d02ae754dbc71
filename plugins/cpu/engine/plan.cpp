#include "plan.h"

#include <stdexcept>

namespace edgeskip {

namespace {

void require_size(const char* what, int height, int width) {
  if (height < 1 || width < 1 || height > kMaximumSide || width > kMaximumSide)
    throw std::invalid_argument(std::string(what) + ": size " + std::to_string(height) + "x" + std::to_string(width) +
                                " is not within 1 .. " + std::to_string(kMaximumSide));
}

// Wide pixels start on a cache line; narrow ones (a picture has 3 channels) do not straddle one.
int pixel_stride(int channels) {
  if (channels > 8) return (channels + 15) / 16 * 16;
  int stride = 1;
  while (stride < channels) stride *= 2;
  return stride;
}

}  // namespace

int Plan::add_mask(int height, int width) {
  require_size("add_mask", height, width);
  masks_.push_back({height, width});
  return static_cast<int>(masks_.size()) - 1;
}

int Plan::add_buffer(int height, int width, int channels) {
  require_size("add_buffer", height, width);
  if (channels < 1 || channels > (1 << 24))
    throw std::invalid_argument("add_buffer: channels must be at least 1: " + std::to_string(channels));
  buffers_.push_back({{height, width}, channels, pixel_stride(channels)});
  return static_cast<int>(buffers_.size()) - 1;
}

int Plan::add_tensor(int buffer, int channel_offset, int channels) {
  if (buffer < 0 || buffer >= static_cast<int>(buffers_.size()))
    throw std::invalid_argument("add_tensor: there is no buffer " + std::to_string(buffer));
  const int64_t available = buffers_[buffer].channels;
  if (channel_offset < 0 || channels < 1 || int64_t{channel_offset} + channels > available)
    throw std::invalid_argument("add_tensor: channels " + std::to_string(channel_offset) + " + " +
                                std::to_string(channels) + " of a buffer with " + std::to_string(available));
  tensors_.push_back({buffer, channel_offset, channels});
  return static_cast<int>(tensors_.size()) - 1;
}

int Plan::add_operation(std::string name, OperationFactory build, MaskUse masks) {
  operations_.push_back({std::move(name), std::move(build), std::move(masks)});
  return static_cast<int>(operations_.size()) - 1;
}

int Plan::add_input(Size size, int channels) {
  inputs_.push_back({size, channels, static_cast<int>(operations_.size())});
  return static_cast<int>(inputs_.size()) - 1;
}

bool Plan::overlap(int tensor, int other) const {
  const TensorShape &a = tensors_[tensor], &b = tensors_[other];
  return a.buffer == b.buffer && a.offset < b.offset + b.channels && b.offset < a.offset + a.channels;
}

bool Plan::same_range(int tensor, int other) const {
  const TensorShape &a = tensors_[tensor], &b = tensors_[other];
  return a.buffer == b.buffer && a.offset == b.offset && a.channels == b.channels;
}

bool Plan::fours(int tensor) const {
  const BufferShape& buffer = buffers_[tensors_[tensor].buffer];
  return tensors_[tensor].channels == 3 && buffer.channels == 3 && buffer.stride == 4;
}

}  // namespace edgeskip
