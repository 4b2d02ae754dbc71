// What was timed, and the files it goes to.
#pragma once

#include <cuda_runtime.h>

#include "bench/timing.h"

namespace edgeskip::cuda {

struct BenchRow {
  BenchLayer layer;
  double share;       // that was asked for; `result.active` is what the squares gave
  BenchResult result;
  double dense_ms;    // 0: not known
  double gate_ms;     // behind a dense convolution, so that its mask is known; 0 without dense_ms
  double break_even;  // share below which skipping wins; -1: not known
};

// Where the time by active share, straight between the measured shares, meets the dense time. `results` fall in share.
double break_even(const std::vector<BenchResult>& results, double dense_ms);

std::string csv_of(const std::vector<BenchRow>& rows);
std::string json_of(const std::vector<BenchRow>& rows, const cudaDeviceProp& device, const ConvRules& rules);

// As edgeskip/backends/tensorrt/layer_times.csv; only layers whose dense time is known.
std::string layer_times_of(const std::vector<BenchRow>& rows, const cudaDeviceProp& device, ElementType type);

}  // namespace edgeskip::cuda
