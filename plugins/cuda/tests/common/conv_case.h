// A skip convolution as a test case: description, data in host memory, and what a float64 reference says of it. Shared
// by the tests on the host and on the device.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/element.h"
#include "edgeskip/conv.h"

namespace edgeskip::cuda {

struct ConvCase {
  ConvShape shape;
  ConvRules rules;
  bool bias = true, residual = false, mask_z = false, gate = false, pending = false, channel_weight = false;
  bool in_place = true, first_frame = false, channels_first = false, broadcast_mask = false;
  int padding = 1;      // of channels: 8 or 16 as in TensorRT's kHWC8 and kHWC16
  double active = 0.3;  // share of set pixels of mask_x
  unsigned seed = 1;

  std::string name() const;  // all that differs from the defaults
};

// A case of kernel k, stride s, sizes of x; padded so that a stride of 1 keeps the size.
ConvCase conv_case(int batch, int height, int width, int in_channels, int out_channels, int kernel = 3, int stride = 1,
                   int dilation = 1, int group = 1);

// Bytes of one tensor in host memory, with the strides it has on the device.
struct HostTensor {
  std::vector<uint8_t> bytes;
  TensorView view;  // of bytes.data()
  ElementType type = ElementType::float32;

  double get(int64_t element) const;
  void set(int64_t element, double value);  // rounded to the type
};

struct ConvData {
  HostTensor x, w, z, y_prev, y;
  std::vector<int32_t> mask_x, mask_z, gate, pending, mask_y, pending_next;
  std::vector<float> bias, channel_weight, prelu_alpha;
};

// Pointers of a run: what `place(host memory, bytes)` makes of each array of `d`. In place y is y_prev.
ConvBuffers conv_buffers(const ConvCase& c, ConvData& d, const std::function<void*(void*, size_t)>& place);

// Random data; what must be written is poisoned. y_prev lies above, below and at the threshold's distance of the
// reference, and is NaN at some pixels.
ConvData conv_data(const ConvCase& c);

struct ConvExpectation {
  std::vector<double> yhat;  // [N,H,W,O] of all pixels, not rounded
  std::vector<uint8_t> active;
  std::vector<double> norm;  // of yhat rounded to the type, by pixel
};

ConvExpectation conv_expectation(const ConvCase& c, const ConvData& before);

struct ConvErrors {
  double relative = 0.0;  // largest |y - yhat| over the largest |yhat|, at published pixels
  int64_t wrong = 0;      // pixels whose mask, pending bit or kept value is wrong
  int64_t published = 0;
  std::string first;      // the first wrong one
};

// `before` as made by conv_data, `after` with y, mask_y and pending_next as a kernel left them.
ConvErrors compare_conv(const ConvCase& c, const ConvData& before, const ConvData& after);

// Limits of the relative error.
double conv_tolerance(ElementType type);

}  // namespace edgeskip::cuda
