// The contract's names (edgeskip/core/contract.py), which the contract files and a test compare with Python, and checks
// that all plugins share.
#pragma once

#include <string>
#include <vector>

#include "core/attributes.h"
#include "core/error.h"

namespace edgeskip::tensorrt {

inline std::vector<std::string> const kNorms = {"l2", "l1", "linf"};
inline std::vector<std::string> const kActivations = {"none", "relu",       "clip",         "leaky_relu", "prelu",
                                                      "silu", "hard_swish", "hard_sigmoid", "sigmoid",    "tanh"};
inline std::vector<std::string> const kMaskKinds = {"union", "pool", "resize", "reduce", "slice", "pad", "upsample"};
inline std::vector<std::string> const kResizeModes = {"nearest", "linear"};
inline std::vector<std::string> const kCoordinates = {"half_pixel", "half_pixel_symmetric", "pytorch_half_pixel",
                                                      "align_corners", "asymmetric"};
inline std::vector<std::string> const kRoundings = {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"};

inline void require_flag(Attributes const& attributes, char const* name) {
  int const value = attributes.integer(name);
  attributes.require(value == 0 || value == 1, name, "it must be 0 or 1");
}

inline void require_inputs(std::string const& plugin, int given, int expected) {
  if (given != expected) {
    throw PluginError(plugin, "the number of inputs", std::to_string(given),
                      "the attributes ask for " + std::to_string(expected));
  }
}

inline void require_rank(std::string const& plugin, char const* tensor, nvinfer1::DimsExprs const& dims) {
  if (dims.nbDims != 4) {
    throw PluginError(plugin, std::string("the rank of ") + tensor, std::to_string(dims.nbDims), "it must be 4");
  }
}

}  // namespace edgeskip::tensorrt
