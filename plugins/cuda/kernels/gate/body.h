// The norm gate in two passes, since a window reads neighbours that an update in place would have changed:
//   decide  mask, from a tile of the picture with its surroundings in shared memory (window 1: no surroundings)
//   update  y = where(mask, x, ref)
#pragma once

#include "base/geometry.h"
#include "edgeskip/gate.h"
#include "kernels/common/runs.h"

namespace edgeskip::cuda {

constexpr int kGateThreads = 256;
constexpr int kGateColumns = 32, kGateRows = 8;  // of a tile

struct GateArgs {
  TensorView x, ref, y;
  int32_t* mask;
  int batch, height, width, channels;
  int window;
  float threshold, threshold_signed;
  Norm norm;
  bool in_place, vectors;
  int lanes_per_pixel;  // window 1
};

EDGESKIP_HD int gate_tiles(const GateArgs& a) {
  return a.batch * ceil_divide(a.height, kGateRows) * ceil_divide(a.width, kGateColumns);
}
EDGESKIP_HD int gate_halo_columns(int window) { return kGateColumns + window - 1; }
EDGESKIP_HD int gate_halo_rows(int window) { return kGateRows + window - 1; }

// Floats: differences and norms of the tile with its surroundings, and sums along the rows of either.
EDGESKIP_HD int gate_shared_bytes(int window) {
  return 4 * gate_halo_rows(window) * (2 * gate_halo_columns(window) + kGateColumns);
}

// Number of window positions that lie in the picture.
EDGESKIP_HD int window_inside(const GateArgs& a, int y, int x) {
  const int reach = a.window / 2;
  const int rows = minimum(y + reach, a.height - 1) - maximum(y - reach, 0) + 1;
  const int columns = minimum(x + reach, a.width - 1) - maximum(x - reach, 0) + 1;
  return rows * columns;
}

// The window's sum at every pixel of the tile: along the rows into `lines`, then this thread's column.
template <class Execution>
EDGESKIP_BODY float box_sum(const Execution& e, const GateArgs& a, const float* values, float* lines) {
  const int columns = gate_halo_columns(a.window), rows = gate_halo_rows(a.window);
  for (int i = e.thread(); i < rows * kGateColumns; i += kGateThreads) {
    const float* from = values + i / kGateColumns * columns + i % kGateColumns;
    float sum = 0.0f;
    for (int k = 0; k < a.window; ++k) sum += from[k];
    lines[i] = sum;
  }
  e.barrier();
  float sum = 0.0f;
  for (int k = 0; k < a.window; ++k) sum += lines[e.thread() + k * kGateColumns];
  e.barrier();
  return sum;
}

template <class T>
EDGESKIP_HD float gate_difference(const GateArgs& a, const Pixel& p, int channel) {
  const T* x = static_cast<const T*>(a.x.data) + pixel_offset(a.x, a.width, p);
  const T* ref = static_cast<const T*>(a.ref.data) + pixel_offset(a.ref, a.width, p);
  return to_float(x[channel * a.x.channel_stride]) - to_float(ref[channel * a.ref.channel_stride]);
}

// One tile; `texture` holds sums over the channels at first, then norms.
template <class T, class Execution>
EDGESKIP_BODY void decide_tile(const Execution& e, const GateArgs& a, const Pixel& corner) {
  const int columns = gate_halo_columns(a.window), count = gate_halo_rows(a.window) * columns, reach = a.window / 2;
  float* difference = reinterpret_cast<float*>(e.shared());
  float* texture = difference + count;
  float* lines = texture + count;
  const Pixel own = {corner.picture, corner.y + e.thread() / kGateColumns, corner.x + e.thread() % kGateColumns};
  const bool exists = own.y < a.height && own.x < a.width;
  const float area = static_cast<float>(exists ? window_inside(a, own.y, own.x) : 1);
  float moved = 0.0f;
  for (int channel = 0; channel < a.channels; ++channel) {
    for (int i = e.thread(); i < count; i += kGateThreads) {
      const Pixel p = {corner.picture, corner.y - reach + i / columns, corner.x - reach + i % columns};
      const float d = inside(p.y, a.height) && inside(p.x, a.width) ? gate_difference<T>(a, p, channel) : 0.0f;
      difference[i] = d;
      texture[i] = norm_add(a.norm, channel == 0 ? 0.0f : texture[i], norm_term(a.norm, d));
    }
    e.barrier();
    moved = norm_add(a.norm, moved, norm_term(a.norm, box_sum(e, a, difference, lines) / area));
  }
  for (int i = e.thread(); i < count; i += kGateThreads) texture[i] = norm_result(a.norm, texture[i], a.channels);
  e.barrier();
  const float mean = box_sum(e, a, texture, lines) / area;
  if (!exists) return;
  a.mask[pixel_index(a.height, a.width, own)] =
      exceeds(mean, a.threshold) || exceeds(norm_result(a.norm, moved, a.channels), a.threshold_signed);
}

template <class T, class Execution>
EDGESKIP_BODY void decide_window_body(const Execution& e, const GateArgs& a) {
  const int across = ceil_divide(a.width, kGateColumns), down = ceil_divide(a.height, kGateRows);
  for (int tile = e.block(); tile < gate_tiles(a); tile += e.blocks()) {
    const int row = tile / across;
    decide_tile<T>(e, a, {row / down, row % down * kGateRows, tile % across * kGateColumns});
    e.barrier();
  }
}

// With both thresholds 0 or less a square that vanishes must still count: magnitudes then say the same.
EDGESKIP_HD float gate_term(const GateArgs& a, float difference) {
  const bool any = a.threshold <= 0.0f || a.threshold_signed <= 0.0f;
  return any ? fabsf(difference) : norm_term(a.norm, difference);
}

// Window 1, where both terms compare the same norm: a power of two of lanes per pixel.
template <class T, class Execution>
EDGESKIP_BODY void decide_pixels_body(const Execution& e, const GateArgs& a) {
  const int64_t pixels = int64_t{a.batch} * a.height * a.width;
  const int per_warp = 32 / a.lanes_per_pixel;
  const int64_t step = int64_t{e.blocks()} * (kGateThreads / 32) * per_warp;
  for (int64_t first = (int64_t{e.block()} * (kGateThreads / 32) + e.warp()) * per_warp; first < pixels;
       first += step) {
    const int64_t index = first + e.lane() / a.lanes_per_pixel;
    const Pixel p = pixel_at(a.height, a.width, static_cast<int>(minimum(index, pixels - 1)));
    const int64_t at_x = pixel_offset(a.x, a.width, p), at_ref = pixel_offset(a.ref, a.width, p);
    float sum = 0.0f;
    for (int channel = e.lane() % a.lanes_per_pixel * 8; channel < a.channels; channel += a.lanes_per_pixel * 8) {
      const int count = minimum(a.channels - channel, 8);
      float x[8], ref[8];
      load_run<T>(a.x, at_x + channel * a.x.channel_stride, count, a.vectors, x);
      load_run<T>(a.ref, at_ref + channel * a.ref.channel_stride, count, a.vectors, ref);
      for (int c = 0; c < 8; ++c) sum = norm_add(a.norm, sum, c < count ? gate_term(a, x[c] - ref[c]) : 0.0f);
    }
    for (int lanes = 1; lanes < a.lanes_per_pixel; lanes *= 2) sum = norm_add(a.norm, sum, e.shuffle_xor(sum, lanes));
    const float norm = norm_result(a.norm, sum, a.channels);
    if (index < pixels && e.lane() % a.lanes_per_pixel == 0)
      a.mask[index] = exceeds(norm, a.threshold) || exceeds(norm, a.threshold_signed);
  }
}

// A thread takes eight channels of a pixel.
template <class T, class Execution>
EDGESKIP_BODY void update_body(const Execution& e, const GateArgs& a) {
  const int runs = ceil_divide(a.channels, 8);
  const int64_t total = int64_t{a.batch} * a.height * a.width * runs;
  for (int64_t i = int64_t{e.block()} * kGateThreads + e.thread(); i < total; i += int64_t{e.blocks()} * kGateThreads) {
    const int index = static_cast<int>(i / runs), channel = static_cast<int>(i % runs) * 8;
    const bool moved = a.mask[index] != 0;
    if (!moved && a.in_place) continue;
    const Pixel p = pixel_at(a.height, a.width, index);
    const TensorView& from = moved ? a.x : a.ref;
    const int count = minimum(a.channels - channel, 8);
    float value[8];
    load_run<T>(from, pixel_offset(from, a.width, p) + channel * from.channel_stride, count, a.vectors, value);
    store_run<T>(a.y, pixel_offset(a.y, a.width, p) + channel * a.y.channel_stride, count, a.vectors, value);
  }
}

}  // namespace edgeskip::cuda
