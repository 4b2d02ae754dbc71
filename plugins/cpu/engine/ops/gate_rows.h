// Rows of a gate's arithmetic, one plane per channel so that the loops run over pixels.
#pragma once

#include <cstdint>

#include "../../kernels/kernels.h"

namespace edgeskip {

// planes[c][x] = a[x][c] - b[x][c] for pixels `a_stride` and `b_stride` floats apart.
void subtract_to_planes(const float* a, int64_t a_stride, const float* b, int64_t b_stride, int width, int channels,
                        float* planes, int64_t plane_stride);

// out[x] = norm over channels of planes[c][x]; unknown where one of them is unknown.
void norm_of_planes(const float* planes, int64_t plane_stride, int width, int channels, Norm norm, float* out);

// out[x] = line[x] + line[x + 1] + ... over `window` values, in this order.
void sum_window(const float* line, int width, int window, float* out);

// Sets bit x where not(values[x] <= limits[x]), so also where the value is unknown. `bytes` has
// room for width rounded up to 64.
void mark_above(const float* values, const float* limits, int width, uint8_t* bytes, uint64_t* row);

}  // namespace edgeskip
