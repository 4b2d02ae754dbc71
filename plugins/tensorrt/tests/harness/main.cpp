// harness PLUGIN_LIBRARY [LIBNVINFER]: builds one-layer networks in real TensorRT, runs frames with the state in place
// and in two buffers, compares each with a float64 reference. Exit 0 where all agree; 77 where there is no TensorRT or
// no GPU.
#include <cuda_runtime_api.h>
#include <dlfcn.h>

#include <cstdio>
#include <exception>

#include "engine.h"

namespace {

constexpr int kFrames = 8;
constexpr int kSkipped = 77;

// The largest error of any frame.
double run_case(harness::Runtime& runtime, check::ConvCase const& layer, bool in_place) {
  harness::Engine engine(runtime, layer, in_place);
  check::ConvInput input = check::first_input(layer);
  double largest = 0;
  for (int frame = 0; frame < kFrames; ++frame) {
    check::next_frame(layer, frame, input);
    auto const expected = check::conv_reference(layer.rules, input, layer.half);
    engine.run(input);
    input.y_prev = engine.y();
    if (layer.gate) input.pending = engine.pending();
    double const error =
        check::largest_error(expected, input.y_prev, engine.mask(), layer.gate ? &input.pending : nullptr);
    largest = error > largest ? error : largest;
  }
  return largest;
}

int run_all(harness::Runtime& runtime) {
  int failures = 0;
  for (auto const& layer : check::conv_cases()) {
    for (bool in_place : {false, true}) {
      double const tolerance = layer.half ? 1e-3 : 1e-5;
      double const error = run_case(runtime, layer, in_place);
      bool const agrees = error <= tolerance;
      std::printf("%-45s %-12s largest error %.2e %s\n", layer.name.c_str(), in_place ? "in place" : "two buffers",
                  error, agrees ? "" : "FAILED");
      failures += agrees ? 0 : 1;
    }
  }
  std::printf("TensorRT %d.%d: %d failed\n", NV_TENSORRT_MAJOR, NV_TENSORRT_MINOR, failures);
  return failures == 0 ? 0 : 1;
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) return std::fprintf(stderr, "usage: harness PLUGIN_LIBRARY [LIBNVINFER]\n"), 2;
  int devices = 0;
  // without a driver TensorRT may crash where it should refuse
  if (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0)
    return std::printf("not run: there is no CUDA device\n"), kSkipped;
  std::string const name = count > 2 ? arguments[2] : "libnvinfer.so." + std::to_string(NV_TENSORRT_MAJOR);
  if (dlopen(name.c_str(), RTLD_NOW | RTLD_GLOBAL) == nullptr) return std::printf("not run: %s\n", dlerror()), kSkipped;
  try {
    harness::Runtime runtime(name.c_str(), arguments[1]);
    return run_all(runtime);
  } catch (std::exception const& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
}
