#include "tests/host/fibers.h"

#include <ucontext.h>

#include <algorithm>
#include <exception>
#include <numeric>
#include <random>
#include <stdexcept>

#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__)
#define EDGESKIP_FAST_SWITCH 1
#endif

namespace edgeskip::cuda {

namespace {
constexpr size_t kStackBytes = 128 * 1024;
Fibers* active = nullptr;
}  // namespace

#if EDGESKIP_FAST_SWITCH
// Saves what a call must preserve and changes stacks; ucontext does the same with two system calls.
extern "C" void edgeskip_switch_stack(void** save, void* load);
asm(R"(
.text
.globl edgeskip_switch_stack
.type edgeskip_switch_stack,@function
edgeskip_switch_stack:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size edgeskip_switch_stack,.-edgeskip_switch_stack
)");
#endif

struct Fibers::Context {
  std::unique_ptr<char[]> stack;
#if EDGESKIP_FAST_SWITCH
  void* pointer = nullptr;
#else
  ucontext_t context;
#endif
  std::function<bool()> ready;  // empty: may run
  bool finished = false;
  std::exception_ptr error;
};

Fibers::Fibers(int count, Order order, unsigned seed)
    : count_(count), order_(order), seed_(seed), scheduler_(new Context) {
  for (int i = 0; i < count; ++i) {
    contexts_.emplace_back(new Context);
    contexts_.back()->stack.reset(new char[kStackBytes]);
  }
}

Fibers::~Fibers() = default;

void Fibers::enter() { active->body_of_current(); }

void Fibers::body_of_current() {
  const int fiber = current_;
  try {
    (*body_)(fiber);
  } catch (...) {
    contexts_[fiber]->error = std::current_exception();
  }
  contexts_[fiber]->finished = true;
  ++finished_count_;
  switch_back();
}

void Fibers::switch_to(int fiber) {
  current_ = fiber;
  active = this;
#if EDGESKIP_FAST_SWITCH
  edgeskip_switch_stack(&scheduler_->pointer, contexts_[fiber]->pointer);
#else
  swapcontext(&scheduler_->context, &contexts_[fiber]->context);
#endif
}

void Fibers::switch_back() {
  Context& context = *contexts_[current_];
#if EDGESKIP_FAST_SWITCH
  edgeskip_switch_stack(&context.pointer, scheduler_->pointer);
#else
  swapcontext(&context.context, &scheduler_->context);
#endif
}

void Fibers::wait_until(const std::function<bool()>& ready) {
  if (ready()) return;
  contexts_[current_]->ready = ready;
  switch_back();
}

void Fibers::run(const std::function<void(int)>& body) {
  body_ = &body;
  finished_count_ = 0;
  for (auto& context : contexts_) {
    context->finished = false, context->ready = nullptr, context->error = nullptr;
#if EDGESKIP_FAST_SWITCH
    void** top = reinterpret_cast<void**>(context->stack.get() + kStackBytes);
    top = reinterpret_cast<void**>(reinterpret_cast<size_t>(top) / 16 * 16);
    *--top = nullptr;  // so that the stack is aligned at the entry as after a call
    *--top = reinterpret_cast<void*>(&Fibers::enter);
    for (int i = 0; i < 6; ++i) *--top = nullptr;
    context->pointer = top;
#else
    getcontext(&context->context);
    context->context.uc_stack.ss_sp = context->stack.get();
    context->context.uc_stack.ss_size = kStackBytes;
    context->context.uc_link = nullptr;
    makecontext(&context->context, &Fibers::enter, 0);
#endif
  }
  std::vector<int> order(count_);
  std::iota(order.begin(), order.end(), 0);
  if (order_ == Order::descending) std::reverse(order.begin(), order.end());
  std::mt19937 random(seed_);
  while (finished_count_ < count_) {
    if (order_ == Order::shuffled) std::shuffle(order.begin(), order.end(), random);
    bool moved = false;
    for (const int fiber : order) {
      Context& context = *contexts_[fiber];
      if (context.finished || (context.ready && !context.ready())) continue;
      context.ready = nullptr;
      switch_to(fiber);
      moved = true;
      if (context.error) std::rethrow_exception(context.error);
    }
    if (!moved) throw std::runtime_error("threads wait for others that do not come");
  }
}

}  // namespace edgeskip::cuda
