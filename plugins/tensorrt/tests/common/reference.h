// The plugins in float64, by the definitions of docs/contract.md: slow and obvious.
#pragma once

#include <string>
#include <vector>

#include "picture.h"

namespace check {

struct ConvRules {
  int kernel[2] = {3, 3}, strides[2] = {1, 1}, pads[4] = {1, 1, 1, 1}, dilations[2] = {1, 1}, group = 1;
  std::string activation = "none";
  std::vector<float> alpha = {};
  float beta = 0, threshold = 0;
  std::string norm = "l2";
};

struct ConvInput {
  Picture x, z, y_prev;  // z of no size: absent
  Mask mask_x, mask_z, gate, pending;
  std::vector<double> w, bias, channel_weight;  // w [O][kh][kw][I / group]; empty: absent
  int out_channels = 0;
};

struct ConvOutput {
  Picture y;
  Mask mask, pending_next;
  // |norm - threshold| / (1 + threshold) of computed pixels: where it is tiny, rounding decides and nothing is compared
  std::vector<double> margin;
};

ConvOutput conv_reference(ConvRules const& rules, ConvInput const& input, bool half);

struct GateRules {
  float threshold = 0, threshold_signed = std::numeric_limits<float>::infinity();
  std::string norm = "l2";
  int window = 1;
};

ConvOutput gate_reference(GateRules const& rules, Picture const& x, Picture const& ref);

double channel_norm(std::string const& kind, std::vector<double> const& difference);

}  // namespace check
