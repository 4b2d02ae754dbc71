#include "frame.h"

#include <limits>

namespace edgeskip {

Frame::Frame(const Plan& plan, const KernelTable& kernels, ThreadPool& pool, const ScratchNeeds& scratch)
    : kernels_(kernels),
      pool_(pool),
      inputs_(plan.inputs().size()),
      shared_(scratch.shared),
      per_thread_(aligned(scratch.per_thread) * pool.threads()),
      thread_bytes_(aligned(scratch.per_thread)) {
  for (const InputShape& input : plan.inputs()) picture_references_.emplace_back(input.size, input.channels);
  place_buffers(plan);
  place_masks(plan);
  reset(plan.pending());
}

void Frame::place_buffers(const Plan& plan) {
  size_t bytes = 0;
  for (const BufferShape& buffer : plan.buffers()) bytes += arena_bytes<float>(buffer.size.pixels() * buffer.stride);
  buffer_memory_ = AlignedMemory(bytes);
  Arena arena(buffer_memory_.data(), buffer_memory_.bytes());
  for (const BufferShape& buffer : plan.buffers()) {
    const int64_t count = buffer.size.pixels() * buffer.stride;
    buffers_.push_back({arena.take<float>(count), count});
  }
  for (const TensorShape& tensor : plan.tensors()) {
    const BufferShape& buffer = plan.buffers()[tensor.buffer];
    TensorView view;
    view.data = buffers_[tensor.buffer].begin + tensor.offset;
    view.stride = buffer.stride;
    view.height = buffer.size.height;
    view.width = buffer.size.width;
    view.channels = tensor.channels;
    tensors_.push_back(view);
  }
}

void Frame::place_masks(const Plan& plan) {
  size_t bytes = 0;
  int64_t most_pixels = 0;
  for (const Size& size : plan.masks()) {
    bytes += arena_bytes<uint64_t>(int64_t{size.height} * words_of(size.width));
    most_pixels = std::max(most_pixels, size.pixels());
  }
  mask_memory_ = AlignedMemory(bytes);
  Arena arena(mask_memory_.data(), mask_memory_.bytes());
  for (const Size& size : plan.masks())
    masks_.emplace_back(arena.take<uint64_t>(int64_t{size.height} * words_of(size.width)), size.height, size.width);
  content_.assign(masks_.size(), Content::unknown);
  mask_list_ = AlignedMemory(sizeof(Pixel) * most_pixels);
  own_list_ = AlignedMemory(sizeof(Pixel) * most_pixels);
}

bool Frame::idle(const MaskUse& masks) {
  if (masks.reads.empty()) return false;
  for (const int id : masks.reads)
    if (!empty(id)) return false;
  for (const int id : masks.writes) clear_mask(id);
  return true;
}

PixelList Frame::pixels(int mask) {
  if (empty(mask)) return {};
  if (mask != listed_mask_) {
    listed_ = list_pixels(masks_[mask], mask_list_.as<Pixel>());
    listed_mask_ = mask;
  }
  return {mask_list_.as<Pixel>(), listed_};
}

void Frame::reset(const std::vector<int>& pending) {
  for (const FloatRange& buffer : buffers_)
    std::fill_n(buffer.begin, buffer.count, std::numeric_limits<float>::quiet_NaN());
  for (size_t id = 0; id < masks_.size(); ++id) clear_mask(static_cast<int>(id));
  for (const int id : pending) fill(output_mask(id));
  std::fill(inputs_.begin(), inputs_.end(), FrameInput{});
  for (PictureReference& reference : picture_references_) reference.forget();
  forget_lists();
}

int64_t Frame::state_bytes() const {
  int64_t bytes = static_cast<int64_t>(buffer_memory_.bytes() + mask_memory_.bytes());
  for (const PictureReference& reference : picture_references_) bytes += reference.bytes();
  return bytes;
}

}  // namespace edgeskip
