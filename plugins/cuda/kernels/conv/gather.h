// Fills a stage of the pipeline: pixels of the input by row and tap, weights by channel. K runs over the taps, and in a
// tap over the channels of the group.
#pragma once

#include "kernels/conv/args.h"
#include "kernels/conv/tile.h"

namespace edgeskip::cuda {

// Position along K as tap and channel; advanced without divisions.
struct TapCursor {
  int ky, kx, channel;

  EDGESKIP_HD void advance(const ConvArgs& a, int by) {
    channel += by;
    while (channel >= a.in_per_group) {
      channel -= a.in_per_group;
      if (++kx == a.list.window.kernel[1]) kx = 0, ++ky;
    }
  }
  EDGESKIP_HD bool ends(const ConvArgs& a) const { return ky >= a.list.window.kernel[0]; }
};

EDGESKIP_HD int tap_offset(const ConvArgs& a, const TapCursor& at) {
  const Window& window = a.list.window;
  const int pixels = at.ky * window.dilations[0] * a.list.in_width + at.kx * window.dilations[1];
  return pixels * static_cast<int>(a.x.pixel_stride) + at.channel * static_cast<int>(a.x.channel_stride);
}

EDGESKIP_HD bool reads_input(const ConvArgs& a, const RowSource& row, const TapCursor& at) {
  const Window& window = a.list.window;
  return inside(row.y + at.ky * window.dilations[0], a.list.in_height) &&
         inside(row.x + at.kx * window.dilations[1], a.list.in_width);
}

// Where the window of an output pixel (index into [N,1,H,W], -1: none) starts.
EDGESKIP_HD RowSource row_source(const ConvArgs& a, int pixel, int group) {
  if (pixel < 0) return {0, kNoRow, kNoRow};
  const Pixel p = pixel_at(a.list.grid.height, a.list.grid.width, pixel);
  const int y = window_start(a.list.window, 0, p.y), x = window_start(a.list.window, 1, p.x);
  const int64_t offset = p.picture * a.x.picture_stride + (int64_t{y} * a.list.in_width + x) * a.x.pixel_stride +
                         int64_t{group} * a.in_per_group * a.x.channel_stride;
  return {static_cast<int32_t>(offset), static_cast<int16_t>(y), static_cast<int16_t>(x)};
}

template <class T>
EDGESKIP_HD Vector16 packed(const T (&values)[Element<T>::per_vector]) {
  Vector16 vector;
  std::memcpy(&vector, values, sizeof vector);
  return vector;
}

template <class T>
EDGESKIP_HD Vector16 gathered_singly(const ConvArgs& a, const RowSource& row, TapCursor at) {
  const T* data = static_cast<const T*>(a.x.data);
  T values[Element<T>::per_vector];
  EDGESKIP_UNROLL
  for (int i = 0; i < Element<T>::per_vector; ++i, at.advance(a, 1))
    values[i] =
        !at.ends(a) && reads_input(a, row, at) ? data[int64_t{row.offset} + tap_offset(a, at)] : Element<T>::zero();
  return packed<T>(values);
}

// One thread's part of filling stages, in turn from the first on. `vectors`: 16 bytes of a pixel or of a channel's
// weights lie together and aligned, else elements are loaded one by one.
template <class T, class Tile, bool vectors>
struct Gather {
  static constexpr int rows_at_once = Tile::threads / kVectorsPerRow;
  int vector, first_row;
  int k;  // of the next stage, along K
  TapCursor at;
  const T* weights;  // of channel first_row
  int channels;      // of the group, from the tile's first on

  template <class Execution>
  EDGESKIP_BODY Gather(const Execution& e, const ConvArgs& a, int group, int first_channel)
      : vector(e.thread() % kVectorsPerRow), first_row(e.thread() / kVectorsPerRow) {
    k = vector * Element<T>::per_vector;
    at = {0, 0, 0};
    at.advance(a, k);
    const int channel = group * a.out_per_group + first_channel + first_row;
    weights = static_cast<const T*>(a.w) + int64_t{channel} * a.depth;
    channels = a.out_per_group - first_channel;
  }

  template <class Execution>
  EDGESKIP_BODY void fill(const Execution& e, const ConvArgs& a, const RowSource* rows, char* stage) {
    fill_pixels(e, a, rows, stage);
    fill_channels(e, a, stage + Tile::rows * kRowBytes);
    k += stage_depth<T>();
    at.advance(a, stage_depth<T>());
  }

 private:
  template <class Execution>
  EDGESKIP_BODY void fill_pixels(const Execution& e, const ConvArgs& a, const RowSource* rows, char* target) const {
    const T* data = static_cast<const T*>(a.x.data);
    const bool ends = at.ends(a);
    const int tap = tap_offset(a, at);
    EDGESKIP_UNROLL
    for (int row = first_row; row < Tile::rows; row += rows_at_once) {
      const RowSource source = rows[row];
      char* to = target + pixel_vector(row, vector);
      if constexpr (vectors) {
        const bool valid = !ends && reads_input(a, source, at);
        e.copy_16(to, data + (valid ? int64_t{source.offset} + tap : 0), valid);
      } else {
        *reinterpret_cast<Vector16*>(to) = gathered_singly<T>(a, source, at);
      }
    }
  }

  template <class Execution>
  EDGESKIP_BODY void fill_channels(const Execution& e, const ConvArgs& a, char* target) const {
    EDGESKIP_UNROLL
    for (int row = first_row; row < Tile::columns; row += rows_at_once) {
      const bool valid = row < channels && k < a.depth;
      const T* from = weights + (valid ? int64_t{row - first_row} * a.depth + k : 0);
      char* to = target + channel_vector(row, vector);
      if constexpr (vectors) {
        e.copy_16(to, valid ? from : static_cast<const T*>(a.w), valid);
      } else {
        T values[Element<T>::per_vector];
        EDGESKIP_UNROLL
        for (int i = 0; i < Element<T>::per_vector; ++i)
          values[i] = valid && k + i < a.depth ? from[i] : Element<T>::zero();
        *reinterpret_cast<Vector16*>(to) = packed<T>(values);
      }
    }
  }
};

}  // namespace edgeskip::cuda
