// A plan: the masks, buffers and tensors of one stream, and the ops in order. Built once, then read only.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "../kernels/gemm_bf16/gemm_bf16.h"
#include "../kernels/kernels.h"
#include "mask.h"

namespace edgeskip {

class Frame;
class Plan;
struct FrameInput;

struct Size {
  int height = 0, width = 0;
  bool operator==(const Size& other) const { return height == other.height && width == other.width; }
  bool operator!=(const Size& other) const { return !(*this == other); }
  bool single() const { return height == 1 && width == 1; }
  int64_t pixels() const { return int64_t{height} * width; }
};

// NHWC; `stride` floats from pixel to pixel, so that a pixel starts on a vector's boundary.
struct BufferShape {
  Size size;
  int channels = 0, stride = 0;
};

struct TensorShape {
  int buffer = 0, offset = 0, channels = 0;
};

// An input that the gate `operation` takes in.
struct InputShape {
  Size size;
  int channels = 0, operation = 0;
};

// How an engine was asked to run; 0 keeps each op's own block and the kernel's own panel.
struct BuildContext {
  const Plan& plan;
  const KernelTable& kernels;
  int block = 0;
  int panel_rows = 0;
  const Bf16Gemm* bf16 = nullptr;  // with bfloat16 factors, or null: float32
};

// Memory that an op needs while it runs, in bytes.
struct ScratchNeeds {
  size_t shared = 0;
  size_t per_thread = 0;
};

// One op with its weights packed. run allocates nothing and does not throw.
class Operation {
 public:
  virtual ~Operation() = default;
  virtual ScratchNeeds scratch() const { return {}; }
  virtual int64_t weight_bytes() const { return 0; }
  // Returns the number of pixels that were computed.
  virtual int64_t run(Frame& frame) const = 0;
  // A gate that takes an input in: looks at what `run` will take, and returns whether it is finite.
  virtual bool offer(Frame&, const FrameInput&) const { return true; }
};

// The masks that an op follows: where all of `reads` are empty, it would compute nothing and leave all of
// `writes` empty, so it is not run. No `reads`: it always runs.
struct MaskUse {
  std::vector<int> reads, writes;
};

using OperationFactory = std::function<std::unique_ptr<Operation>(const BuildContext&)>;

class Plan {
 public:
  struct Entry {
    std::string name;
    OperationFactory build;
    MaskUse masks;
  };

  // Return ids from 0. Throw std::invalid_argument.
  int add_mask(int height, int width);
  int add_buffer(int height, int width, int channels);
  int add_tensor(int buffer, int channel_offset, int channels);
  int add_operation(std::string name, OperationFactory build, MaskUse masks = {});
  void mark_pending(int mask) { pending_.push_back(mask); }
  // An input that the next op, a gate, takes in; returns its number.
  int add_input(Size size, int channels);

  const std::vector<Size>& masks() const { return masks_; }
  const std::vector<BufferShape>& buffers() const { return buffers_; }
  const std::vector<TensorShape>& tensors() const { return tensors_; }
  const std::vector<Entry>& operations() const { return operations_; }
  const std::vector<int>& pending() const { return pending_; }
  const std::vector<InputShape>& inputs() const { return inputs_; }

  Size size_of(int tensor) const { return buffers_[tensors_[tensor].buffer].size; }
  int channels_of(int tensor) const { return tensors_[tensor].channels; }
  bool overlap(int tensor, int other) const;
  bool same_range(int tensor, int other) const;
  // Three channels at the front of pixels of four floats: the fourth is nobody's, and free to read and write.
  bool fours(int tensor) const;

 private:
  std::vector<Size> masks_;
  std::vector<BufferShape> buffers_;
  std::vector<TensorShape> tensors_;
  std::vector<Entry> operations_;
  std::vector<int> pending_;
  std::vector<InputShape> inputs_;
};

}  // namespace edgeskip
