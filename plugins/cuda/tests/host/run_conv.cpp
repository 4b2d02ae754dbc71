#include "tests/host/run_conv.h"

#include <cstring>
#include <string>

#include "kernels/conv/body.h"
#include "kernels/depthwise/body.h"
#include "tests/host/check.h"

namespace edgeskip::cuda {

namespace {

template <class T, class Pair>
void run_tiles(const ConvPlan& plan, const Options& options) {
  emulate(plan.conv_blocks, plan.conv_threads, plan.conv_shared, options, [&](const Emulated& e) {
    plan.vectors ? conv_body<T, Pair, true>(e, plan.args) : conv_body<T, Pair, false>(e, plan.args);
  });
}

template <class T>
void run_products(const ConvPlan& plan, const Options& options) {
  if (plan.depthwise) {
    emulate(plan.conv_blocks, plan.conv_threads, plan.conv_shared, options,
            [&](const Emulated& e) { depthwise_body<T>(e, plan.args); });
    return;
  }
  switch (plan.tile) {
    case TileChoice::columns_32: run_tiles<T, Tiles32>(plan, options); break;
    case TileChoice::columns_64: run_tiles<T, Tiles64>(plan, options); break;
    case TileChoice::columns_128: run_tiles<T, Tiles128>(plan, options); break;
    case TileChoice::columns_256:
      if constexpr (sizeof(T) == 2) run_tiles<T, Tiles256>(plan, options);
      break;
  }
}

template <class T>
void run_plan(const ConvPlan& plan, const Options& options) {
  const ListArgs& list = plan.args.list;
  if (plan.copy_bytes) std::memcpy(plan.args.y.data, plan.args.y_prev.data, static_cast<size_t>(plan.copy_bytes));
  emulate(list.chunks, kListThreads, kListShared, options, [&](const Emulated& e) { mark_body<T>(e, list); });
  emulate(list.chunks, kListThreads, kListShared, options, [&](const Emulated& e) { write_body(e, list); });
  run_products<T>(plan, options);
  if (plan.publish_blocks)
    emulate(plan.publish_blocks, kPublishThreads, 0, options,
            [&](const Emulated& e) { publish_body<T>(e, plan.args); });
}

}  // namespace

DeviceLimits small_device() { return {87, 2, 163 * 1024, 164 * 1024}; }

Status run_conv(const ConvShape& shape, const ConvRules& rules, const ConvBuffers& buffers, const DeviceLimits& limits,
                const Options& options, ConvCounts* counts) {
  const size_t bytes = conv_workspace_bytes(shape, rules, buffers.channel_weight != nullptr);
  std::vector<Vector16> workspace(bytes / sizeof(Vector16) + 1);
  std::memset(workspace.data(), 0xff, workspace.size() * sizeof(Vector16));
  ConvPlan plan;
  const Status status = plan_conv(shape, rules, buffers, workspace.data(), bytes, limits, &plan);
  if (status != Status::ok) return status;
  rules.type == ElementType::float16 ? run_plan<Half>(plan, options) : run_plan<float>(plan, options);
  if (counts) *counts = *plan.args.list.counts;
  return Status::ok;
}

ConvErrors check_conv_case(const ConvCase& c, const Options& options, const DeviceLimits& limits) {
  ConvData before = conv_data(c), after = before;
  const ConvBuffers buffers = conv_buffers(c, after, [](void* memory, size_t) { return memory; });
  const Status status = run_conv(c.shape, c.rules, buffers, limits, options);
  EDGESKIP_CHECK(status == Status::ok, c.name() + ": " + status_text(status));
  if (status != Status::ok) return {};
  const ConvErrors errors = compare_conv(c, before, after);
  EDGESKIP_CHECK(errors.wrong == 0, c.name() + ": " + std::to_string(errors.wrong) + " wrong, first " + errors.first);
  EDGESKIP_CHECK(errors.relative <= conv_tolerance(c.rules.type),
                 c.name() + ": relative error " + std::to_string(errors.relative));
  return errors;
}

}  // namespace edgeskip::cuda
