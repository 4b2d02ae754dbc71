// The layers that the minimal host and the TensorRT harness run: one list of convolutions for both.
#pragma once

#include <string>
#include <vector>

#include "reference.h"

namespace check {

struct ConvCase {
  std::string name;
  int n = 1, h = 12, w = 20, in_channels = 16, out_channels = 32;
  ConvRules rules = {};
  int block = 1;
  bool half = true, channels_last = true;
  bool bias = true, residual = false, gate = false, channel_weight = false;
  uint64_t seed = 1;
};

std::vector<ConvCase> conv_cases();

// Output height and width.
Size output_size(ConvCase const& layer);

// The network's constants and the frame number `frame` of a video in which some pixels change: x, masks, residual,
// gate. y_prev and pending are what the frame before left, unknown and 1 at first.
ConvInput first_input(ConvCase const& layer);
void next_frame(ConvCase const& layer, int frame, ConvInput& input);

// Largest |got - expected| / (1 + |expected|) over pixels whose decision is not a matter of rounding, infinity where a
// mask or an unknown value differs there.
double largest_error(ConvOutput const& expected, Picture const& got, Mask const& mask, Mask const* pending_next);

}  // namespace check
