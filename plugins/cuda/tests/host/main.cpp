// Host tests of the CUDA kernels: their bodies under emulation, and their plans. No GPU, no CUDA toolkit.
#include <chrono>
#include <cstdio>
#include <cstring>
#include <exception>

#include "tests/host/check.h"
#include "tests/host/tests.h"

namespace edgeskip::cuda {

namespace {
int failure_count = 0, check_count = 0;
}

void report(const std::string& what) {
  if (++failure_count <= 50) std::printf("FAILED %s\n", what.c_str());
}
int failures() { return failure_count; }
void count_check() { ++check_count; }
int checks() { return check_count; }

}  // namespace edgeskip::cuda

// An argument runs only the tests whose name holds it.
int main(int argc, char** argv) {
  using namespace edgeskip::cuda;
  for (const Test& test : kTests) {
    if (argc > 1 && !std::strstr(test.name, argv[1])) continue;
    const auto start = std::chrono::steady_clock::now();
    const int before = failures(), checks_before = checks();
    try {
      test.run();
    } catch (const std::exception& error) {
      report(std::string(test.name) + ": " + error.what());
    }
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    std::printf("%-28s %6d checks %3d failed %6.2f s\n", test.name, checks() - checks_before, failures() - before,
                seconds.count());
    std::fflush(stdout);
  }
  return failures() ? 1 : 0;
}
