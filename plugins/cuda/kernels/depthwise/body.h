// One input channel per group: y[c] = sum over taps of x[c / multiplier] w[c]. A lane has eight channels of a pixel at
// a time, a power of two of lanes share a pixel. Where a pixel takes several turns and its norm decides, values are
// computed again when they are stored: the input is in the cache by then.
#pragma once

#include "kernels/common/runs.h"

namespace edgeskip::cuda {

constexpr int kDepthwiseThreads = 128;

EDGESKIP_HD int depthwise_lanes(int channels) {
  int lanes = 1;
  while (lanes < 32 && lanes * 8 < channels) lanes *= 2;
  return lanes;
}

EDGESKIP_HD int depthwise_taps(const ConvArgs& a) { return a.list.window.kernel[0] * a.list.window.kernel[1]; }
EDGESKIP_HD int padded_channels(const ConvArgs& a) { return round_up(a.list.out_channels, 8); }

// Weights by tap, then by channel, zeros behind the last.
template <class T, class Execution>
EDGESKIP_BODY void load_depthwise_weights(const Execution& e, const ConvArgs& a) {
  T* shared = reinterpret_cast<T*>(e.shared());
  const T* w = static_cast<const T*>(a.w);
  const int taps = depthwise_taps(a), channels = padded_channels(a);
  for (int i = e.thread(); i < taps * channels; i += kDepthwiseThreads) {
    const int channel = i % channels;
    shared[i] = channel < a.list.out_channels ? w[int64_t{channel} * taps + i / channels] : Element<T>::zero();
  }
}

template <class T, class Execution>
EDGESKIP_BODY void tap_weights(const Execution& e, const ConvArgs& a, int tap, int channel, int count,
                               float (&out)[8]) {
  if (a.shared_weights)
    return load_vectors(reinterpret_cast<const T*>(e.shared()) + tap * padded_channels(a) + channel, out);
  const T* w = static_cast<const T*>(a.w) + int64_t{channel} * depthwise_taps(a) + tap;
  EDGESKIP_UNROLL
  for (int c = 0; c < 8; ++c) out[c] = c < count ? to_float(w[c * depthwise_taps(a)]) : 0.0f;
}

template <class T>
EDGESKIP_HD void depthwise_inputs(const ConvArgs& a, int64_t offset, int channel, int count, float (&out)[8]) {
  if (a.out_per_group == 1) return load_run<T>(a.x, offset + channel * a.x.channel_stride, count, a.vectors_x, out);
  const T* data = static_cast<const T*>(a.x.data) + offset;
  EDGESKIP_UNROLL
  for (int c = 0; c < 8; ++c)
    out[c] = c < count ? to_float(data[(channel + c) / a.out_per_group * a.x.channel_stride]) : 0.0f;
}

// Values of `count` channels of one pixel, ready to be published.
template <class T, class Execution>
EDGESKIP_BODY void depthwise_run(const Execution& e, const ConvArgs& a, const Pixel& at, int channel, int count,
                                 float (&value)[8]) {
  const Window& window = a.list.window;
  const int top = window_start(window, 0, at.y), left = window_start(window, 1, at.x);
  EDGESKIP_UNROLL
  for (int c = 0; c < 8; ++c) value[c] = 0.0f;
  for (int ky = 0; ky < window.kernel[0]; ++ky)
    for (int kx = 0; kx < window.kernel[1]; ++kx) {
      const Pixel source = {at.picture, top + ky * window.dilations[0], left + kx * window.dilations[1]};
      if (!inside(source.y, a.list.in_height) || !inside(source.x, a.list.in_width)) continue;
      float x[8], w[8];
      depthwise_inputs<T>(a, pixel_offset(a.x, a.list.in_width, source), channel, count, x);
      tap_weights<T>(e, a, ky * window.kernel[1] + kx, channel, count, w);
      EDGESKIP_UNROLL
      for (int c = 0; c < 8; ++c) value[c] = fused_multiply_add(x[c], w[c], value[c]);
    }
  float residual[8];
  const int64_t at_z = pixel_offset(a.z, a.list.grid.width, at) + channel * a.z.channel_stride;
  load_run<T>(a.z, at_z, a.z.data ? count : 0, a.vectors_z, residual);
  finish_run<T>(a, channel, count, residual, value);
}

template <class T>
EDGESKIP_HD void store_depthwise(const ConvArgs& a, const Pixel& at, int channel, int count, const float (&value)[8]) {
  const int64_t offset = pixel_offset(a.y, a.list.grid.width, at) + channel * a.y.channel_stride;
  store_run<T>(a.y, offset, count, a.vectors_y, value);
}

// One pixel (-1: none; the lanes still take part in the sum).
template <class T, class Execution>
EDGESKIP_BODY void depthwise_pixel(const Execution& e, const ConvArgs& a, int pixel) {
  const Pixel at = pixel_at(a.list.grid.height, a.list.grid.width, maximum(pixel, 0));
  const int first = e.lane() % a.lanes_per_pixel * 8, step = a.lanes_per_pixel * 8;
  const int channels = pixel < 0 ? 0 : a.list.out_channels;
  float value[8] = {}, before[8], sum = 0.0f;
  for (int channel = first; channel < channels; channel += step) {
    const int count = minimum(channels - channel, 8);
    depthwise_run<T>(e, a, at, channel, count, value);
    const int64_t offset = pixel_offset(a.y_prev, a.list.grid.width, at) + channel * a.y_prev.channel_stride;
    load_run<T>(a.y_prev, offset, count, a.vectors_y, before);
    const RunChange change = compare_run(a, channel, count, value, before);
    sum = norm_add(a.norm, sum, change.part);
    if (a.publication != Publication::each_value || !(change.any || a.threshold < 0.0f)) continue;
    store_depthwise<T>(a, at, channel, count, value);
    a.mask_y[pixel] = 1;
  }
  if (a.publication == Publication::each_value) return;
  for (int lanes = 1; lanes < a.lanes_per_pixel; lanes *= 2) sum = norm_add(a.norm, sum, e.shuffle_xor(sum, lanes));
  if (!exceeds(norm_result(a.norm, sum, a.list.out_channels), a.threshold)) return;
  for (int channel = first; channel < channels; channel += step) {
    const int count = minimum(channels - channel, 8);
    if (channels > step) depthwise_run<T>(e, a, at, channel, count, value);
    store_depthwise<T>(a, at, channel, count, value);
    if (channel == 0) a.mask_y[pixel] = 1;
  }
}

template <class T, class Execution>
EDGESKIP_BODY void depthwise_body(const Execution& e, const ConvArgs& a) {
  if (a.shared_weights) load_depthwise_weights<T>(e, a);
  e.barrier();
  const int rows = a.list.counts->entries << (2 * a.list.grid.shift);
  const int per_warp = 32 / a.lanes_per_pixel;
  const int64_t step = int64_t{e.blocks()} * (kDepthwiseThreads / 32) * per_warp;
  const int64_t warp = int64_t{e.block()} * (kDepthwiseThreads / 32) + e.warp();
  for (int64_t first = warp * per_warp; first < rows; first += step) {
    const int64_t row = first + e.lane() / a.lanes_per_pixel;
    depthwise_pixel<T>(e, a, pixel_of_row(a.list, static_cast<int>(row), rows));
  }
}

}  // namespace edgeskip::cuda
