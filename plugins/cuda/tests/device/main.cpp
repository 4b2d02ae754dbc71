// Every kernel on the GPU against float64 and against the same functions on the host.
//   device_tests [--short] [text]     runs the cases whose name holds the text; prints each one's error
#include <cstdio>
#include <cstring>
#include <string>

#include "tests/device/memory.h"
#include "tests/device/tests.h"

int main(int argc, char** argv) {
  using namespace edgeskip::cuda;
  DeviceTests tests;
  for (int i = 1; i < argc; ++i)
    if (std::strcmp(argv[i], "--short") == 0)
      tests.few = true;
    else
      tests.filter = argv[i];
  cudaDeviceProp properties;
  must(cudaGetDeviceProperties(&properties, 0), "no CUDA device");
  std::printf("%s, sm_%d%d, %d multiprocessors\n", properties.name, properties.major, properties.minor,
              properties.multiProcessorCount);
  run_conv_tests(tests);
  run_capture_test(tests);
  run_gate_tests(tests);
  run_picture_tests(tests);
  run_mask_tests(tests);
  std::printf("%d cases, %d failed\n", tests.cases, tests.failed);
  return tests.failed || tests.cases == 0 ? 1 : 0;
}
