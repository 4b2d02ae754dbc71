#include <algorithm>

#include "base/execution.h"
#include "base/launch.h"
#include "edgeskip/state.h"
#include "kernels/picture/plan.h"

namespace edgeskip::cuda {

namespace {

template <class T>
__global__ void __launch_bounds__(kPictureThreads) picture_kernel(const __grid_constant__ PictureArgs args) {
  picture_body<T>(Device(), args);
}

constexpr int kFillThreads = 256;

struct FillArgs {
  int32_t* data;
  int64_t count;
};

__global__ void __launch_bounds__(kFillThreads) fill_ones_kernel(const __grid_constant__ FillArgs args) {
  for (int64_t i = int64_t{blockIdx.x} * kFillThreads + threadIdx.x; i < args.count;
       i += int64_t{gridDim.x} * kFillThreads)
    args.data[i] = 1;
}

}  // namespace

Status launch_picture(const Picture& picture, const PictureRules& rules, int height, int width, ElementType type,
                      const TensorView& input, cudaStream_t stream) noexcept {
  DeviceLimits limits;
  PictureArgs args;
  Status status = device_limits(&limits);
  if (status == Status::ok) status = plan_picture(picture, rules, height, width, type, input, &args);
  if (status != Status::ok) return status;
  const int tiles = ceil_divide(width, kPictureColumns) * ceil_divide(height, kPictureRows);
  const int blocks = std::min(tiles, 8 * limits.multiprocessors);
  constexpr int shared = (kPictureColumns + kPictureRows) * sizeof(ResizeEntry);
  const auto kernel = type == ElementType::float16 ? picture_kernel<Half> : picture_kernel<float>;
  return start<const PictureArgs>(kernel, blocks, kPictureThreads, shared, stream, args);
}

Status launch_fill_state(void* state, size_t bytes_per_stream, int stream_index, StateStart start_value,
                         cudaStream_t stream) noexcept {
  if (!state) return Status::bad_pointer;
  if (stream_index < 0) return Status::bad_size;
  char* data = static_cast<char*>(state) + bytes_per_stream * static_cast<size_t>(stream_index);
  // all bits set are a NaN in float32 and in float16
  if (start_value == StateStart::unknown) return status_of(cudaMemsetAsync(data, 0xff, bytes_per_stream, stream));
  if (start_value != StateStart::one) return Status::bad_value;
  if (bytes_per_stream % 4 != 0) return Status::bad_size;
  const FillArgs args = {reinterpret_cast<int32_t*>(data), static_cast<int64_t>(bytes_per_stream / 4)};
  const int64_t blocks = std::min<int64_t>(ceil_divide<int64_t>(std::max<int64_t>(args.count, 1), kFillThreads), 1024);
  return start<const FillArgs>(fill_ones_kernel, static_cast<int>(blocks), kFillThreads, 0, stream, args);
}

}  // namespace edgeskip::cuda
