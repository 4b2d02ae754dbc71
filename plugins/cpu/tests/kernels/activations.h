// The activation functions in double precision.
#pragma once

#include <cmath>
#include <limits>

#include "kernels/kernels.h"

namespace edgeskip::testing {

struct NamedActivation {
  const char* name;
  ActivationKind kind;
  float alpha, beta;
  double units;  // allowed error in units in the last place
};

// a fused multiply-add is not available everywhere: one unit more where a sum precedes
constexpr NamedActivation fused_activations[] = {
    {"none", ActivationKind::none, 0, 0, 0},
    {"relu", ActivationKind::relu, 0, 0, 0},
    {"clip", ActivationKind::clip, -0.25f, 0.5f, 0},
    {"leaky_relu", ActivationKind::leaky_relu, 0.1f, 0, 0.5},
    {"prelu", ActivationKind::prelu, 0, 0, 0.5},
    {"silu", ActivationKind::silu, 0, 0, 4},
    {"hard_swish", ActivationKind::hard_swish, 0, 0, 3},
    {"hard_sigmoid", ActivationKind::hard_sigmoid, 0.2f, 0.5f, 2},
    {"sigmoid", ActivationKind::sigmoid, 0, 0, 3},
    {"tanh", ActivationKind::tanh, 0, 0, 3},
};

constexpr NamedActivation other_activations[] = {
    {"exp", ActivationKind::exp, 0, 0, 2},     {"sqrt", ActivationKind::sqrt, 0, 0, 0.5},
    {"neg", ActivationKind::neg, 0, 0, 0},     {"abs", ActivationKind::abs, 0, 0, 0},
    {"reciprocal", ActivationKind::reciprocal, 0, 0, 0.5}, {"log", ActivationKind::log, 0, 0, 2},
};

inline double unit_range(double x) { return x < 0 ? 0 : (x > 1 ? 1 : x); }

// alpha: of the channel, where the kind is prelu
inline double activate(const NamedActivation& a, double x, double prelu_alpha) {
  using Kind = ActivationKind;
  switch (a.kind) {
    case Kind::relu: return x < 0 ? 0 : x;
    case Kind::clip: return x < a.alpha ? a.alpha : (x > a.beta ? a.beta : x);
    case Kind::leaky_relu: return x < 0 ? a.alpha * x : x;
    case Kind::prelu: return x < 0 ? prelu_alpha * x : x;
    case Kind::silu: return x / (1 + std::exp(-x));
    case Kind::hard_swish: return x * unit_range(x / 6 + 0.5);
    case Kind::hard_sigmoid: return unit_range(a.alpha * x + static_cast<double>(a.beta));
    case Kind::sigmoid: return 1 / (1 + std::exp(-x));
    case Kind::tanh: return std::tanh(x);
    case Kind::exp: return std::exp(x);
    case Kind::sqrt: return std::sqrt(x);
    case Kind::neg: return -x;
    case Kind::abs: return std::fabs(x);
    case Kind::reciprocal: return 1 / x;
    case Kind::log: return std::log(x);
    default: return x;
  }
}

// a float's distance to its neighbour at the size of x
inline double unit_in_last_place(double x) {
  const float size = std::fabs(static_cast<float>(x));
  if (!(size < std::numeric_limits<float>::max())) return std::numeric_limits<double>::infinity();
  return static_cast<double>(std::nextafter(size, std::numeric_limits<float>::infinity())) - size;
}

}  // namespace edgeskip::testing
