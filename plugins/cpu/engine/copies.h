// Copies of a tensor as they are handed out: channels first, and never written while somebody holds them.
#pragma once

#include <memory>
#include <vector>

#include "frame.h"
#include "memory.h"

namespace edgeskip {

// planes: [channels][height][width]
void read_tensor(const KernelTable& kernels, ThreadPool& pool, const TensorView& tensor, float* planes);
// Only the pixels of a mask of the tensor's size, or more of them: elsewhere the planes hold the tensor's values.
void read_pixels(const KernelTable& kernels, ThreadPool& pool, const TensorView& tensor, const MaskView& pixels,
                 float* planes);

// A copy, and where the tensor has changed since.
struct TensorCopy {
  AlignedMemory values;
  AlignedMemory behind_bits;
  MaskView behind;
  bool unknown = true;  // anything may differ

  explicit TensorCopy(const TensorView& tensor);
  void bring_up_to_date(const KernelTable& kernels, ThreadPool& pool, const TensorView& tensor);
};

// The copies of one tensor. One that nobody holds any more is brought up to date and handed out again, so that
// from frame to frame only the pixels that changed are copied.
class TensorCopies {
 public:
  // changed: where the tensor differs from the last call; null: anything may.
  std::shared_ptr<const TensorCopy> take(const KernelTable& kernels, ThreadPool& pool, const TensorView& tensor,
                                         const MaskView* changed);

 private:
  static constexpr size_t kMost = 4;  // more than that, and somebody collects them

  std::vector<std::shared_ptr<TensorCopy>> copies_;
};

}  // namespace edgeskip
