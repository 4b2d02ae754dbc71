#include "base/execution.h"
#include "base/launch.h"
#include "kernels/count/body.h"

namespace edgeskip::cuda {

namespace {

constexpr int kBlocksPerItem = 16;

struct CountingDevice : Device {
  __device__ __forceinline__ void add(int32_t* sum, int value) const { atomicAdd(sum, value); }
};

__global__ void __launch_bounds__(kCountThreads) count_kernel(const __grid_constant__ CountArgs args) {
  count_body(CountingDevice(), args);
}

Status count_active(const EdgeskipCountItem* items, int count, int batch, int32_t* counts, cudaStream_t stream) {
  if (count < 0 || batch < 1) return Status::bad_size;
  if (count == 0) return Status::ok;
  if (!items || !counts) return Status::bad_pointer;
  const cudaError_t error = cudaMemsetAsync(counts, 0, sizeof(int32_t) * count, stream);
  if (error != cudaSuccess) return status_of(error);
  const CountArgs args = {items, count, batch, kBlocksPerItem, counts};
  return start<const CountArgs>(count_kernel, count * kBlocksPerItem, kCountThreads, 0, stream, args);
}

}  // namespace

}  // namespace edgeskip::cuda

extern "C" int32_t edgeskip_count_active(const EdgeskipCountItem* device_items, int32_t count, int32_t streams,
                                         int32_t* device_counts, void* cuda_stream) {
  using namespace edgeskip::cuda;
  return static_cast<int32_t>(
      count_active(device_items, count, streams, device_counts, static_cast<cudaStream_t>(cuda_stream)));
}
