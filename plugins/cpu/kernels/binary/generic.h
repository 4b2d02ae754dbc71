// y[p][c] = act(a[p][c] op b[p][c])
#pragma once

#include "kernels/unary/generic.h"

namespace edgeskip {
namespace {

template <BinaryKind kind>
struct BinaryFunction {
  template <class V>
  EDGESKIP_INLINE V operator()(V a, V b) const {
    if constexpr (kind == BinaryKind::add) return a + b;
    if constexpr (kind == BinaryKind::sub) return a - b;
    if constexpr (kind == BinaryKind::mul) return a * b;
    if constexpr (kind == BinaryKind::div) return a / b;
    if constexpr (kind == BinaryKind::max) return max_nan(a, b);
    if constexpr (kind == BinaryKind::min) return min_nan(a, b);
    if constexpr (kind == BinaryKind::pow) return edgeskip::pow(a, b);
  }
};

template <class V, class Function>
void binary_pixels(const BinaryArgs& a, const Function& function) {
  for (int p = 0; p < a.count; ++p) {
    const float* left = a.a[p];
    const float* right = a.b[p];
    float* y = a.y[p];
    for_channels<V>(a.channels, [&](int c, auto part) EDGESKIP_INLINE_LAMBDA {
      part.store(y + c, function(part.load(left + c), part.load(right + c)));
    });
  }
}

template <class V>
void binary_operation(const BinaryArgs& a) {
  using Kind = BinaryKind;
  switch (a.kind) {
    case Kind::add: return binary_pixels<V>(a, BinaryFunction<Kind::add>{});
    case Kind::sub: return binary_pixels<V>(a, BinaryFunction<Kind::sub>{});
    case Kind::mul: return binary_pixels<V>(a, BinaryFunction<Kind::mul>{});
    case Kind::div: return binary_pixels<V>(a, BinaryFunction<Kind::div>{});
    case Kind::max: return binary_pixels<V>(a, BinaryFunction<Kind::max>{});
    case Kind::min: return binary_pixels<V>(a, BinaryFunction<Kind::min>{});
    case Kind::pow: return binary_pixels<V>(a, BinaryFunction<Kind::pow>{});
  }
}

// A residual sum and what mostly follows it, in one pass.
template <class V>
void add_relu(const BinaryArgs& a) {
  const ActivationFunction<V, ActivationKind::relu> relu(a.activation);
  for (int p = 0; p < a.count; ++p) {
    const float* left = a.a[p];
    const float* right = a.b[p];
    float* y = a.y[p];
    for_channels<V>(a.channels, [&](int c, auto part) EDGESKIP_INLINE_LAMBDA {
      part.store(y + c, relu(part.load(left + c) + part.load(right + c), c, part));
    });
  }
}

// Other operations and activations are two passes over a few pixels that stay in the first-level cache:
// 7 + 16 loops instead of 7 x 16.
template <class V>
void binary(const BinaryArgs& a) {
  if (a.activation.kind == ActivationKind::none) return binary_operation<V>(a);
  if (a.kind == BinaryKind::add && a.activation.kind == ActivationKind::relu) return add_relu<V>(a);
  constexpr int chunk = 8;
  for (int p = 0; p < a.count; p += chunk) {
    BinaryArgs part = a;
    part.a += p, part.b += p, part.y += p;
    part.count = a.count - p < chunk ? a.count - p : chunk;
    binary_operation<V>(part);
    unary<V>(UnaryArgs{part.y, part.y, a.activation, part.count, a.channels});
  }
}

}  // namespace
}  // namespace edgeskip
