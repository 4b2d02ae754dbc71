// What follows a convolution at each computed pixel:
//   yhat = act(acc + z); changed = not(norm_c(weight * (yhat - y)) <= threshold); if changed: y = yhat
// Written with `not <=`, so that a NaN (unknown) old output or result counts as changed.
#pragma once

#include "kernels/epilogue/narrow.h"

namespace edgeskip {
namespace {

constexpr int epilogue_pixels_at_once = 32;

// acc = act(acc + z); returns whether norm_c(weight * (acc - y)) is above the threshold
template <class V, class Sum, bool plain, class Function>
EDGESKIP_INLINE bool activate_and_compare(const EpilogueArgs& a, int p, float limit, const Function& function) {
  float* acc = a.acc + p * a.acc_stride;
  const float* old = a.y[p];
  const float* z = plain || !a.z ? nullptr : a.z[p];
  Sum sum;
  for_channels<V>(a.channels, [&](int c, auto part) EDGESKIP_INLINE_LAMBDA {
    V value = part.load(acc + c);
    if (!plain && z) value = value + part.load(z + c);
    value = function(value, c, part);
    part.store(acc + c, value);
    V difference = value - part.load(old + c);
    if (!plain && a.channel_weight) difference = difference * part.load(a.channel_weight + c);
    sum.add(part.keep(difference));  // dead lanes hold act(0)
  });
  return sum.above(limit);
}

// The rows that changed are listed and copied after the others were compared: a branch per pixel would
// be mispredicted at every edge of what moves.
template <class V, class Sum, bool plain, class Function>
EDGESKIP_INLINE void epilogue_batch(const EpilogueArgs& a, int first, int end, float limit, const Function& function) {
  int listed = 0;
  int list[epilogue_pixels_at_once];
  for (int p = first; p < end; ++p) {
    const bool changed = activate_and_compare<V, Sum, plain>(a, p, limit, function);
    a.changed[p] = changed;
    list[listed] = p;
    listed += changed;
  }
  for (int i = 0; i < listed; ++i) {
    const float* acc = a.acc + list[i] * a.acc_stride;
    float* y = a.y[list[i]];
    for_channels<V>(a.channels,
                    [&](int c, auto part) EDGESKIP_INLINE_LAMBDA { part.store(y + c, part.load(acc + c)); });
  }
}

template <class V, class Sum, bool plain, class Function>
void epilogue_pixels(const EpilogueArgs& arguments, float limit, const Function& general) {
  // copies: for all the compiler knows, a store could change the originals
  const EpilogueArgs a = arguments;
  const Function function = general;
  for (int first = 0; first < a.count; first += epilogue_pixels_at_once) {
    const int left = a.count - first;
    const int end = first + (left < epilogue_pixels_at_once ? left : epilogue_pixels_at_once);
    epilogue_batch<V, Sum, plain>(a, first, end, limit, function);
  }
}

template <class V, class Sum, class Function>
EDGESKIP_INLINE void epilogue_rows(const EpilogueArgs& a, float limit, const Function& function) {
  if (a.z || a.channel_weight) return epilogue_pixels<V, Sum, false>(a, limit, function);
  if constexpr (has_narrow_rows<Sum, Function>()) {
    if (a.channels <= narrow_vectors * V::lanes) {
      return epilogue_narrow<V, Sum, narrow_vectors>(a, limit, function);
    }
  }
  epilogue_pixels<V, Sum, true>(a, limit, function);
}

template <class V>
void epilogue(const EpilogueArgs& a) {
  with_fused_activation<V>(a.activation, [&](const auto& function) {
    if (a.threshold == 0.0f) return epilogue_rows<V, AnyDifference<V>>(a, 0.0f, function);
    with_norm(a.norm, [&](auto tag) {
      constexpr Norm norm = decltype(tag)::norm;
      epilogue_rows<V, NormSum<V, norm>>(a, sum_limit<norm>(a.threshold, a.channels), function);
    });
  });
}

}  // namespace
}  // namespace edgeskip
