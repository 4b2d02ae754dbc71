// An engine: a plan with packed weights, and the streams that run it.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "copies.h"
#include "frame.h"
#include "picture.h"
#include "plan.h"
#include "threads.h"

namespace edgeskip {

struct EngineOptions {
  int threads = 1;
  std::string level = "auto";  // or EDGESKIP_CPU_LEVEL where that is set
  int block = 0;
  int panel_rows = 0;
  // "f32", or "bf16": convolutions with bfloat16 factors, by the best kernel or the one that EDGESKIP_BF16_KERNEL names
  std::string precision = "f32";
};

// Names of the bfloat16 kernels that a level ("auto": as EngineOptions) can use here, best first. Throws
// std::invalid_argument on an unknown level.
std::vector<std::string> bf16_kernels(const std::string& level);

class Stream;

class Engine {
 public:
  // Throws std::invalid_argument on an unknown level or option.
  explicit Engine(const Plan& plan, const EngineOptions& options = {});

  const char* level() const { return kernels_->name; }
  int64_t weight_bytes() const;
  const char* bf16_kernel() const { return bf16_ ? bf16_->name : ""; }  // "" with f32

 private:
  friend class Stream;

  Plan plan_;
  const KernelTable* kernels_;
  const Bf16Gemm* bf16_;
  mutable ThreadPool pool_;
  mutable std::mutex running_;  // streams share the pool: one frame at a time
  std::vector<std::unique_ptr<Operation>> operations_;
  std::vector<MaskUse> mask_uses_;  // of each operation
  ScratchNeeds scratch_;
};

// The state of one camera. The engine must outlive it. A stream is used from one thread at a time;
// run of several streams of an engine takes turns.
class Stream {
 public:
  explicit Stream(const Engine& engine);

  int64_t state_bytes() const { return frame_.state_bytes(); }
  void reset();

  TensorView tensor(int id) const;       // throws std::invalid_argument
  const MaskView& mask(int id) const;    // throws std::invalid_argument
  const MaskView& output_mask(int id);   // for writing; throws std::invalid_argument
  int64_t mask_count(int id);            // throws std::invalid_argument
  // Returns whether all values are finite; they are written in any case.
  bool write(int tensor, const float* channels_first);
  // The arguments fit the tensor (PictureReader::check).
  void write_picture(int tensor, const Picture& picture, const PictureRules& rules);
  // Shows an input to the gate that takes it in; the next `run` of that op copies what changed, so until then the
  // values must stay. Returns whether they are finite: otherwise nothing has changed, and nothing will.
  const InputShape& input(int id) const;  // throws std::invalid_argument
  bool offer(int input, const float* channels_first);
  bool offer_picture(int input, const Picture& picture, const PictureRules& rules);
  void read(int tensor, float* channels_first) const;
  // A copy of a tensor that nobody writes into any more while it is held. changed: the mask of what differs from the
  // last time, which is asked for after each frame in which it is not empty; -1: anything may.
  std::shared_ptr<const TensorCopy> copy(int tensor, int changed);

  // Runs ops begin <= i < end. Allocates nothing. Throws std::invalid_argument.
  void run(int begin, int end);

  const std::vector<int64_t>& active_pixels() const { return active_pixels_; }
  const std::vector<int64_t>& op_times_ns() const { return op_times_ns_; }
  bool profile = false;

 private:
  const Engine& engine_;
  Frame frame_;
  bool offer(int input, const FrameInput& source);
  void add_offer_times(int begin, int end);

  PictureReader picture_reader_;
  std::map<int, TensorCopies> copies_;
  std::vector<int64_t> active_pixels_, op_times_ns_, offer_times_ns_;
};

}  // namespace edgeskip
