#include "gate_rows.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace edgeskip {

namespace {

template <int channels>
void subtract(const float* a, int64_t a_stride, const float* b, int64_t b_stride, int width, float* planes,
              int64_t plane_stride) {
  for (int x = 0; x < width; ++x)
    for (int c = 0; c < channels; ++c) planes[c * plane_stride + x] = a[x * a_stride + c] - b[x * b_stride + c];
}

}  // namespace

void subtract_to_planes(const float* a, int64_t a_stride, const float* b, int64_t b_stride, int width, int channels,
                        float* planes, int64_t plane_stride) {
  if (channels == 1) return subtract<1>(a, a_stride, b, b_stride, width, planes, plane_stride);
  if (channels == 3) return subtract<3>(a, a_stride, b, b_stride, width, planes, plane_stride);
  for (int c = 0; c < channels; ++c)
    subtract<1>(a + c, a_stride, b + c, b_stride, width, planes + c * plane_stride, plane_stride);
}

void norm_of_planes(const float* planes, int64_t plane_stride, int width, int channels, Norm norm, float* out) {
  std::fill_n(out, width, 0.0f);
  for (int c = 0; c < channels; ++c) {
    const float* plane = planes + c * plane_stride;
    if (norm == Norm::l2)
      for (int x = 0; x < width; ++x) out[x] += plane[x] * plane[x];
    if (norm == Norm::l1)
      for (int x = 0; x < width; ++x) out[x] += std::fabs(plane[x]);
    // a comparison forgets unknown values: a sum with zero times the value keeps them
    if (norm == Norm::linf)
      for (int x = 0; x < width; ++x)
        out[x] = (std::fabs(plane[x]) > out[x] ? std::fabs(plane[x]) : out[x]) + 0.0f * plane[x];
  }
  const float count = static_cast<float>(channels);
  if (norm == Norm::l2)
    for (int x = 0; x < width; ++x) out[x] = std::sqrt(out[x] / count);
  if (norm == Norm::l1)
    for (int x = 0; x < width; ++x) out[x] /= count;
}

void sum_window(const float* line, int width, int window, float* out) {
  std::copy_n(line, width, out);
  for (int k = 1; k < window; ++k)
    for (int x = 0; x < width; ++x) out[x] += line[x + k];
}

void mark_above(const float* values, const float* limits, int width, uint8_t* bytes, uint64_t* row) {
  const int words = (width + 63) / 64;
  std::memset(bytes, 0, static_cast<size_t>(words) * 64);
  for (int x = 0; x < width; ++x) bytes[x] = !(values[x] <= limits[x]);
  for (int word = 0; word < words; ++word) {
    uint64_t bits = 0;
    for (int part = 0; part < 8; ++part) {
      uint64_t eight;
      std::memcpy(&eight, bytes + word * 64 + part * 8, 8);
      // the multiplication moves bit 0 of byte i to bit 56 + i
      bits |= (eight * 0x0102040810204080u >> 56) << (part * 8);
    }
    row[word] |= bits;
  }
}

}  // namespace edgeskip
