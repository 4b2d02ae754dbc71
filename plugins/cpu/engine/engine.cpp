#include "engine.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <stdexcept>

namespace edgeskip {

namespace {

using Clock = std::chrono::steady_clock;

int64_t nanoseconds_since(Clock::time_point start) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - start).count();
}

const KernelTable* choose_level(std::string name) {
  if (name == "auto") {
    const char* wish = std::getenv("EDGESKIP_CPU_LEVEL");
    if (!wish || !*wish || std::string(wish) == "auto") return best_kernel_table();
    name = wish;
  }
  Level level;
  if (!parse_level(name.c_str(), &level))
    throw std::invalid_argument("unknown level '" + name + "', expected auto, scalar, neon, avx2 or avx512");
  const KernelTable* kernels = kernel_table(level);
  if (!kernels) throw std::invalid_argument("this CPU or build has no level '" + name + "'");
  return kernels;
}

// Best first; only the one that EDGESKIP_BF16_KERNEL names, where that is set.
std::vector<const Bf16Gemm*> list_bf16(const KernelTable& kernels) {
  const char* wish = std::getenv("EDGESKIP_BF16_KERNEL");
  const std::string name = wish ? wish : "";
  std::vector<const Bf16Gemm*> found;
  if (kernels.level != Level::avx512) return found;
  for (const Bf16Kind kind : {Bf16Kind::amx, Bf16Kind::avx512}) {
    const Bf16Gemm* kernel = bf16_gemm(kind);
    if (kernel && (name.empty() || name == "auto" || name == kernel->name)) found.push_back(kernel);
  }
  return found;
}

const Bf16Gemm* choose_bf16(const std::string& precision, const KernelTable& kernels) {
  if (precision == "f32") return nullptr;
  if (precision != "bf16") throw std::invalid_argument("unknown precision '" + precision + "', expected f32 or bf16");
  const std::vector<const Bf16Gemm*> found = list_bf16(kernels);
  if (found.empty())
    throw std::invalid_argument(std::string("level '") + kernels.name + "' has no bf16 kernel on this CPU and build");
  return found.front();
}

EngineOptions checked(const EngineOptions& options) {
  if (options.threads < 1 || options.threads > 256)
    throw std::invalid_argument("threads must be within 1 .. 256: " + std::to_string(options.threads));
  if (options.block != 0 && options.block != 1 && options.block != 2 && options.block != 4 && options.block != 8)
    throw std::invalid_argument("block must be 0, 1, 2, 4 or 8: " + std::to_string(options.block));
  if (options.panel_rows < 0 || options.panel_rows > 4096)
    throw std::invalid_argument("panel_rows must be within 0 .. 4096: " + std::to_string(options.panel_rows));
  return options;
}

}  // namespace

std::vector<std::string> bf16_kernels(const std::string& level) {
  std::vector<std::string> names;
  for (const Bf16Gemm* kernel : list_bf16(*choose_level(level))) names.emplace_back(kernel->name);
  return names;
}

Engine::Engine(const Plan& plan, const EngineOptions& options)
    : plan_(plan),
      kernels_(choose_level(options.level)),
      bf16_(choose_bf16(options.precision, *kernels_)),
      pool_(checked(options).threads) {
  const BuildContext context{plan_, *kernels_, options.block, options.panel_rows, bf16_};
  for (const Plan::Entry& entry : plan_.operations()) {
    operations_.push_back(entry.build(context));
    mask_uses_.push_back(entry.masks);
    const ScratchNeeds needs = operations_.back()->scratch();
    scratch_.shared = std::max(scratch_.shared, needs.shared);
    scratch_.per_thread = std::max(scratch_.per_thread, needs.per_thread);
  }
}

int64_t Engine::weight_bytes() const {
  int64_t bytes = 0;
  for (const auto& operation : operations_) bytes += operation->weight_bytes();
  return bytes;
}

Stream::Stream(const Engine& engine)
    : engine_(engine),
      frame_(engine.plan_, *engine.kernels_, engine.pool_, engine.scratch_),
      active_pixels_(engine.operations_.size()),
      op_times_ns_(engine.operations_.size()),
      offer_times_ns_(engine.plan_.inputs().size()) {}

void Stream::reset() {
  frame_.reset(engine_.plan_.pending());
  std::fill(active_pixels_.begin(), active_pixels_.end(), 0);
  std::fill(op_times_ns_.begin(), op_times_ns_.end(), 0);
}

TensorView Stream::tensor(int id) const {
  const size_t known = engine_.plan_.tensors().size();
  if (id < 0 || static_cast<size_t>(id) >= known)
    throw std::invalid_argument("there is no tensor " + std::to_string(id) + " of " + std::to_string(known));
  return frame_.tensor(id);
}

const MaskView& Stream::mask(int id) const {
  const size_t known = engine_.plan_.masks().size();
  if (id < 0 || static_cast<size_t>(id) >= known)
    throw std::invalid_argument("there is no mask " + std::to_string(id) + " of " + std::to_string(known));
  return frame_.mask(id);
}

const MaskView& Stream::output_mask(int id) {
  mask(id);
  return frame_.output_mask(id);
}

int64_t Stream::mask_count(int id) {
  const MaskView& view = mask(id);
  return frame_.empty(id) ? 0 : count(view);
}

bool Stream::write(int id, const float* channels_first) {
  const TensorView view = tensor(id);
  const int64_t pixels = int64_t{view.height} * view.width;
  return engine_.kernels_->write_planes(
      {channels_first, pixels, view.data, view.stride, engine_.plan_.fours(id), pixels, view.channels});
}

void Stream::write_picture(int id, const Picture& picture, const PictureRules& rules) {
  std::lock_guard<std::mutex> turn(engine_.running_);
  const PictureRows rows = picture_reader_.read(picture, rules, *engine_.kernels_, engine_.pool_);
  write_rows(rows, *engine_.kernels_, tensor(id), engine_.plan_.fours(id));
}

const InputShape& Stream::input(int id) const {
  const size_t known = engine_.plan_.inputs().size();
  if (id < 0 || static_cast<size_t>(id) >= known)
    throw std::invalid_argument("there is no input " + std::to_string(id) + " of " + std::to_string(known));
  return engine_.plan_.inputs()[id];
}

bool Stream::offer(int id, const float* channels_first) {
  FrameInput source;
  source.planes = channels_first;
  std::lock_guard<std::mutex> turn(engine_.running_);
  return offer(id, source);
}

bool Stream::offer_picture(int id, const Picture& picture, const PictureRules& rules) {
  std::lock_guard<std::mutex> turn(engine_.running_);
  FrameInput source;
  source.picture = picture_reader_.read(picture, rules, *engine_.kernels_, engine_.pool_);
  return offer(id, source);
}

bool Stream::offer(int id, const FrameInput& source) {
  const Clock::time_point start = Clock::now();
  const bool finite = engine_.operations_[input(id).operation]->offer(frame_, source);
  offer_times_ns_[id] = nanoseconds_since(start);
  return finite;
}

void Stream::read(int id, float* channels_first) const {
  std::lock_guard<std::mutex> turn(engine_.running_);
  read_tensor(*engine_.kernels_, engine_.pool_, tensor(id), channels_first);
}

std::shared_ptr<const TensorCopy> Stream::copy(int id, int changed) {
  const TensorView view = tensor(id);
  std::lock_guard<std::mutex> turn(engine_.running_);
  return copies_[id].take(*engine_.kernels_, engine_.pool_, view, changed < 0 ? nullptr : &mask(changed));
}

void Stream::run(int begin, int end) {
  const int known = static_cast<int>(engine_.operations_.size());
  if (begin < 0 || end < begin || end > known)
    throw std::invalid_argument("run: ops " + std::to_string(begin) + " .. " + std::to_string(end) + " of " +
                                std::to_string(known));
  std::lock_guard<std::mutex> turn(engine_.running_);
  const ThreadPool::Busy busy(engine_.pool_);
  Clock::time_point start;
  for (int i = begin; i < end; ++i) {
    if (profile) start = Clock::now();
    active_pixels_[i] = frame_.idle(engine_.mask_uses_[i]) ? 0 : engine_.operations_[i]->run(frame_);
    op_times_ns_[i] = profile ? nanoseconds_since(start) : 0;
  }
  if (profile) add_offer_times(begin, end);
}

// What an op that takes an input in did when the input was offered.
void Stream::add_offer_times(int begin, int end) {
  for (size_t i = 0; i < offer_times_ns_.size(); ++i) {
    const int operation = engine_.plan_.inputs()[i].operation;
    if (operation >= begin && operation < end) op_times_ns_[operation] += offer_times_ns_[i];
  }
}

}  // namespace edgeskip
