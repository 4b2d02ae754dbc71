// Pixels (NHWC) to planes (NCHW): planes[c][p] = pixels[p][c].
//
// A strip of pixels times a cache line of channels at a time: lines are read once, and what is written of a plane is
// some lines long.
#pragma once

#include "base/channels.h"
#include "kernels/kernels.h"

namespace edgeskip {
namespace {

constexpr int64_t planes_strip = 64;  // pixels
constexpr int planes_line = 16;       // channels
constexpr int planes_ahead = 2 * planes_line;

// V::lanes pixels times four channels.
template <class V, bool stream>
EDGESKIP_INLINE void read_four_planes(const float* x, int64_t stride, float* plane, int64_t plane_stride) {
  V v[4];
  unroll<4>([&](auto i) EDGESKIP_INLINE_LAMBDA { v[i] = V::load_fours(x + i * (V::lanes / 4) * stride, stride); });
  transpose_fours(v[0], v[1], v[2], v[3]);
  unroll<4>([&](auto c) EDGESKIP_INLINE_LAMBDA {
    if constexpr (stream)
      v[c].stream(plane + c * plane_stride);
    else
      v[c].store(plane + c * plane_stride);
  });
}

// Channels begin .. end - 1: a last group of less than four is read together with some before it.
template <class V, bool stream>
EDGESKIP_INLINE void read_block(const ReadPlanesArgs& a, int64_t pixel, int begin, int end) {
  const float* x = a.pixels + pixel * a.pixel_stride;
  float* plane = a.planes + pixel;
  for (int i = 0; i < V::lanes; ++i) __builtin_prefetch(x + i * a.pixel_stride + begin + planes_ahead);
  for (int c = begin; c < end; c += 4) {
    const int first = c + 4 <= end ? c : end - 4;
    read_four_planes<V, stream>(x + first, a.pixel_stride, plane + first * a.plane_stride, a.plane_stride);
  }
}

// All whole vectors of pixels; returns how many pixels these are.
template <class V, bool stream>
int64_t read_blocks(const ReadPlanesArgs& a) {
  const int64_t whole = a.count / V::lanes * V::lanes;
  for (int64_t first = 0; first < whole; first += planes_strip) {
    const int64_t last = first + planes_strip < whole ? first + planes_strip : whole;
    for (int begin = 0; begin < a.channels; begin += planes_line) {
      const int end = begin + planes_line < a.channels ? begin + planes_line : a.channels;
      for (int64_t pixel = first; pixel < last; pixel += V::lanes) read_block<V, stream>(a, pixel, begin, end);
    }
  }
  return whole;
}

template <class V>
EDGESKIP_INLINE int64_t read_blocks_of(const ReadPlanesArgs& a) {
  if constexpr (V::streams) {
    constexpr int64_t line = 64;
    const bool aligned = reinterpret_cast<uintptr_t>(a.planes) % line == 0 && a.plane_stride % (line / 4) == 0;
    if (a.stream && aligned) {
      const int64_t done = read_blocks<V, true>(a);
      V::end_streams();
      return done;
    }
  }
  return read_blocks<V, false>(a);
}

template <class V>
void read_planes(const ReadPlanesArgs& a) {
  int64_t done = 0;
  if constexpr (V::lanes >= 4) {
    if (a.channels >= 4) done = read_blocks_of<V>(a);
  }
  for (int64_t pixel = done; pixel < a.count; ++pixel) {
    const float* x = a.pixels + pixel * a.pixel_stride;
    for (int c = 0; c < a.channels; ++c) a.planes[c * a.plane_stride + pixel] = x[c];
  }
}

}  // namespace
}  // namespace edgeskip
