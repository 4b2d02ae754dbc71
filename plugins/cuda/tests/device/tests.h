// The device tests and their count.
#pragma once

#include <cstdio>
#include <string>

namespace edgeskip::cuda {

struct DeviceTests {
  bool few = false;
  std::string filter;
  int cases = 0, failed = 0;

  bool wants(const std::string& name) const { return filter.empty() || name.find(filter) != std::string::npos; }
  void finish(const std::string& name, bool good, const std::string& detail) {
    ++cases;
    failed += !good;
    std::printf("%s %s %s\n", good ? "ok    " : "FAILED", name.c_str(), detail.c_str());
    std::fflush(stdout);
  }
};

void run_conv_tests(DeviceTests& tests);
void run_capture_test(DeviceTests& tests);  // a layer in a CUDA graph, replayed with another mask
void run_gate_tests(DeviceTests& tests);
void run_picture_tests(DeviceTests& tests);
void run_mask_tests(DeviceTests& tests);

}  // namespace edgeskip::cuda
