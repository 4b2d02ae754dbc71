// Device memory of a test or benchmark; errors of CUDA end the program with their text.
#pragma once

#include <cuda_runtime.h>

#include <cstdio>
#include <cstdlib>
#include <utility>
#include <vector>

namespace edgeskip::cuda {

inline void must(cudaError_t error, const char* what) {
  if (error == cudaSuccess) return;
  std::fprintf(stderr, "%s: %s\n", what, cudaGetErrorString(error));
  std::exit(2);
}

// Copies of host arrays on the device, and back.
class DeviceCopies {
 public:
  ~DeviceCopies() {
    for (const Copy& copy : copies_) cudaFree(copy.device);
  }
  void* add(void* host, size_t bytes) {
    Copy copy = {host, nullptr, bytes};
    must(cudaMalloc(&copy.device, bytes ? bytes : 1), "cudaMalloc");
    must(cudaMemcpy(copy.device, host, bytes, cudaMemcpyHostToDevice), "cudaMemcpy to the device");
    copies_.push_back(copy);
    return copy.device;
  }
  // Memory that is not initialised by us but poisoned.
  void* add_poisoned(size_t bytes) {
    Copy copy = {nullptr, nullptr, bytes};
    must(cudaMalloc(&copy.device, bytes ? bytes : 1), "cudaMalloc");
    must(cudaMemset(copy.device, 0xff, bytes), "cudaMemset");
    copies_.push_back(copy);
    return copy.device;
  }
  void fetch() const {
    for (const Copy& copy : copies_)
      if (copy.host) must(cudaMemcpy(copy.host, copy.device, copy.bytes, cudaMemcpyDeviceToHost), "cudaMemcpy back");
  }

 private:
  struct Copy {
    void* host;
    void* device;
    size_t bytes;
  };
  std::vector<Copy> copies_;
};

}  // namespace edgeskip::cuda
