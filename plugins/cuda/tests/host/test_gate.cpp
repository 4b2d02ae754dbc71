// The norm gate under emulation against float64.
#include <string>

#include "kernels/gate/plan.h"
#include "tests/common/gate_case.h"
#include "tests/host/check.h"
#include "tests/host/run_conv.h"
#include "tests/host/tests.h"

namespace edgeskip::cuda {

namespace {

template <class T>
void run_gate(const GatePlan& plan, const Options& options) {
  emulate(plan.decide_blocks, kGateThreads, plan.shared, options, [&](const Emulated& e) {
    plan.window ? decide_window_body<T>(e, plan.args) : decide_pixels_body<T>(e, plan.args);
  });
  emulate(plan.update_blocks, kGateThreads, 0, options, [&](const Emulated& e) { update_body<T>(e, plan.args); });
}

}  // namespace

void test_gate() {
  int turn = 0;
  for (const GateCase& c : gate_table()) {
    GateData before = gate_data(c), after = before;
    const GateBuffers buffers = gate_buffers(c, after, [](void* memory, size_t) { return memory; });
    GatePlan plan;
    EDGESKIP_CHECK(plan_gate(c.shape, c.rules, buffers, small_device(), &plan) == Status::ok, c.name());
    Options options;
    options.order = ++turn % 2 ? Fibers::Order::descending : Fibers::Order::shuffled;
    c.rules.type == ElementType::float16 ? run_gate<Half>(plan, options) : run_gate<float>(plan, options);
    const int wrong = compare_gate(c, before, after);
    EDGESKIP_CHECK(wrong == 0, "gate " + c.name() + ": " + std::to_string(wrong) + " wrong pixels");
  }
}

}  // namespace edgeskip::cuda
