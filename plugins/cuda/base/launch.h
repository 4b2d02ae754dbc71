// Starting kernels: shared memory beyond 48 KB is asked for, errors become statuses.
#pragma once

#include <cuda_runtime.h>

#include "base/limits.h"

namespace edgeskip::cuda {

// The runtime forgets an error once it was asked for, so that the next launch is not blamed for it.
inline Status status_of(cudaError_t error) {
  if (error == cudaSuccess) return Status::ok;
  remember_cuda_error(cudaGetErrorString(error));
  cudaGetLastError();
  if (error == cudaErrorNoKernelImageForDevice || error == cudaErrorInvalidDeviceFunction ||
      error == cudaErrorUnsupportedPtxVersion)
    return Status::no_kernel;
  return error == cudaErrorNoDevice || error == cudaErrorInsufficientDriver ? Status::no_device : Status::launch_failed;
}

template <class Args>
Status start(void (*kernel)(Args), int blocks, int threads, int shared, cudaStream_t stream, const Args& args) {
  constexpr int without_asking = 48 * 1024;
  if (shared > without_asking) {
    const void* function = reinterpret_cast<const void*>(kernel);
    const cudaError_t error = cudaFuncSetAttribute(function, cudaFuncAttributeMaxDynamicSharedMemorySize, shared);
    if (error != cudaSuccess) return status_of(error);
  }
  cudaGetLastError();  // of others
  kernel<<<blocks, threads, shared, stream>>>(args);
  return status_of(cudaGetLastError());
}

}  // namespace edgeskip::cuda
