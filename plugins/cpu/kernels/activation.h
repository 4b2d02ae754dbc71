// Activation functions as functors on a vector, and the switch from Activation to functor, which
// kernels take once per call, outside their loops.
#pragma once

#include "base/channels.h"
#include "base/vec_math.h"
#include "kernels/kernels.h"

namespace edgeskip {
namespace {

// operator()(x, c, part): x holds the channels from c on, as many as `part` says.
template <class V, ActivationKind kind_>
struct ActivationFunction {
  static constexpr ActivationKind kind = kind_;
  V alpha, beta;
  const float* alphas;

  explicit EDGESKIP_INLINE ActivationFunction(const Activation& a)
      : alpha(V::broadcast(a.alpha)), beta(V::broadcast(a.beta)), alphas(a.alphas) {}

  static EDGESKIP_INLINE V zero() { return V::broadcast(0.0f); }
  static EDGESKIP_INLINE V one() { return V::broadcast(1.0f); }
  // x is the second operand of max and min, so that its NaN survives
  static EDGESKIP_INLINE V unit_range(V x) { return min(one(), max(zero(), x)); }

  template <class Part>
  EDGESKIP_INLINE V operator()(V x, int c, Part part) const {
    using Kind = ActivationKind;
    if constexpr (kind == Kind::relu) return max(zero(), x);
    if constexpr (kind == Kind::clip) return min(beta, max(alpha, x));
    if constexpr (kind == Kind::leaky_relu) return select(less(x, zero()), x * alpha, x);
    if constexpr (kind == Kind::prelu) return select(less(x, zero()), x * part.load(alphas + c), x);
    if constexpr (kind == Kind::silu) return edgeskip::silu(x);
    if constexpr (kind == Kind::hard_swish) {
      return x * unit_range(fma(x, V::broadcast(1.0f / 6.0f), V::broadcast(0.5f)));
    }
    if constexpr (kind == Kind::hard_sigmoid) return unit_range(fma(x, alpha, beta));
    if constexpr (kind == Kind::sigmoid) return edgeskip::sigmoid(x);
    if constexpr (kind == Kind::tanh) return edgeskip::tanh(x);
    if constexpr (kind == Kind::exp) return edgeskip::exp(x);
    if constexpr (kind == Kind::sqrt) return edgeskip::sqrt(x);
    if constexpr (kind == Kind::neg) return negate(x);
    if constexpr (kind == Kind::abs) return edgeskip::abs(x);
    if constexpr (kind == Kind::reciprocal) return one() / x;
    if constexpr (kind == Kind::log) return edgeskip::log(x);
    (void)c, (void)part;
    return x;
  }
};

// body(functor); the kinds that can follow a convolution.
template <class V, class Body>
EDGESKIP_INLINE void with_fused_activation(const Activation& a, const Body& body) {
  using Kind = ActivationKind;
  switch (a.kind) {
    case Kind::relu: return body(ActivationFunction<V, Kind::relu>(a));
    case Kind::clip: return body(ActivationFunction<V, Kind::clip>(a));
    case Kind::leaky_relu: return body(ActivationFunction<V, Kind::leaky_relu>(a));
    case Kind::prelu: return body(ActivationFunction<V, Kind::prelu>(a));
    case Kind::silu: return body(ActivationFunction<V, Kind::silu>(a));
    case Kind::hard_swish: return body(ActivationFunction<V, Kind::hard_swish>(a));
    case Kind::hard_sigmoid: return body(ActivationFunction<V, Kind::hard_sigmoid>(a));
    case Kind::sigmoid: return body(ActivationFunction<V, Kind::sigmoid>(a));
    case Kind::tanh: return body(ActivationFunction<V, Kind::tanh>(a));
    default: return body(ActivationFunction<V, Kind::none>(a));
  }
}

// body(functor); all kinds.
template <class V, class Body>
EDGESKIP_INLINE void with_activation(const Activation& a, const Body& body) {
  using Kind = ActivationKind;
  switch (a.kind) {
    case Kind::exp: return body(ActivationFunction<V, Kind::exp>(a));
    case Kind::sqrt: return body(ActivationFunction<V, Kind::sqrt>(a));
    case Kind::neg: return body(ActivationFunction<V, Kind::neg>(a));
    case Kind::abs: return body(ActivationFunction<V, Kind::abs>(a));
    case Kind::reciprocal: return body(ActivationFunction<V, Kind::reciprocal>(a));
    case Kind::log: return body(ActivationFunction<V, Kind::log>(a));
    default: return with_fused_activation<V>(a, body);
  }
}

}  // namespace
}  // namespace edgeskip
