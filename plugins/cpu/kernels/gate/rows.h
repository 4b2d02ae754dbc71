// The norm gate's decision on listed pixels of many channels, each by itself (contract: docs/contract.md, SkipGate
// without a window): opened = not(norm_c(x - y) <= threshold); if opened: y = x.
#pragma once

#include "base/channels.h"
#include "kernels/kernels.h"
#include "kernels/norm.h"

namespace edgeskip {
namespace {

constexpr int gate_rows_at_once = 32;

template <class V, class Sum>
EDGESKIP_INLINE bool row_opens(const float* x, const float* y, int channels, float limit) {
  Sum sum;
  for_channels<V>(channels,
                  [&](int c, auto part) EDGESKIP_INLINE_LAMBDA { sum.add(part.load(x + c) - part.load(y + c)); });
  return sum.above(limit);
}

// The rows that open are listed, and copied after the others were compared: a branch for each would be mispredicted.
template <class V, class Sum>
void gate_batch(const GateRowsArgs& a, int first, int end, float limit) {
  int listed = 0;
  int list[gate_rows_at_once];
  for (int p = first; p < end; ++p) {
    const bool opened = row_opens<V, Sum>(a.x[p], a.y[p], a.channels, limit);
    a.opened[p] = opened;
    list[listed] = p;
    listed += opened;
  }
  for (int i = 0; i < listed; ++i) {
    const float* x = a.x[list[i]];
    float* y = a.y[list[i]];
    for_channels<V>(a.channels,
                    [&](int c, auto part) EDGESKIP_INLINE_LAMBDA { part.store(y + c, part.load(x + c)); });
  }
}

template <class V, class Sum>
void gate_batches(const GateRowsArgs& a, float limit) {
  for (int first = 0; first < a.count; first += gate_rows_at_once) {
    const int left = a.count - first;
    gate_batch<V, Sum>(a, first, first + (left < gate_rows_at_once ? left : gate_rows_at_once), limit);
  }
}

template <class V>
void gate_rows(const GateRowsArgs& a) {
  if (a.threshold == 0.0f) return gate_batches<V, AnyDifference<V>>(a, 0.0f);
  with_norm(a.norm, [&](auto tag) {
    constexpr Norm norm = decltype(tag)::norm;
    gate_batches<V, NormSum<V, norm>>(a, sum_limit<norm>(a.threshold, a.channels));
  });
}

}  // namespace
}  // namespace edgeskip
