// Square kernels over lists of pixels in which some lie side by side, as they mostly do: what moves is
// wide, and the taps of a layer make it wider. The pixels of such a run share most of the columns that
// they read: each column is loaded once for all of them, and each weight too.
//
// The order of the loops is: batch of pixels, vector of channels, run. So a vector's weights come from
// the first cache for all runs but one, and a batch's rows for all rows of taps but one.
#pragma once

#include "base/channels.h"
#include "kernels/depthwise/tile.h"

namespace edgeskip {
namespace {

constexpr int depthwise_batch = 64;
constexpr int depthwise_longest_run = 8;

// A part of a list: pixels `stride` columns apart, or apart from each other anyhow.
struct DepthwiseSegment {
  int first, count;
  bool run;
};

template <class V, int kernel, int stride, int pixels, class Part>
EDGESKIP_INLINE void depthwise_run(const DepthwiseArgs& a, int first_pixel, int c, Part part) {
  constexpr int columns = (pixels - 1) * stride + kernel;
  const float* weights = a.weights + static_cast<int64_t>(c) * (kernel * kernel + 1);
  const float* const bias = weights;
  const float* const corner = a.rows[first_pixel] + c;
  const int64_t step = a.offsets[1] - a.offsets[0];
  V sum[pixels];
  unroll<pixels>([&](auto p) EDGESKIP_INLINE_LAMBDA { sum[p] = V::broadcast(0.0f); });
  for (int row = 0; row < kernel; ++row) {
    const float* x = corner + a.offsets[row * kernel];
    V w[kernel];
    unroll<kernel>([&](auto tap) EDGESKIP_INLINE_LAMBDA { w[tap] = V::load(weights += V::lanes); });
    unroll<columns>([&](auto column) EDGESKIP_INLINE_LAMBDA {
      const V value = part.load(x);
      x += step;
      unroll<pixels>([&](auto p) EDGESKIP_INLINE_LAMBDA {
        constexpr int tap = decltype(column)::value - decltype(p)::value * stride;
        if constexpr (tap >= 0 && tap < kernel) sum[p] = fma(value, w[tap], sum[p]);
      });
    });
  }
  unroll<pixels>([&](auto p) EDGESKIP_INLINE_LAMBDA {
    part.store(a.out + (first_pixel + p) * a.out_stride + c, sum[p] + V::load(bias));
  });
}

template <class V, int kernel, int stride, class Part>
EDGESKIP_INLINE void depthwise_segment(const DepthwiseArgs& a, DepthwiseSegment segment, int c, Part part) {
  const int p = segment.first;
  if (!segment.run) {
    if (segment.count == 4) return depthwise_tile<V, 4>(a, p, c, part);
    for (int i = 0; i < segment.count; ++i) depthwise_run<V, kernel, stride, 1>(a, p + i, c, part);
    return;
  }
  switch (segment.count) {
    case 2: return depthwise_run<V, kernel, stride, 2>(a, p, c, part);
    case 3: return depthwise_run<V, kernel, stride, 3>(a, p, c, part);
    case 4: return depthwise_run<V, kernel, stride, 4>(a, p, c, part);
    case 5: return depthwise_run<V, kernel, stride, 5>(a, p, c, part);
    case 6: return depthwise_run<V, kernel, stride, 6>(a, p, c, part);
    case 7: return depthwise_run<V, kernel, stride, 7>(a, p, c, part);
    default: return depthwise_run<V, kernel, stride, 8>(a, p, c, part);
  }
}

// How many pixels from `first` on lie `distance` floats apart.
inline int depthwise_run_length(const DepthwiseArgs& a, int first, int end, int64_t distance) {
  int p = first + 1;
  while (p < end && a.rows[p] - a.rows[p - 1] == distance) ++p;
  return p - first;
}

// Lists the segments of the pixels first <= p < end; returns how many. A long run becomes parts of
// about the same length, since long ones are the cheaper ones.
inline int depthwise_segments(const DepthwiseArgs& a, int first, int end, int64_t distance,
                              DepthwiseSegment* segments) {
  int listed = 0;
  for (int p = first; p < end;) {
    const int length = depthwise_run_length(a, p, end, distance);
    if (length == 1) {
      const bool append = listed > 0 && !segments[listed - 1].run && segments[listed - 1].count < 4;
      if (!append) segments[listed++] = {p, 0, false};
      ++segments[listed - 1].count;
      ++p;
      continue;
    }
    for (int parts = (length + depthwise_longest_run - 1) / depthwise_longest_run, left = length; parts; --parts) {
      const int size = (left + parts - 1) / parts;
      segments[listed++] = {p, size, true};
      p += size;
      left -= size;
    }
  }
  return listed;
}

template <class V, int kernel, int stride>
void depthwise_batches(const DepthwiseArgs& a) {
  const int64_t distance = stride * (a.offsets[1] - a.offsets[0]);
  DepthwiseSegment segments[depthwise_batch];
  for (int first = 0; first < a.count; first += depthwise_batch) {
    const int end = a.count - first < depthwise_batch ? a.count : first + depthwise_batch;
    const int listed = depthwise_segments(a, first, end, distance, segments);
    for_channels<V>(a.channels, [&](int c, auto part) EDGESKIP_INLINE_LAMBDA {
      for (int i = 0; i < listed; ++i) depthwise_segment<V, kernel, stride>(a, segments[i], c, part);
    });
  }
}

// 2 where the first two pixels of a run lie two columns apart
inline int depthwise_stride(const DepthwiseArgs& a) {
  const int64_t step = a.offsets[1] - a.offsets[0];
  for (int p = 1; p < a.count; ++p) {
    const int64_t distance = a.rows[p] - a.rows[p - 1];
    if (distance == step || distance == 2 * step) return distance == step ? 1 : 2;
  }
  return 1;
}

template <class V, int kernel>
bool depthwise_square(const DepthwiseArgs& a) {
  const int64_t step = a.offsets[1] - a.offsets[0];
  for (int t = 0; t < a.taps; ++t) {
    if (a.offsets[t] != a.offsets[t - t % kernel] + t % kernel * step) return false;
  }
  depthwise_stride(a) == 1 ? depthwise_batches<V, kernel, 1>(a) : depthwise_batches<V, kernel, 2>(a);
  return true;
}

// Does the work and returns true where the taps are those of a square kernel.
template <class V>
bool depthwise_runs(const DepthwiseArgs& a) {
  if (!a.offsets) return false;
  switch (a.taps) {
    case 9: return depthwise_square<V, 3>(a);
    case 25: return depthwise_square<V, 5>(a);
    case 49: return depthwise_square<V, 7>(a);
    default: return false;
  }
}

}  // namespace
}  // namespace edgeskip
