// norm_c(a - b) for each pixel of a row; few channels (a picture) without the kernels' lists of rows.
#pragma once

#include "../../kernels/kernels.h"
#include "../memory.h"

namespace edgeskip {

// Pixels of a row: the first one, and floats from one to the next (0 repeats it).
struct RowSpan {
  const float* first;
  int64_t stride;
};

size_t row_norms_bytes(int width, int channels);
void row_norms(const KernelTable& kernels, RowSpan a, RowSpan b, int width, int channels, Norm norm, float* out,
               Arena arena);

}  // namespace edgeskip
