// What follows a convolution at each computed pixel:
//   yhat = act(acc + z); changed = not(norm_c(weight * (yhat - y)) <= threshold); if changed: y = yhat
// Written with `not <=`, so that a NaN (unknown) old output or result counts as changed.
#pragma once

#include "kernels/activation.h"
#include "kernels/norm.h"

namespace edgeskip {
namespace {

// acc = act(acc + z); returns norm_c(weight * (acc - y))
template <class V, Norm norm, class Function>
EDGESKIP_INLINE float activate_and_compare(const EpilogueArgs& a, int p, const Function& function) {
  float* acc = a.acc + p * a.acc_stride;
  const float* old = a.y[p];
  const float* z = a.z ? a.z[p] : nullptr;
  NormSum<V, norm> sum;
  for_channels<V>(a.channels, [&](int c, auto part) EDGESKIP_INLINE_LAMBDA {
    V value = part.load(acc + c);
    if (z) value = value + part.load(z + c);
    value = function(value, c, part);
    part.store(acc + c, value);
    V difference = value - part.load(old + c);
    if (a.channel_weight) difference = difference * part.load(a.channel_weight + c);
    sum.add(part.keep(difference));  // dead lanes hold act(0)
  });
  return sum.result(a.channels);
}

template <class V, Norm norm, class Function>
void epilogue_pixels(const EpilogueArgs& a, const Function& function) {
  for (int p = 0; p < a.count; ++p) {
    const bool changed = !(activate_and_compare<V, norm>(a, p, function) <= a.threshold);
    a.changed[p] = changed;
    if (!changed) continue;
    for_channels<V>(a.channels, [&](int c, auto part) EDGESKIP_INLINE_LAMBDA {
      part.store(a.y[p] + c, part.load(a.acc + p * a.acc_stride + c));
    });
  }
}

template <class V>
void epilogue(const EpilogueArgs& a) {
  // All norms agree on "zero or not"; the maximum decides it without squares that vanish.
  const Norm norm = a.threshold == 0.0f ? Norm::linf : a.norm;
  with_norm(norm, [&](auto tag) {
    with_fused_activation<V>(a.activation, [&](const auto& function) {
      epilogue_pixels<V, decltype(tag)::norm>(a, function);
    });
  });
}

}  // namespace
}  // namespace edgeskip
