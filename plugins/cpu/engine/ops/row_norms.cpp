#include "row_norms.h"

#include <cmath>

namespace edgeskip {

namespace {

constexpr int kFewChannels = 4;

template <int channels, Norm norm>
float pixel_norm(const float* a, const float* b) {
  float total = 0;
  for (int c = 0; c < channels; ++c) {
    const float difference = a[c] - b[c];
    if (norm == Norm::l2) total += difference * difference;
    if (norm == Norm::l1) total += std::fabs(difference);
    // a comparison with unknown is false: keep unknown once it is there
    if (norm == Norm::linf) total = std::fabs(difference) <= total || std::isnan(total) ? total : std::fabs(difference);
  }
  if (norm == Norm::l2) return std::sqrt(total / channels);
  return norm == Norm::l1 ? total / channels : total;
}

template <int channels, Norm norm>
void few_channels(RowSpan a, RowSpan b, int width, float* out) {
  for (int x = 0; x < width; ++x) out[x] = pixel_norm<channels, norm>(a.first + x * a.stride, b.first + x * b.stride);
}

template <int channels>
void few_channels(RowSpan a, RowSpan b, int width, Norm norm, float* out) {
  switch (norm) {
    case Norm::l2: return few_channels<channels, Norm::l2>(a, b, width, out);
    case Norm::l1: return few_channels<channels, Norm::l1>(a, b, width, out);
    case Norm::linf: return few_channels<channels, Norm::linf>(a, b, width, out);
  }
}

}  // namespace

size_t row_norms_bytes(int width, int channels) {
  return channels <= kFewChannels ? 0 : 2 * arena_bytes<const float*>(width);
}

void row_norms(const KernelTable& kernels, RowSpan a, RowSpan b, int width, int channels, Norm norm, float* out,
               Arena arena) {
  switch (channels) {
    case 1: return few_channels<1>(a, b, width, norm, out);
    case 2: return few_channels<2>(a, b, width, norm, out);
    case 3: return few_channels<3>(a, b, width, norm, out);
    case 4: return few_channels<4>(a, b, width, norm, out);
    default: break;
  }
  const float** first = arena.take<const float*>(width);
  const float** second = arena.take<const float*>(width);
  for (int x = 0; x < width; ++x) {
    first[x] = a.first + x * a.stride;
    second[x] = b.first + x * b.stride;
  }
  kernels.difference({first, second, out, norm, width, channels});
}

}  // namespace edgeskip
