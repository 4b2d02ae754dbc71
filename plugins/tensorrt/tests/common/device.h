// Host pictures and masks in device memory, in the type and order of dimensions of a layer.
#pragma once

#include <cuda_runtime_api.h>

#include <cstring>
#include <stdexcept>
#include <string>

#include "picture.h"

namespace check {

inline void require_cuda(cudaError_t error, char const* what) {
  if (error != cudaSuccess) throw std::runtime_error(std::string(what) + ": " + cudaGetErrorString(error));
}

// Device memory, filled with a poison that is no sensible value: float16 and float32 NaN, int32 -1.
class DeviceBuffer {
 public:
  DeviceBuffer() = default;
  explicit DeviceBuffer(size_t bytes) : bytes_(bytes) {
    require_cuda(cudaMalloc(&data_, bytes == 0 ? 1 : bytes), "cudaMalloc");
    poison();
  }
  DeviceBuffer(DeviceBuffer&& other) noexcept : data_(other.data_), bytes_(other.bytes_) { other.data_ = nullptr; }
  DeviceBuffer& operator=(DeviceBuffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~DeviceBuffer() { cudaFree(data_); }

  void* data() const { return data_; }
  size_t bytes() const { return bytes_; }
  void poison() { require_cuda(cudaMemset(data_, 0xFF, bytes_), "cudaMemset"); }
  void write(void const* from) { require_cuda(cudaMemcpy(data_, from, bytes_, cudaMemcpyHostToDevice), "upload"); }
  void read(void* to) const { require_cuda(cudaMemcpy(to, data_, bytes_, cudaMemcpyDeviceToHost), "download"); }

 private:
  void* data_ = nullptr;
  size_t bytes_ = 0;
};

// Where element (n, y, x, c) of a picture lies.
inline int64_t position(Size const& s, bool channels_last, int64_t n, int64_t y, int64_t x, int64_t c) {
  return channels_last ? ((n * s.h + y) * s.w + x) * s.c + c : ((n * s.c + c) * s.h + y) * s.w + x;
}

template <typename Visit>
void for_elements(Size const& s, bool channels_last, Visit visit) {
  int64_t index = 0;
  for (int n = 0; n < s.n; ++n) {
    for (int y = 0; y < s.h; ++y) {
      for (int x = 0; x < s.w; ++x) {
        for (int c = 0; c < s.c; ++c) visit(index++, position(s, channels_last, n, y, x, c));
      }
    }
  }
}

inline size_t picture_bytes(Size const& size, bool half) { return size.count() * (half ? 2 : 4); }

inline void write_values(DeviceBuffer& buffer, std::vector<double> const& values, Size const& size, bool half,
                         bool channels_last) {
  std::vector<char> bytes(picture_bytes(size, half));
  for_elements(size, channels_last, [&](int64_t index, int64_t at) {
    float const single = static_cast<float>(values[index]);
    if (half) {
      __half const small = __float2half(single);
      std::memcpy(&bytes[at * 2], &small, 2);
    } else {
      std::memcpy(&bytes[at * 4], &single, 4);
    }
  });
  buffer.write(bytes.data());
}

inline void write_picture(DeviceBuffer& buffer, Picture const& picture, bool half, bool channels_last) {
  write_values(buffer, picture.values, picture.size, half, channels_last);
}

inline Picture read_picture(DeviceBuffer const& buffer, Size const& size, bool half, bool channels_last) {
  std::vector<char> bytes(picture_bytes(size, half));
  buffer.read(bytes.data());
  Picture picture(size);
  for_elements(size, channels_last, [&](int64_t index, int64_t at) {
    float single = 0;
    __half small;
    if (half) {
      std::memcpy(&small, &bytes[at * 2], 2);
      single = __half2float(small);
    } else {
      std::memcpy(&single, &bytes[at * 4], 4);
    }
    picture.values[index] = single;
  });
  return picture;
}

inline Mask read_mask(DeviceBuffer const& buffer, int n, int h, int w) {
  Mask mask(n, h, w);
  buffer.read(mask.bits.data());
  return mask;
}

// float32 values as they are.
inline DeviceBuffer float_buffer(std::vector<double> const& values) {
  std::vector<float> const singles(values.begin(), values.end());
  DeviceBuffer buffer(singles.size() * sizeof(float));
  buffer.write(singles.data());
  return buffer;
}

inline DeviceBuffer mask_buffer(Mask const& mask) {
  DeviceBuffer buffer(mask.bits.size() * sizeof(int32_t));
  buffer.write(mask.bits.data());
  return buffer;
}

inline DeviceBuffer picture_buffer(Picture const& picture, bool half, bool channels_last) {
  DeviceBuffer buffer(picture_bytes(picture.size, half));
  write_picture(buffer, picture, half, channels_last);
  return buffer;
}

}  // namespace check
