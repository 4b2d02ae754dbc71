#include "threads.h"

#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#endif

namespace edgeskip {

namespace {

constexpr int kTaskBits = 20;
constexpr uint64_t kTaskMask = (uint64_t{1} << kTaskBits) - 1;
constexpr int kSpins = 2000;  // about 50 microseconds

void relax() {
#if defined(__x86_64__) || defined(__i386__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

uint64_t generation_of(uint64_t ticket) { return ticket >> (2 * kTaskBits); }

}  // namespace

ThreadPool::ThreadPool(int threads) {
  workers_.reserve(threads > 1 ? threads - 1 : 0);
  try {
    for (int thread = 1; thread < threads; ++thread) workers_.emplace_back([this, thread] { worker(thread); });
  } catch (...) {
    stop();
    throw;
  }
}

ThreadPool::~ThreadPool() { stop(); }

void ThreadPool::stop() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stopping_.store(true);
  }
  wake_.notify_all();
  for (std::thread& thread : workers_) thread.join();
}

bool ThreadPool::claim(int* task) {
  uint64_t ticket = ticket_.load(std::memory_order_acquire);
  while (true) {
    const uint64_t next = ticket & kTaskMask, tasks = ticket >> kTaskBits & kTaskMask;
    if (next >= tasks) return false;
    if (ticket_.compare_exchange_weak(ticket, ticket + 1, std::memory_order_acq_rel, std::memory_order_acquire)) {
      *task = static_cast<int>(next);
      return true;
    }
  }
}

void ThreadPool::work(int thread) {
  int task;
  while (claim(&task)) {
    function_(context_, task, thread);
    done_.fetch_add(1, std::memory_order_acq_rel);
  }
}

void ThreadPool::start(int tasks, Function function, const void* context) {
  function_ = function;
  context_ = context;
  done_.store(0, std::memory_order_relaxed);
  const uint64_t generation = generation_of(ticket_.load(std::memory_order_relaxed)) + 1;
  ticket_.store(generation << (2 * kTaskBits) | static_cast<uint64_t>(tasks) << kTaskBits);
  if (sleepers_.load() > 0) {
    { std::lock_guard<std::mutex> lock(mutex_); }
    wake_.notify_all();
  }
  work(0);
  for (int spins = 0; done_.load(std::memory_order_acquire) < tasks; ++spins)
    if (spins < kSpins)
      relax();
    else
      std::this_thread::yield();
}

bool ThreadPool::wait_for_job(uint64_t seen) {
  for (int spins = 0; spins < kSpins || busy_.load(std::memory_order_relaxed); ++spins) {
    if (generation_of(ticket_.load(std::memory_order_acquire)) != seen) return true;
    if (stopping_.load(std::memory_order_relaxed)) return false;
    if (spins < kSpins)
      relax();
    else
      std::this_thread::yield();
  }
  std::unique_lock<std::mutex> lock(mutex_);
  sleepers_.fetch_add(1);
  wake_.wait(lock, [&] { return stopping_.load() || generation_of(ticket_.load()) != seen; });
  sleepers_.fetch_sub(1);
  return !stopping_.load();
}

void ThreadPool::worker(int thread) {
  uint64_t seen = 0;
  while (wait_for_job(seen)) {
    seen = generation_of(ticket_.load(std::memory_order_acquire));
    work(thread);
  }
}

}  // namespace edgeskip
