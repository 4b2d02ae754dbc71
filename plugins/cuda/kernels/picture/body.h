// Resize, colour order and normalisation of a camera picture: the integers of edgeskip/core/picture.py.
#pragma once

#include "base/geometry.h"
#include "base/element.h"
#include "edgeskip/picture.h"

namespace edgeskip::cuda {

constexpr int kPictureColumns = 32, kPictureRows = 8;  // of a block's tile
constexpr int kPictureThreads = kPictureColumns * kPictureRows;
constexpr int kResizeOne = 2048;

struct PictureArgs {
  Picture picture;
  TensorView input;
  int height, width, channels;  // of the input
  int inner_height, inner_width;
  ColorOrder color;
  float mean[3], scale[3], pads[3];
};

// Two source positions and their weights, which sum to kResizeOne.
struct ResizeEntry {
  int first, second, first_weight, second_weight;
};

// Bilinear with pixel centres at halves. In double, each step rounded, as numpy does it.
EDGESKIP_HD ResizeEntry resize_entry(int source, int size, int index) {
#if defined(__CUDA_ARCH__)
  const double ratio = __ddiv_rn(source, size);
  const double at = __dadd_rn(__dmul_rn(index + 0.5, ratio), -0.5);
#else
  const double ratio = static_cast<double>(source) / size;
  const double product = (index + 0.5) * ratio;
  const double at = product - 0.5;
#endif
  int first = static_cast<int>(floor(at));
  int weight = static_cast<int>(rint((at - first) * kResizeOne));
  if (first < 0) first = 0, weight = 0;
  if (first >= source - 1) first = source - 1, weight = 0;
  return {first, minimum(first + 1, source - 1), kResizeOne - weight, weight};
}

// One channel (of BGR) of a resized pixel: along the rows to 1/128 of a level, then along the columns.
EDGESKIP_HD int resized_level(const Picture& p, const ResizeEntry& row, const ResizeEntry& column, int channel) {
  const uint8_t* upper = p.pixels + row.first * p.row_bytes + channel;
  const uint8_t* lower = p.pixels + row.second * p.row_bytes + channel;
  const int left = 3 * column.first, right = 3 * column.second;
  const int above = (upper[left] * column.first_weight + upper[right] * column.second_weight) >> 4;
  const int below = (lower[left] * column.first_weight + lower[right] * column.second_weight) >> 4;
  return (((above * row.first_weight) >> 16) + ((below * row.second_weight) >> 16) + 2) >> 2;
}

EDGESKIP_HD int luminance(const int (&bgr)[3]) {
  return (bgr[0] * 3735 + bgr[1] * 19235 + bgr[2] * 9798 + (1 << 14)) >> 15;
}

template <class T>
EDGESKIP_HD void write_pixel(const PictureArgs& a, int y, int x, const ResizeEntry& row, const ResizeEntry& column) {
  const bool padding = y >= a.inner_height || x >= a.inner_width;
  int bgr[3] = {0, 0, 0};
  for (int c = 0; c < 3 && !padding; ++c) bgr[c] = resized_level(a.picture, row, column, c);
  T* to = static_cast<T*>(a.input.data) + pixel_offset(a.input, a.width, {0, y, x});
  for (int c = 0; c < a.channels; ++c) {
    const int level = a.color == ColorOrder::gray ? luminance(bgr) : bgr[a.color == ColorOrder::rgb ? 2 - c : c];
    const float value = padding ? a.pads[c] : (static_cast<float>(level) - a.mean[c]) * a.scale[c];
    to[c * a.input.channel_stride] = Element<T>::from_float(value);
  }
}

// A block's tile; the positions along its rows and columns are computed once, by as many threads as there are.
template <class T, class Execution>
EDGESKIP_BODY void picture_body(const Execution& e, const PictureArgs& a) {
  ResizeEntry* columns = reinterpret_cast<ResizeEntry*>(e.shared());
  ResizeEntry* rows = columns + kPictureColumns;
  const int across = ceil_divide(a.width, kPictureColumns), tiles = across * ceil_divide(a.height, kPictureRows);
  const int thread = e.thread();
  for (int tile = e.block(); tile < tiles; tile += e.blocks()) {
    const int top = tile / across * kPictureRows, left = tile % across * kPictureColumns;
    if (thread < kPictureColumns)
      columns[thread] = resize_entry(a.picture.width, a.inner_width, left + thread);
    else if (thread < kPictureColumns + kPictureRows)
      rows[thread - kPictureColumns] = resize_entry(a.picture.height, a.inner_height, top + thread - kPictureColumns);
    e.barrier();
    const int y = top + thread / kPictureColumns, x = left + thread % kPictureColumns;
    if (y < a.height && x < a.width)
      write_pixel<T>(a, y, x, rows[thread / kPictureColumns], columns[thread % kPictureColumns]);
    e.barrier();
  }
}

}  // namespace edgeskip::cuda
