#include "core/device_constants.h"

#include "core/error.h"

namespace edgeskip::tensorrt {

DeviceConstants::DeviceConstants(Operation const& operation) {
  std::vector<float> const values = operation.device_constants();
  if (values.empty()) return;
  void* memory = nullptr;
  cudaError_t error = cudaMalloc(&memory, values.size() * sizeof(float));
  if (error == cudaSuccess) {
    memory_.reset(static_cast<float const*>(memory), [](float const* taken) { cudaFree(const_cast<float*>(taken)); });
    error = cudaMemcpy(memory, values.data(), values.size() * sizeof(float), cudaMemcpyHostToDevice);
  }
  if (error != cudaSuccess) {
    throw PluginError(operation.plugin(),
                      std::string("parameters can't be put on the device: ") + cudaGetErrorString(error));
  }
}

}  // namespace edgeskip::tensorrt
