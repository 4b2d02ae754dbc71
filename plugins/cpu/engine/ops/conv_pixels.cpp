#include "conv_pixels.h"

#include <algorithm>

namespace edgeskip {

namespace {

int run_length(const Pixel* pixels, int count) {
  int length = 1;
  while (length < count && pixels[length] == pixels[0] + static_cast<Pixel>(length)) ++length;
  return length;
}

template <class Pointer>
void point_along(float* first, int64_t step, int count, Pointer* rows) {
  for (int i = 0; i < count; ++i) rows[i] = first + i * step;
}

// Scattered rows are unknown to the processor's own prefetching: all of a run's are asked for at once.
void fetch_rows(const float* first, int64_t step, int count, int channels) {
  for (int i = 0; i < count; ++i, first += step)
    for (int c = 0; c < channels; c += 16) __builtin_prefetch(first + c);
}

}  // namespace

size_t ConvPixels::scratch_bytes(int64_t pixels) {
  return 3 * arena_bytes<const float*>(pixels) + arena_bytes<Pixel>(pixels) + arena_bytes<uint8_t>(pixels);
}

ConvPixels::ConvPixels(const ConvViews& views, const TapSet& taps, const Pixel* listed, int count, Arena& arena)
    : views_(views),
      taps_(taps),
      fetches_input_(taps.depthwise || taps.count() == 1),
      count_(count),
      outer_(count),
      pixels_(arena.take<Pixel>(count)),
      corners_(arena.take<const float*>(count)),
      y_(arena.take<float*>(count)),
      z_(arena.take<const float*>(count)),
      changed_(arena.take<uint8_t>(count)) {
  for (int p = 0, length; p < count; p += length) {
    length = run_length(listed + p, count - p);
    add_run(listed[p], length);
  }
}

void ConvPixels::add_run(Pixel pixel, int count) {
  const int row = row_of(pixel), column = column_of(pixel), end = column + count;
  const auto& inner = taps_.inner;
  if (row < inner[0][0] || row > inner[0][1]) return add_outer(row, column, count);
  const int first = std::clamp(inner[1][0], column, end), last = std::clamp(inner[1][1] + 1, first, end);
  if (first > column) add_outer(row, column, first - column);
  if (last > first) add_inner(row, first, last - first);
  if (end > last) add_outer(row, last, end - last);
}

void ConvPixels::add_inner(int row, int column, int count) {
  float* corner = views_.x.row(taps_.origin(row, 0), taps_.origin(column, 1));
  const int64_t step = views_.x.stride * taps_.multiply[1];
  point_along(corner, step, count, corners_ + inner_);
  // the other taps are mostly those of pixels before it
  if (fetches_input_) fetch_rows(corner + taps_.offsets.back(), step, count, views_.x.channels);
  point(inner_, row, column, count);
  inner_ += count;
}

void ConvPixels::add_outer(int row, int column, int count) {
  outer_ -= count;
  point(outer_, row, column, count);
}

void ConvPixels::point(int to, int row, int column, int count) {
  for (int i = 0; i < count; ++i) pixels_[to + i] = make_pixel(row, column + i);
  float* y = views_.y.row(row, column);
  point_along(y, views_.y.stride, count, y_ + to);
  fetch_rows(y, views_.y.stride, count, views_.y.channels);
  if (!views_.z.data) return;
  float* z = views_.z.row(row, column);
  point_along(z, views_.z.stride, count, z_ + to);
  fetch_rows(z, views_.z.stride, count, views_.z.channels);
}

void ConvPixels::point_to_taps(int first, const float* zeros, const float** rows) const {
  const TensorView& x = views_.x;
  const int count = count_ - first;
  for (int p = 0; p < count; ++p) {
    const Pixel pixel = pixels_[first + p];
    const int top = taps_.origin(row_of(pixel), 0), left = taps_.origin(column_of(pixel), 1);
    for (int t = 0; t < taps_.count(); ++t) {
      const int row = top + taps_.row[t], column = left + taps_.column[t];
      const bool real = row >= 0 && row < x.height && column >= 0 && column < x.width;
      rows[int64_t{t} * count + p] = real ? x.row(row, column) : zeros;
    }
  }
}

void ConvPixels::publish() const {
  const MaskView& mask = views_.mask_y;
  for_each_word(mask, pixels_, changed_, count_, [&](uint64_t* word, uint64_t bits) {
    set_shared(word, bits & views_.active.bits[word - mask.bits]);
  });
}

int ConvPixels::list_published(const float** y, float** activated) const {
  int listed = 0;
  for (int p = 0; p < count_; ++p) {
    y[listed] = y_[p];
    activated[listed] = views_.activated.row(pixels_[p]);
    listed += changed_[p] & views_.active.get(row_of(pixels_[p]), column_of(pixels_[p]));
  }
  return listed;
}

}  // namespace edgeskip
