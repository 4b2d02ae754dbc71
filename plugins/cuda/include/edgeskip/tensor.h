// Tensors and masks in device memory, as the kernels see them: a pointer and strides, no ownership.
#pragma once

#include <cstdint>

namespace edgeskip::cuda {

enum class ElementType : int32_t { float32 = 0, float16 = 1, int8 = 2 };  // int8: prepared for, no kernel takes it yet

constexpr int64_t element_bytes(ElementType type) {
  return type == ElementType::float32 ? 4 : type == ElementType::float16 ? 2 : 1;
}

// Element (n, y, x, c) lies at data + n * picture_stride + (y * width + x) * pixel_stride + c * channel_stride, in
// elements. A stride of 0 broadcasts (inputs only). Fast: channel_stride 1, pixel_stride and channels multiples of 8
// (float32: 4), data aligned to 16 bytes.
struct TensorView {
  void* data = nullptr;
  int64_t picture_stride = 0;
  int64_t pixel_stride = 0;
  int64_t channel_stride = 0;
};

// TensorRT's LINEAR of a tensor [N,H,W,C]; with padding 8 or 16 its kHWC8 or kHWC16 of [N,C,H,W].
inline TensorView channels_last(void* data, int height, int width, int channels, int padding = 1) {
  const int64_t pixel = (int64_t{channels} + padding - 1) / padding * padding;
  return {data, pixel * height * width, pixel, 1};
}

// TensorRT's LINEAR of a tensor [N,C,H,W].
inline TensorView channels_first(void* data, int height, int width, int channels) {
  const int64_t plane = int64_t{height} * width;
  return {data, plane * channels, 1, plane};
}

// int32 [N,1,height,width], 0 or not 0. height and width 1 broadcast over a larger picture.
struct MaskView {
  const int32_t* data = nullptr;
  int height = 0;
  int width = 0;
};

}  // namespace edgeskip::cuda
