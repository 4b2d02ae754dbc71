// An engine: a plan with packed weights, and the streams that run it.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

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
  const MaskView& mask(int id);          // for reading or writing; throws std::invalid_argument
  // Returns whether all values are finite; they are written in any case.
  bool write(int tensor, const float* channels_first);
  // The arguments fit the tensor (PictureWriter::check).
  void write_picture(int tensor, const Picture& picture, const PictureRules& rules);
  void read(int tensor, float* channels_first) const;
  // Reads the pixels of a mask only, and returns how many there are. Throws std::invalid_argument.
  int64_t read_changed(int tensor, int mask, float* channels_first);

  // Runs ops begin <= i < end. Allocates nothing. Throws std::invalid_argument.
  void run(int begin, int end);

  const std::vector<int64_t>& active_pixels() const { return active_pixels_; }
  const std::vector<int64_t>& op_times_ns() const { return op_times_ns_; }
  bool profile = false;

 private:
  const Engine& engine_;
  Frame frame_;
  PictureWriter picture_writer_;
  std::vector<int64_t> active_pixels_, op_times_ns_;
};

}  // namespace edgeskip
