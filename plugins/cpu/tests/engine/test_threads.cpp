// The pool: every task runs once, on a thread number below the number of threads.
#include <chrono>

#include "tests.h"

namespace edgeskip::testing {

namespace {

void test_each_task_runs_once(int threads) {
  ThreadPool pool(threads);
  report().context = "pool of " + std::to_string(threads);
  std::vector<int> runs(1000);
  for (int round = 0; round < 300; ++round) {
    const int tasks = round % 7 == 0 ? 1000 : round % 13;
    std::fill(runs.begin(), runs.end(), 0);
    std::atomic<int> wrong_thread{0};
    pool.run(tasks, [&](int task, int thread) {
      ++runs[task];  // not atomic: a task that ran twice at once is a race that a sanitizer sees
      if (thread < 0 || thread >= threads) ++wrong_thread;
    });
    int once = 0;
    for (int task = 0; task < tasks; ++task) once += runs[task] == 1;
    expect(once == tasks, "round %d: %d of %d tasks ran once", round, once, tasks);
    expect(wrong_thread == 0, "thread numbers");
  }
}

// Results of one job are seen by the next, whoever ran it, and also after the workers slept.
void test_jobs_follow_each_other(int threads) {
  ThreadPool pool(threads);
  report().context = "jobs on " + std::to_string(threads);
  std::vector<int64_t> values(64, 1);
  for (int round = 0; round < 40; ++round) {
    pool.run(64, [&](int task, int) { values[task] += 1; });
    pool.run(32, [&](int task, int) { values[63 - task] += values[task]; });
    for (int64_t& value : values) value %= 1000;
    if (round % 10 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  std::vector<int64_t> expected(64, 1);
  for (int round = 0; round < 40; ++round) {
    for (int64_t& value : expected) value += 1;
    for (int task = 0; task < 32; ++task) expected[63 - task] += expected[task];
    for (int64_t& value : expected) value %= 1000;
  }
  expect(values == expected, "two jobs in a row");
}

void test_pools_end_at_any_time() {
  report().context = "end of a pool";
  for (int round = 0; round < 30; ++round) {
    ThreadPool pool(1 + round % 4);
    std::atomic<int> sum{0};
    if (round % 3) pool.run(round, [&](int task, int) { sum += task; });
    expect(sum == (round % 3 ? round * (round - 1) / 2 : 0), "round %d", round);
  }
}

}  // namespace

void test_threads() {
  for (const int threads : {1, 2, 3, 8}) {
    test_each_task_runs_once(threads);
    test_jobs_follow_each_other(threads);
  }
  test_pools_end_at_any_time();
}

}  // namespace edgeskip::testing
