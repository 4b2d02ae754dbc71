// One layer, timed: device data, a CUDA graph of frames, the median of its runs.
#pragma once

#include "bench/layers.h"

namespace edgeskip::cuda {

struct BenchResult {
  double active;                 // share of output pixels that are computed
  double ms_median, ms_spread;   // per frame; spread: half the distance of the quartiles
  double tflops;                 // of what is computed
};

// `share` of the output's pixels active, in squares as moving things leave them. Each frame has another input, so that
// all that is active is published. Ends the program on an error of CUDA.
BenchResult time_layer(const BenchLayer& layer, const ConvRules& rules, double share, int runs);

// Median ms of the norm gate over the layer's output where everything moved.
double time_gate(const BenchLayer& layer, const ConvRules& rules, int runs);

}  // namespace edgeskip::cuda
