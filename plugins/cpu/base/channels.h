// Walks the channels of a row in vectors, and its tail without touching memory behind the row.
#pragma once

#include "base/inline.h"

namespace edgeskip {
namespace {

// `vectors` whole vectors, side by side.
template <class V, int vectors_>
struct WholeVectors {
  static constexpr int vectors = vectors_;
  static EDGESKIP_INLINE V load(const float* p, int index = 0) { return V::load(p + index * V::lanes); }
  static EDGESKIP_INLINE void store(float* p, V x, int index = 0) { x.store(p + index * V::lanes); }
  static EDGESKIP_INLINE V keep(V x) { return x; }
};

// The first `count` lanes of one vector; lanes behind them are zero after load and keep.
template <class V>
struct FirstLanes {
  static constexpr int vectors = 1;
  int count;
  EDGESKIP_INLINE V load(const float* p, int = 0) const { return V::load_first(p, count); }
  EDGESKIP_INLINE void store(float* p, V x, int = 0) const { x.store_first(p, count); }
  EDGESKIP_INLINE V keep(V x) const { return keep_first(x, count); }
};

// body(first channel, part): `part` is WholeVectors of `vectors`, then of 1, then FirstLanes.
template <class V, int vectors, class Body>
EDGESKIP_INLINE void for_channel_blocks(int channels, const Body& body) {
  int c = 0;
  if constexpr (vectors > 1) {
    for (; c + vectors * V::lanes <= channels; c += vectors * V::lanes) body(c, WholeVectors<V, vectors>{});
  }
  for (; c + V::lanes <= channels; c += V::lanes) body(c, WholeVectors<V, 1>{});
  if constexpr (V::lanes > 1) {
    if (c < channels) body(c, FirstLanes<V>{channels - c});
  }
}

template <class V, class Body>
EDGESKIP_INLINE void for_channels(int channels, const Body& body) {
  for_channel_blocks<V, 1>(channels, body);
}

}  // namespace
}  // namespace edgeskip
