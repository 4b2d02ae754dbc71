// The epilogue of rows of a few vectors: what is computed waits in registers until the norm is known.
// Every row is then stored, changed or not: a branch would be mispredicted at every edge of what moves.
#pragma once

#include "kernels/activation.h"
#include "kernels/norm.h"

namespace edgeskip {
namespace {

constexpr int narrow_vectors = 4;  // that many of one pixel, or of several narrower ones, are computed at once

// What narrow rows are compiled for: other layers are rare, and take the general way.
template <class Sum, class Function>
constexpr bool has_narrow_rows() {
  using Kind = ActivationKind;
  return Sum::common && (Function::kind == Kind::none || Function::kind == Kind::relu || Function::kind == Kind::clip ||
                         Function::kind == Kind::silu);
}

// Vector j of a row of `vectors`, of which the last may be partial.
template <class V, int vectors, bool partial, int j>
EDGESKIP_INLINE auto narrow_part(int channels) {
  if constexpr (partial && j == vectors - 1)
    return FirstLanes<V>{channels - j * V::lanes};
  else
    return (void)channels, WholeVectors<V, 1>{};
}

template <class V, class Sum, int vectors, bool partial, int pixels, class Function>
EDGESKIP_INLINE void narrow_pixels(const EpilogueArgs& a, int first, float limit, const Function& function) {
  V value[pixels][vectors], old[pixels][vectors];
  Sum sum[pixels];
  float* y[pixels];
  unroll<pixels>([&](auto p) EDGESKIP_INLINE_LAMBDA { y[p] = a.y[first + p]; });
  unroll<vectors>([&](auto j) EDGESKIP_INLINE_LAMBDA {
    const auto part = narrow_part<V, vectors, partial, decltype(j)::value>(a.channels);
    const int c = j * V::lanes;
    unroll<pixels>([&](auto p) EDGESKIP_INLINE_LAMBDA {
      value[p][j] = function(part.load(a.acc + (first + p) * a.acc_stride + c), c, part);
      old[p][j] = part.load(y[p] + c);
      sum[p].add(part.keep(value[p][j] - old[p][j]));
    });
  });
  unroll<pixels>([&](auto p) EDGESKIP_INLINE_LAMBDA {
    const bool changed = sum[p].above(limit);
    a.changed[first + p] = changed;
    const typename V::Mask mask = V::all_lanes(changed);
    unroll<vectors>([&](auto j) EDGESKIP_INLINE_LAMBDA {
      const auto part = narrow_part<V, vectors, partial, decltype(j)::value>(a.channels);
      part.store(y[p] + j * V::lanes, select(mask, value[p][j], old[p][j]));
    });
  });
}

template <class V, class Sum, int vectors, bool partial, class Function>
void narrow_rows(const EpilogueArgs& arguments, float limit, const Function& general) {
  // copies: for all the compiler knows, a store could change the originals
  const EpilogueArgs a = arguments;
  const Function function = general;
  constexpr int at_once = narrow_vectors / vectors;
  int p = 0;
  for (; p + at_once <= a.count; p += at_once) {
    narrow_pixels<V, Sum, vectors, partial, at_once>(a, p, limit, function);
  }
  for (; p < a.count; ++p) narrow_pixels<V, Sum, vectors, partial, 1>(a, p, limit, function);
}

template <class V, class Sum, int vectors, class Function>
void epilogue_narrow(const EpilogueArgs& a, float limit, const Function& function) {
  if constexpr (vectors > 1) {
    if (a.channels <= (vectors - 1) * V::lanes) return epilogue_narrow<V, Sum, vectors - 1>(a, limit, function);
  }
  if constexpr (V::lanes > 1) {
    if (a.channels % V::lanes) return narrow_rows<V, Sum, vectors, true>(a, limit, function);
  }
  narrow_rows<V, Sum, vectors, false>(a, limit, function);
}

}  // namespace
}  // namespace edgeskip
