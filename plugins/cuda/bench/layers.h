// The layers that are timed.
#pragma once

#include <string>
#include <vector>

#include "edgeskip/conv.h"

namespace edgeskip::cuda {

struct BenchLayer {
  std::string name;
  ConvShape shape;
};

// 3x3 layers at 1/8 and 1/4 of 1920x1080, and those of HRNet-w32 at 1088x832 with one and eight streams.
std::vector<BenchLayer> bench_layers();

// Multiply-adds of one output pixel, times two.
double flops_per_pixel(const ConvShape& shape);

}  // namespace edgeskip::cuda
