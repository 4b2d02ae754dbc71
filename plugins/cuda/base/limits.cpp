#include "base/limits.h"

#include <cuda_runtime_api.h>

#include <atomic>
#include <mutex>

namespace edgeskip::cuda {

namespace {

constexpr int kMostDevices = 64;

struct Known {
  std::atomic<bool> ready{false};
  DeviceLimits limits{};
};
Known known[kMostDevices];
std::mutex mutex;

bool read_limits(int device, DeviceLimits* limits) {
  int major = 0, minor = 0;
  const auto read = [&](int* value, cudaDeviceAttr attribute) {
    return cudaDeviceGetAttribute(value, attribute, device) == cudaSuccess;
  };
  const bool good = read(&major, cudaDevAttrComputeCapabilityMajor) &&
                    read(&minor, cudaDevAttrComputeCapabilityMinor) &&
                    read(&limits->multiprocessors, cudaDevAttrMultiProcessorCount) &&
                    read(&limits->shared_per_block, cudaDevAttrMaxSharedMemoryPerBlockOptin) &&
                    read(&limits->shared_per_multiprocessor, cudaDevAttrMaxSharedMemoryPerMultiprocessor);
  limits->capability = 10 * major + minor;
  return good;
}

}  // namespace

Status device_limits(DeviceLimits* limits) noexcept {
  int device = 0;
  if (cudaGetDevice(&device) != cudaSuccess || device < 0 || device >= kMostDevices) return Status::no_device;
  Known& entry = known[device];
  if (!entry.ready.load(std::memory_order_acquire)) {
    DeviceLimits limits_now = {};
    if (!read_limits(device, &limits_now)) return Status::no_device;
    const std::lock_guard<std::mutex> lock(mutex);
    if (!entry.ready.load(std::memory_order_relaxed)) entry.limits = limits_now;
    entry.ready.store(true, std::memory_order_release);
  }
  *limits = entry.limits;
  return Status::ok;
}

}  // namespace edgeskip::cuda
