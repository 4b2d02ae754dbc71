// What the convolution's kernels take, by value.
#pragma once

#include "kernels/list/list.h"

namespace edgeskip::cuda {

// Activations in three families, so that a kernel holds each once:
//   line    x < 0 ? slope x : x, clipped to low .. high                      none relu clip leaky_relu prelu
//   ramp    (p x + q) * clip(slope x + shift, 0, 1)                           hard_swish hard_sigmoid
//   smooth  (p x + q) / (1 + exp(-slope x)) + shift                           silu sigmoid tanh
enum class ActivationFamily : int32_t { line, ramp, smooth };

struct ActivationArgs {
  ActivationFamily family;
  float slope, low, high, p, q, shift;
  const float* slopes;  // prelu, else null
};

// What becomes of a pixel's result.
enum class Publication : int32_t {
  each_value,   // any difference counts: every value is stored where it is computed
  whole_pixel,  // the block holds all channels: it decides
  later,        // channels are spread over blocks: values and parts of the norm wait in the workspace
};

struct ConvArgs {
  ListArgs list;
  TensorView x, z, y_prev, y;
  const void* w;
  const float* bias;
  const float* channel_weight;
  int32_t* mask_y;
  int group, in_per_group, out_per_group, depth;  // depth: K, taps times in_per_group
  int columns_of_tiles;                           // of all groups
  ActivationArgs activation;
  float threshold;
  float sum_scale;  // int8: x_scale * w_scale
  Norm norm;
  Publication publication;
  bool vectors_y, vectors_z;  // 16-byte accesses to y and y_prev, to z
  int slots;                  // blocks that run at the same time
  int large_stages, small_stages;  // 0: this device has no room for the tile
  float* norm_parts;          // later: [groups of 32 channels][positions]
  void* staged;               // later: [positions][staged_channels]
  int staged_channels;        // out_channels rounded up to 8
  int positions;
  int lanes_per_pixel;   // depthwise
  bool shared_weights;   // depthwise: they fit into shared memory
  bool vectors_x;        // depthwise: 16-byte loads of x
};

// Groups of 32 channels of a layer: those of a convolution's group follow each other.
EDGESKIP_HD int norm_groups(int group, int out_per_group) { return group * ceil_divide(out_per_group, 32); }

}  // namespace edgeskip::cuda
