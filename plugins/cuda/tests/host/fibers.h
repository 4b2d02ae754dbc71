// Fibers: a CUDA thread's place on the host. A fiber runs until it waits; the scheduler decides who runs next.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

namespace edgeskip::cuda {

class Fibers {
 public:
  enum class Order { ascending, descending, shuffled };

  Fibers(int count, Order order, unsigned seed);
  ~Fibers();
  Fibers(const Fibers&) = delete;
  Fibers& operator=(const Fibers&) = delete;

  // Runs body(index) in every fiber to its end. Throws std::runtime_error where all that are left wait for ever, and
  // what a body threw.
  void run(const std::function<void(int)>& body);

  // From within a fiber: come back once ready() is true.
  void wait_until(const std::function<bool()>& ready);
  int running() const { return finished_count_ < count_ ? count_ - finished_count_ : 0; }

 private:
  struct Context;
  static void enter();
  void body_of_current();
  void switch_to(int fiber);
  void switch_back();

  const int count_;
  const Order order_;
  unsigned seed_;
  int current_ = -1, finished_count_ = 0;
  std::vector<std::unique_ptr<Context>> contexts_;
  std::unique_ptr<Context> scheduler_;
  const std::function<void(int)>* body_ = nullptr;
};

}  // namespace edgeskip::cuda
