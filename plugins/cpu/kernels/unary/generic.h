// y[p][c] = act(x[p][c])
#pragma once

#include "kernels/activation.h"

namespace edgeskip {
namespace {

template <class V, class Function>
void unary_pixels(const UnaryArgs& a, const Function& function) {
  for (int p = 0; p < a.count; ++p) {
    const float* x = a.x[p];
    float* y = a.y[p];
    for_channels<V>(a.channels, [&](int c, auto part) EDGESKIP_INLINE_LAMBDA {
      part.store(y + c, function(part.load(x + c), c, part));
    });
  }
}

template <class V>
void unary(const UnaryArgs& a) {
  with_activation<V>(a.activation, [&](const auto& function) { unary_pixels<V>(a, function); });
}

}  // namespace
}  // namespace edgeskip
