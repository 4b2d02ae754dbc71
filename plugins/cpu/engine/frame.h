// What an op sees while it runs: tensors and masks of one stream, scratch memory, threads and kernels.
#pragma once

#include <algorithm>
#include <vector>

#include "../kernels/kernels.h"
#include "frame_input.h"
#include "mask.h"
#include "memory.h"
#include "picture_reference.h"
#include "plan.h"
#include "threads.h"

namespace edgeskip {

struct TensorView {
  float* data = nullptr;
  int64_t stride = 0;  // floats from pixel to pixel
  int height = 0, width = 0, channels = 0;

  int64_t pixel(int y, int x) const { return int64_t{y} * width + x; }
  float* row(int y, int x) const { return data + pixel(y, x) * stride; }
  float* row(Pixel p) const { return row(row_of(p), column_of(p)); }
};

struct PixelList {
  const Pixel* pixels = nullptr;
  int64_t count = 0;
};

class Frame {
 public:
  Frame(const Plan& plan, const KernelTable& kernels, ThreadPool& pool, const ScratchNeeds& scratch);

  const KernelTable& kernels() const { return kernels_; }
  ThreadPool& pool() { return pool_; }
  const TensorView& tensor(int id) const { return tensors_[id]; }
  const MaskView& mask(int id) const { return masks_[id]; }
  // A mask that the caller is going to write.
  const MaskView& output_mask(int id) {
    if (id == listed_mask_) listed_mask_ = -1;
    content_[id] = Content::unknown;
    return masks_[id];
  }
  // Whether a mask has no set pixel: looked for once after each time that it was written.
  bool empty(int id) {
    if (content_[id] == Content::unknown) content_[id] = any(masks_[id]) ? Content::pixels : Content::none;
    return content_[id] == Content::none;
  }
  void clear_mask(int id) {
    if (content_[id] != Content::none) clear(output_mask(id));
    content_[id] = Content::none;
  }
  // Whether an op has nothing to do; the masks that it writes are empty then.
  bool idle(const MaskUse& masks);

  FrameInput& input(int id) { return inputs_[id]; }
  PictureReference& picture_reference(int input) { return picture_references_[input]; }

  // The set pixels of a mask; kept until the mask is written, for ops that follow on the same mask.
  PixelList pixels(int mask);
  // Memory for a list of all pixels of the largest mask; what it holds does not survive the op.
  Pixel* list_memory() { return own_list_.as<Pixel>(); }

  Arena shared_arena() { return {shared_.data(), shared_.bytes()}; }
  Arena thread_arena(int thread) {
    return {per_thread_.data() + static_cast<size_t>(thread) * thread_bytes_, thread_bytes_};
  }

  // Calls body(first pixel, count, arena) for parts of at most `chunk` pixels of the list. On the pool
  // where the work of all (`cost_ns` each, roughly) is worth it, in order on this thread where not.
  template <class Body>
  void for_chunks(const PixelList& list, int chunk, double cost_ns, const Body& body) {
    const auto part = [&](int64_t task, int thread) {
      const int64_t begin = task * chunk;
      const int size = static_cast<int>(std::min<int64_t>(chunk, list.count - begin));
      body(list.pixels + begin, size, thread_arena(thread));
    };
    const int64_t tasks = (list.count + chunk - 1) / chunk;
    if (static_cast<double>(list.count) * cost_ns < kWorthwhileNs || tasks > ThreadPool::kMaximumTasks)
      for (int64_t task = 0; task < tasks; ++task) part(task, 0);
    else
      pool_.run(static_cast<int>(tasks), part);
  }

  // Calls body(first row, end row, arena) for bands of a picture's rows, on the pool where it is worth it.
  template <class Body>
  void for_rows(int rows, double cost_ns_per_row, const Body& body) {
    const bool split = rows * cost_ns_per_row >= kWorthwhileNs;
    const int bands = split ? std::min(rows, 4 * pool_.threads()) : 1;
    pool_.run(bands, [&](int band, int thread) {
      const auto edge = [&](int64_t index) { return static_cast<int>(index * rows / bands); };
      body(edge(band), edge(band + 1), thread_arena(thread));
    });
  }

  void reset(const std::vector<int>& pending);
  void forget_lists() { listed_mask_ = -1; }
  int64_t state_bytes() const;

 private:
  static constexpr double kWorthwhileNs = 12e3;  // less than this is not worth a barrier

  void place_buffers(const Plan& plan);
  void place_masks(const Plan& plan);

  const KernelTable& kernels_;
  ThreadPool& pool_;
  std::vector<TensorView> tensors_;
  std::vector<FrameInput> inputs_;
  std::vector<PictureReference> picture_references_;  // of each input
  std::vector<MaskView> masks_;
  enum class Content : uint8_t { unknown, none, pixels };
  std::vector<Content> content_;  // of each mask
  struct FloatRange {
    float* begin;
    int64_t count;
  };
  std::vector<FloatRange> buffers_;
  AlignedMemory buffer_memory_, mask_memory_;
  AlignedMemory shared_, per_thread_;
  size_t thread_bytes_ = 0;
  AlignedMemory mask_list_, own_list_;
  int listed_mask_ = -1;
  int64_t listed_ = 0;
};

}  // namespace edgeskip
