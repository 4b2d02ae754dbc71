// A small pool of threads for tasks of some ten microseconds: workers spin during a frame and a while
// behind it, then sleep. Tasks are claimed one by one, so a worker that is late delays nobody.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

namespace edgeskip {

class ThreadPool {
 public:
  static constexpr int kMaximumTasks = (1 << 20) - 1;

  // `threads` counts the calling thread. Throws std::system_error where the system refuses a thread.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  // While it lives, workers that wait do not sleep: jobs follow each other closely.
  class Busy {
   public:
    explicit Busy(ThreadPool& pool) : pool_(pool) { pool_.busy_.store(true, std::memory_order_relaxed); }
    ~Busy() { pool_.busy_.store(false, std::memory_order_relaxed); }
    Busy(const Busy&) = delete;
    Busy& operator=(const Busy&) = delete;

   private:
    ThreadPool& pool_;
  };

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  // Calls body(task, thread) for task 0 .. tasks - 1, each once, thread 0 .. threads - 1; returns when
  // all are done. From one thread at a time; body does not throw and does not call run.
  template <class Body>
  void run(int tasks, const Body& body) {
    if (workers_.empty() || tasks <= 1) {
      for (int task = 0; task < tasks; ++task) body(task, 0);
      return;
    }
    start(tasks, [](const void* context, int task, int thread) { (*static_cast<const Body*>(context))(task, thread); },
          &body);
  }

 private:
  using Function = void (*)(const void* context, int task, int thread);

  void start(int tasks, Function function, const void* context);
  bool claim(int* task);
  void work(int thread);
  void worker(int thread);
  void stop();
  bool wait_for_job(uint64_t seen);

  // generation (24 bits), number of tasks (20), next task (20): claimed by compare-and-swap, so that
  // a claim succeeds only while its job runs, and function_ and context_ stand still until it is done.
  alignas(64) std::atomic<uint64_t> ticket_{0};
  alignas(64) std::atomic<int> done_{0};
  Function function_ = nullptr;
  const void* context_ = nullptr;

  std::atomic<int> sleepers_{0};
  std::atomic<bool> stopping_{false}, busy_{false};
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::thread> workers_;
};

}  // namespace edgeskip
