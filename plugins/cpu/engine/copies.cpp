#include "copies.h"

#include <algorithm>

namespace edgeskip {

namespace {

constexpr int kGroup = 16;  // pixels of a row that are copied together: a cache line of each plane
constexpr int kWorthGroup = 3;  // of them that changed
constexpr int64_t kLargeCopy = 2 << 20;  // bytes: more does not stay in a second-level cache anyway
constexpr int64_t kFloatsPerBand = 1 << 16;  // less is not worth a barrier

int changed_of_group(const uint64_t* row, int column) {
  return __builtin_popcountll(row[column / 64] >> (column % 64) & ((uint64_t{1} << kGroup) - 1));
}

void read_run(const KernelTable& kernels, const TensorView& tensor, int64_t first, int64_t count, float* planes) {
  const int64_t plane = int64_t{tensor.height} * tensor.width;
  const bool large = plane * tensor.channels * int64_t{sizeof(float)} > kLargeCopy;
  kernels.read_planes(
      {tensor.data + first * tensor.stride, tensor.stride, planes + first, plane, count, tensor.channels, large});
}

// Columns begin .. end - 1 of a row. A short end of a row is read with some pixels before it: what has not changed is
// the same in the copy.
void read_columns(const KernelTable& kernels, const TensorView& tensor, int row, int begin, int end, float* planes) {
  end = std::min(end, tensor.width);
  begin = std::clamp(end - kGroup, 0, begin);
  read_run(kernels, tensor, tensor.pixel(row, begin), end - begin, planes);
}

void read_row(const KernelTable& kernels, const TensorView& tensor, const MaskView& pixels, int row, float* planes) {
  const uint64_t* bits = pixels.row(row);
  for (int column = 0; column < tensor.width; column += kGroup) {
    const int changed = changed_of_group(bits, column);
    if (changed == 0) continue;
    int end = column + kGroup;
    if (changed < kWorthGroup) {
      for (int x = column; x < std::min(end, tensor.width); ++x)
        if (pixels.get(row, x)) read_run(kernels, tensor, tensor.pixel(row, x), 1, planes);
      continue;
    }
    while (end < tensor.width && changed_of_group(bits, end) >= kWorthGroup) end += kGroup;
    read_columns(kernels, tensor, row, column, end, planes);
    column = end - kGroup;
  }
}

// Calls body(first row, end row) for bands of a tensor's rows.
template <class Body>
void for_bands(ThreadPool& pool, const TensorView& tensor, int64_t pixels, const Body& body) {
  const int64_t worth = pixels * tensor.channels / kFloatsPerBand;
  const int bands = static_cast<int>(std::clamp<int64_t>(worth, 1, std::min(tensor.height, 4 * pool.threads())));
  pool.run(bands, [&](int band, int) {
    const auto edge = [&](int64_t index) { return static_cast<int>(index * tensor.height / bands); };
    body(edge(band), edge(band + 1));
  });
}

}  // namespace

void read_tensor(const KernelTable& kernels, ThreadPool& pool, const TensorView& tensor, float* planes) {
  for_bands(pool, tensor, tensor.pixel(tensor.height, 0), [&](int begin, int end) {
    read_run(kernels, tensor, tensor.pixel(begin, 0), tensor.pixel(end - begin, 0), planes);
  });
}

void read_pixels(const KernelTable& kernels, ThreadPool& pool, const TensorView& tensor, const MaskView& pixels,
                 float* planes) {
  for_bands(pool, tensor, count(pixels), [&](int begin, int end) {
    for (int row = begin; row < end; ++row) read_row(kernels, tensor, pixels, row, planes);
  });
}

TensorCopy::TensorCopy(const TensorView& tensor)
    : values(sizeof(float) * tensor.channels * int64_t{tensor.height} * tensor.width),
      behind_bits(sizeof(uint64_t) * tensor.height * int64_t{words_of(tensor.width)}),
      behind(behind_bits.as<uint64_t>(), tensor.height, tensor.width) {
  clear(behind);
}

void TensorCopy::bring_up_to_date(const KernelTable& kernels, ThreadPool& pool, const TensorView& tensor) {
  // where most has changed, runs longer than a row
  if (unknown || count(behind) * 8 > tensor.pixel(tensor.height, 0) * 7)
    read_tensor(kernels, pool, tensor, values.as<float>());
  else
    read_pixels(kernels, pool, tensor, behind, values.as<float>());
  clear(behind);
  unknown = false;
}

std::shared_ptr<const TensorCopy> TensorCopies::take(const KernelTable& kernels, ThreadPool& pool,
                                                     const TensorView& tensor, const MaskView* changed) {
  std::shared_ptr<TensorCopy> free;
  for (auto& copy : copies_) {
    if (changed)
      unite(*changed, copy->behind);
    else
      copy->unknown = true;
  }
  for (auto& copy : copies_)
    if (!free && copy.use_count() == 1) free = copy;
  if (!free) {
    if (copies_.size() == kMost) copies_.erase(copies_.begin());
    free = copies_.emplace_back(std::make_shared<TensorCopy>(tensor));
  }
  free->bring_up_to_date(kernels, pool, tensor);
  return free;
}

}  // namespace edgeskip
