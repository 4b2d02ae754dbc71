// The kernels' launches on the CPU: the same plans and bodies as on the device, run by plugins/cuda's emulation.
#include <algorithm>
#include <cstring>

#include "edgeskip/state.h"
#include "kernels/count/body.h"
#include "kernels/gate/plan.h"
#include "kernels/mask/plan.h"
#include "kernels/picture/plan.h"
#include "tests/host/check.h"
#include "tests/host/emulation.h"
#include "tests/host/run_conv.h"

namespace edgeskip::cuda {

// plugins/cuda's checks are linked, but not run here
void report(const std::string&) {}
int failures() { return 0; }
void count_check() {}
int checks() { return 0; }

Status launch_conv(const ConvShape& shape, const ConvRules& rules, const ConvBuffers& buffers, void* workspace,
                   size_t workspace_bytes, cudaStream_t) noexcept {
  std::memset(workspace, 0xff, workspace_bytes);  // it is the caller's, all of it
  return run_conv(shape, rules, buffers, small_device(), {});
}

namespace {

template <class T>
void run_gate(const GatePlan& plan) {
  emulate(plan.decide_blocks, kGateThreads, plan.shared, {}, [&](const Emulated& e) {
    plan.window ? decide_window_body<T>(e, plan.args) : decide_pixels_body<T>(e, plan.args);
  });
  emulate(plan.update_blocks, kGateThreads, 0, {}, [&](const Emulated& e) { update_body<T>(e, plan.args); });
}

}  // namespace

Status launch_gate(const GateShape& shape, const GateRules& rules, const GateBuffers& buffers, cudaStream_t) noexcept {
  GatePlan plan;
  const Status status = plan_gate(shape, rules, buffers, small_device(), &plan);
  if (status != Status::ok) return status;
  rules.type == ElementType::float16 ? run_gate<Half>(plan) : run_gate<float>(plan);
  return Status::ok;
}

Status launch_mask(const MaskRules& rules, int batch, const MaskView* inputs, int input_count, int32_t* mask,
                   cudaStream_t) noexcept {
  MaskArgs args;
  const Status status = plan_mask(rules, batch, inputs, input_count, mask, &args);
  if (status != Status::ok) return status;
  if (rules.kind == MaskKind::reduce) {
    emulate(batch, kMaskThreads, 64, {}, [&](const Emulated& e) { reduce_body(e, args); });
  } else {
    emulate(3, kMaskThreads, 0, {}, [&](const Emulated& e) { pass_body(e, args); });
  }
  return Status::ok;
}

Status launch_picture(const Picture& picture, const PictureRules& rules, int height, int width, ElementType type,
                      const TensorView& input, cudaStream_t) noexcept {
  PictureArgs args;
  const Status status = plan_picture(picture, rules, height, width, type, input, &args);
  if (status != Status::ok) return status;
  emulate(2, kPictureThreads, (kPictureColumns + kPictureRows) * sizeof(ResizeEntry), {}, [&](const Emulated& e) {
    type == ElementType::float16 ? picture_body<Half>(e, args) : picture_body<float>(e, args);
  });
  return Status::ok;
}

Status launch_fill_state(void* state, size_t bytes, int stream_index, StateStart start, cudaStream_t) noexcept {
  char* data = static_cast<char*>(state) + bytes * static_cast<size_t>(stream_index);
  std::memset(data, start == StateStart::unknown ? 0xff : 0, bytes);
  for (size_t at = 0; start == StateStart::one && at < bytes; at += 4) data[at] = 1;
  return Status::ok;
}

namespace {

struct Counting : Emulated {
  explicit Counting(const Emulated& e) : Emulated(e) {}
  void add(int32_t* sum, int value) const { *sum += value; }
};

}  // namespace

}  // namespace edgeskip::cuda

extern "C" int32_t edgeskip_count_active(const EdgeskipCountItem* items, int32_t count, int32_t streams,
                                         int32_t* counts, void*) {
  using namespace edgeskip::cuda;
  std::fill(counts, counts + count, 0);
  const CountArgs args = {items, count, streams, 2, counts};
  emulate(count * 2, kCountThreads, 0, {}, [&](const Emulated& e) { count_body(Counting(e), args); });
  return 0;
}
