// The skip convolution (docs/contract.md, SkipConv; not transposed):
//   c      = maxpool[kernel, strides, pads, dilations](mask_x) | mask_z
//   A      = c, or with a gate (pending | c) & (gate | isnan(y_prev)); pending_next = (pending | c) & ~A
//   yhat   = activation(conv(x, w) + bias + z)            only where A; sums and comparison in float32
//   mask_y = A & not (norm(channel_weight * (yhat - y_prev)) <= threshold)
//   y      = where(mask_y, yhat, y_prev)
// yhat is rounded to y's type before it is compared. A pixel's value depends on nothing but its inputs: not on the
// block, the tile that was chosen, or which other pixels are active.
#pragma once

#include <cstddef>
#include <cstdint>

#include "edgeskip/status.h"
#include "edgeskip/stream.h"
#include "edgeskip/tensor.h"

namespace edgeskip::cuda {

enum class Norm : int32_t { l2 = 0, l1 = 1, linf = 2 };

// Names and order of edgeskip/core/contract.py: ACTIVATIONS.
enum class Activation : int32_t {
  none = 0, relu, clip, leaky_relu, prelu, silu, hard_swish, hard_sigmoid, sigmoid, tanh
};

// "l2", "relu" ... to the enum; false where the contract has no such name.
bool norm_from_name(const char* name, Norm* norm) noexcept;
bool activation_from_name(const char* name, Activation* activation) noexcept;

struct ConvShape {
  int batch = 1;  // pictures, one stream each
  int in_height = 0, in_width = 0, in_channels = 0;
  int out_height = 0, out_width = 0, out_channels = 0;
  int kernel[2] = {1, 1};
  int strides[2] = {1, 1};
  int pads[4] = {0, 0, 0, 0};  // top, left, bottom, right
  int dilations[2] = {1, 1};
  int group = 1;
};

// Output height (axis 0) or width (axis 1) that follows from the other members.
int conv_output_size(const ConvShape& shape, int axis) noexcept;

struct ConvRules {
  Activation activation = Activation::none;
  float alpha = 0.0f;  // alpha[0]; prelu reads ConvBuffers::prelu_alpha
  float beta = 0.0f;
  float threshold = 0.0f;  // absolute; 0: any difference counts; infinity: only an unknown pixel counts
  Norm norm = Norm::l2;
  int block = 1;           // 1, 2, 4 or 8: the grain of the list of active pixels; only cost
  ElementType type = ElementType::float16;  // of x, w, z, y_prev and y
  float x_scale = 0.0f, w_scale = 0.0f;     // reserved for int8; 0: off
  int tile = -1;  // a row of conv_tile_name to force (benchmarks), -1: chosen
};

// Device pointers. Null where optional and absent. y may be y_prev.data (in place); then nothing that is skipped moves.
// Otherwise y and y_prev must not overlap and have equal strides. z may be y_prev or y only out of place.
struct ConvBuffers {
  TensorView x;                           // [N, in_height, in_width, in_channels]
  MaskView mask_x;                        // [N,1,in_height,in_width]
  const void* w = nullptr;                // [out_channels][kernel 0][kernel 1][in_channels / group], contiguous
  const float* bias = nullptr;            // [out_channels]
  TensorView z;                           // optional, of y's shape
  MaskView mask_z;                        // optional, of the output's size
  MaskView gate;                          // optional, of the output's size
  const float* channel_weight = nullptr;  // optional, [out_channels]
  const float* prelu_alpha = nullptr;     // [out_channels], prelu only
  TensorView y_prev;                      // [N, out_height, out_width, out_channels], NaN = unknown
  const int32_t* pending = nullptr;       // with gate: [N,1,out_height,out_width]; null counts as 0
  TensorView y;                           // as y_prev
  int32_t* mask_y = nullptr;              // [N,1,out_height,out_width]
  int32_t* pending_next = nullptr;        // with gate; may be pending
};

// What the workspace tells after a run, for profiles and tests: at its start, int32.
struct ConvCounts {
  int32_t entries;  // list entries: active pixels, or blocks that hold one
  int32_t active;   // active pixels
};

// Bytes of workspace that serve any device and any active count; aligned to 256. 0 with a bad shape.
size_t conv_workspace_bytes(const ConvShape& shape, const ConvRules& rules, bool has_channel_weight) noexcept;

// Sizes, attributes and pointers, without touching the device.
Status check_conv(const ConvShape& shape, const ConvRules& rules, const ConvBuffers& buffers) noexcept;

// Enqueues the layer. Fixed grids, the active count stays on the device: may be captured in a CUDA graph.
Status launch_conv(const ConvShape& shape, const ConvRules& rules, const ConvBuffers& buffers, void* workspace,
                   size_t workspace_bytes, cudaStream_t stream) noexcept;

// Rows of the tile table, and what is chosen for a layer on the current device, for inspect and benchmarks.
int conv_tile_count() noexcept;
const char* conv_tile_name(int tile) noexcept;
int conv_tile_choice(const ConvShape& shape, const ConvRules& rules, const ConvBuffers& buffers) noexcept;

}  // namespace edgeskip::cuda
