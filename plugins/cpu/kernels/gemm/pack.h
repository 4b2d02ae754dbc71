// Layout of packed convolution weights: column blocks of `width` output channels (the register
// block; the last one narrower, a multiple of the vector), each
//   bias[width], then for tap, for channel: weight[width]
// with zeros behind the last output channel.
#pragma once

#include "base/inline.h"
#include "kernels/kernels.h"

namespace edgeskip {
namespace {

template <class V>
int packed_columns(int n) {
  return (n + V::lanes - 1) / V::lanes * V::lanes;
}

template <class V>
int64_t gemm_weights_size(int taps, int channels, int n) {
  return static_cast<int64_t>(packed_columns<V>(n)) * (static_cast<int64_t>(taps) * channels + 1);
}

// width of the column block that starts at `column`
template <class V, int vectors>
EDGESKIP_INLINE int block_width(int column, int columns) {
  const int left = columns - column;
  return left < vectors * V::lanes ? left : vectors * V::lanes;
}

template <class V, int vectors>
void pack_gemm(const float* weights, const float* bias, int taps, int channels, int n, float* packed) {
  const int columns = packed_columns<V>(n);
  for (int first = 0, width = 0; first < columns; first += width) {
    width = block_width<V, vectors>(first, columns);
    for (int i = 0; i < width; ++i) *packed++ = bias && first + i < n ? bias[first + i] : 0.0f;
    for (int t = 0; t < taps; ++t) {
      for (int c = 0; c < channels; ++c) {
        for (int i = 0; i < width; ++i) {
          const int64_t row = static_cast<int64_t>(first + i) * channels + c;
          *packed++ = first + i < n ? weights[row * taps + t] : 0.0f;
        }
      }
    }
  }
}

}  // namespace
}  // namespace edgeskip
