// Contract between the engine and the kernels of one instruction set level.
//
// Layout: NHWC float32. A "row" is the channel vector of one pixel: a pointer to its first
// channel, `channels` floats long, with no alignment and nothing readable behind it. Kernels take
// lists of rows, so that arbitrary pixels cost the same as neighbouring ones. A pixel's result
// never depends on which other pixels are in the list (bit-identical for any grouping).
// Any alignment is right; packed weights and buffers on 64 bytes with row strides a multiple of 16
// floats are up to 1.5 times faster (a vector that straddles two cache lines is loaded twice).
// No kernel allocates, logs or throws.
#pragma once

#include <cstdint>

namespace edgeskip {

enum class Level : int { scalar = 0, neon = 1, avx2 = 2, avx512 = 3 };

enum class ActivationKind : int {
  none, relu, clip, leaky_relu, prelu, silu, hard_swish, hard_sigmoid, sigmoid, tanh,
  // only as element-wise ops of their own:
  exp, sqrt, neg, abs, reciprocal, log,
};

// y = act(x). clip: alpha .. beta; leaky_relu: alpha; prelu: alphas[channel] (one per channel);
// hard_sigmoid: max(0, min(1, alpha * x + beta)).
struct Activation {
  ActivationKind kind = ActivationKind::none;
  float alpha = 0, beta = 0;
  const float* alphas = nullptr;
};

enum class Norm : int { l2, l1, linf };

// out[p][n] = sum over taps t, channels c of rows[t * count + p][c] * w[t][c][n], + bias[n]
// accumulated in the order t, c with fused multiply-add where the level has it, in partial sums of
// a fixed length, the bias last.
struct GemmArgs {
  const float* const* rows;  // [taps][count]; out-of-range taps point to a row of zeros
  const float* weights;      // packed by KernelTable::pack_gemm
  float* out;                // [count][out_stride]; padded up to packed_columns(n) may be written
  int64_t out_stride;
  int count;  // pixels, any number >= 1; fastest in multiples of KernelTable::gemm_rows
  int taps;
  int channels;  // input channels (of the group)
  int n;         // output channels (of the group)
  // Where all taps of all pixels lie inside, rows may be [count] and tap t of pixel p the row rows[p] + offsets[t].
  const int64_t* offsets = nullptr;  // [taps], floats
};

// out[p][c] = sum over taps t of rows[t * count + p][c] * w[t][c], + bias[c]
struct DepthwiseArgs {
  const float* const* rows;  // [taps][count]
  const float* weights;      // packed by pack_depthwise
  float* out;                // [count][out_stride]
  int64_t out_stride;
  int count, taps, channels;
  const int64_t* offsets = nullptr;  // [taps], as in GemmArgs
};

// For each pixel p: yhat = act(acc[p] + z[p]); changed unless norm_c(weight * (yhat - y[p])) <= threshold
// (NaN counts as changed); where changed, y[p] = yhat, elsewhere it keeps its bits, though they may be stored again.
// l2: root mean square, l1: mean, linf: maximum.
struct EpilogueArgs {
  float* acc;  // [count][acc_stride]; may be overwritten
  int64_t acc_stride;
  float* const* y;               // [count]
  const float* const* z;         // [count] or null
  const float* channel_weight;   // [channels] or null
  uint8_t* changed;              // [count], 0 or 1
  Activation activation;
  Norm norm;
  float threshold;
  int count, channels;
};

// y[p][c] = act(a[p][c] op b[p][c]) over all rows
enum class BinaryKind : int { add, sub, mul, div, max, min, pow };
struct BinaryArgs {
  const float* const* a;  // [count]
  const float* const* b;  // [count]; the same pointer repeated broadcasts a channel vector over pixels
  float* const* y;        // [count]; may equal a or b
  BinaryKind kind;
  Activation activation;
  int count, channels;
};

// y[p][c] = act(x[p][c])
struct UnaryArgs {
  const float* const* x;
  float* const* y;
  Activation activation;
  int count, channels;
};

// max: y[p] = max over taps; average: y[p] = sum over taps / divisor[p]
struct PoolArgs {
  const float* const* rows;  // [taps][count]; null: tap outside the picture (skipped)
  float* const* y;           // [count]
  const float* divisor;      // [count], average only
  bool average;
  int count, taps, channels;
};

// y[p] = sum over the 4 corners k of weight[k][p] * rows[k][p]   (bilinear resize)
struct BlendArgs {
  const float* const* rows;  // [4][count]
  const float* weights;      // [4][count]
  float* const* y;
  int count, channels;
};

// y[p][c] = x[p][indices[c]]
struct GatherArgs {
  const float* const* x;
  float* const* y;
  const int32_t* indices;  // [channels] or null for a plain copy
  int count, channels;
};

// y[p] = softmax over channels of x[p]
struct SoftmaxArgs {
  const float* const* x;
  float* const* y;  // [count]; may equal x
  int count, channels;
};

// For each pixel p: opened unless norm_c(x[p] - y[p]) <= threshold (NaN opens); where opened, y[p] = x[p].
struct GateRowsArgs {
  const float* const* x;  // [count]
  float* const* y;        // [count], the reference
  uint8_t* opened;        // [count], 0 or 1
  Norm norm;
  float threshold;
  int count, channels;
};

// A picture of three bytes a pixel (BGR) as values: (level - mean) * scale of channel `order`, or of the luminance;
// behind its height and width lie `pads`.
struct PictureRows {
  const uint8_t* pixels;
  int64_t row_bytes;
  int height, width;
  int order[3];
  bool gray;  // one channel
  float mean[3], scale[3], pads[3];
};

// A row of a picture of three bytes a pixel, resized along the row, in units of 1/128 of a level:
// line[3 * x + c] = (left * weight + right * weight) >> 4
struct BlendColumnsArgs {
  const uint8_t* row;
  const int32_t* columns;  // [width][4]: the two source pixels of each and their weights, which sum to 2048
  int width;
  int adjacent;   // so many at the start read neighbours (second = first + 1), where 8 bytes from `first` on may be read
  int16_t* line;  // [3 * width + 4]; the last 4 may be overwritten
};

// Two such lines to levels: out[i] = ((upper * weight >> 16) + (lower * weight >> 16) + 2) >> 2
struct BlendRowsArgs {
  const int16_t* upper;
  const int16_t* lower;
  int upper_weight, lower_weight;  // sum to 2048
  uint8_t* out;                    // [count]
  int count;
};

// Decides a part of a gate's picture (docs/contract.md, SkipGate): sets the bits of mask rows first_row <= row < end_row
// and columns first_column <= column < end_column; first_column is a multiple of 64, end_column too or the
// width, and they are at most gate_part_columns apart. x and y are only read. A pixel's decision does not
// depend on the part that it lies in. x are pixels in memory, planes, or a camera's picture; returns whether what was
// read of planes is finite.
constexpr int gate_part_columns = 320;
constexpr int gate_group_columns = 16;
struct GateArgs {
  const float* x;              // null: x is given by planes, or by picture
  const float* y;              // the reference
  int64_t x_stride, y_stride;  // floats from pixel to pixel
  bool fours;                  // both strides are 4, and all 4 floats of every pixel may be read
  const float* planes;         // [channels][height][width], or null
  const PictureRows* picture;
  const uint64_t* groups;  // null, or as SieveArgs: a pixel in no marked group is closed, and is not looked at
  int group_words;
  int height, width, channels;
  Norm norm;
  int window;  // odd
  float threshold, threshold_signed;
  const float* counts;  // [width + 16] columns of the window that lie in the picture, anything behind the width
  uint64_t* mask;       // [height][words]
  int words;
  int first_row, end_row, first_column, end_column;
  float* scratch;  // gate_scratch(window, channels) floats
};

// Marks the groups of gate_group_columns columns in which a pixel of a gate (GateArgs) may be open, for rows first_row <=
// row < end_row of an input that lies in a camera's picture of three bytes a pixel, as its reference does.
struct SieveArgs {
  const uint8_t* picture;  // [height][width][3], rows picture_row bytes apart; lies at the input's top left
  int64_t picture_row;
  const uint8_t* reference;  // the same, without gaps
  int height, width;
  int input_height, input_width;
  int window;  // odd
  // Sums of |picture - reference| over a window with which nothing opens, at most 254: a line of sieve_line(input_width)
  // of them, one for each byte, for windows of 1, 2, ... `window` rows of the input.
  const uint8_t* harmless;
  int first_row, end_row;
  uint64_t* groups;  // [input_height][words], a bit each
  int words;
  uint8_t* scratch;  // sieve_scratch(window, input_width) bytes
};

// Bytes of a row of an input of this width, in whole words of pixels.
inline int64_t sieve_line(int width) { return (int64_t{width} + 63) / 64 * 192; }

// pixels[p][c] = planes[c][p]; returns whether all values are finite.
struct PlanesArgs {
  const float* planes;
  int64_t plane_stride;
  float* pixels;
  int64_t pixel_stride;
  bool fours;  // pixel_stride is 4, and all 4 floats of every pixel may be written
  int64_t count;
  int channels;
};

// planes[c][p] = pixels[p][c]
struct ReadPlanesArgs {
  const float* pixels;
  int64_t pixel_stride;
  float* planes;
  int64_t plane_stride;
  int64_t count;
  int channels;
  bool stream;  // past the caches, where the level can: writing lines that are not read soon takes half the time
};

struct KernelTable {
  Level level;
  const char* name;  // "avx512", "avx2", "neon", "scalar"
  int gemm_rows;     // preferred pixels per panel (MR)
  // Packed weights may be entered at every output channel that is a multiple of this: gemm_weights_size(taps,
  // channels, column_block) floats further each.
  static constexpr int column_block = 64;

  int64_t (*gemm_weights_size)(int taps, int channels, int n);  // floats, bias included
  int (*packed_columns)(int n);                                 // n rounded up to the register block
  // weights [n][channels][taps] (ONNX order with taps = kh*kw, already the taps used), bias [n] or null
  void (*pack_gemm)(const float* weights, const float* bias, int taps, int channels, int n, float* packed);
  void (*gemm)(const GemmArgs&);

  // gemm of at most dot_outputs output channels: its weights are packed by pack_dot, and of `out` it writes n floats a
  // pixel. prefers_dot: where it is the faster one.
  static constexpr int dot_outputs = 4;
  bool (*prefers_dot)(int taps, int channels, int n);
  int64_t (*dot_weights_size)(int taps, int channels, int n);
  void (*pack_dot)(const float* weights, const float* bias, int taps, int channels, int n, float* packed);
  void (*dot)(const GemmArgs&);

  int64_t (*depthwise_weights_size)(int taps, int channels);
  // weights [channels][taps]
  void (*pack_depthwise)(const float* weights, const float* bias, int taps, int channels, float* packed);
  void (*depthwise)(const DepthwiseArgs&);

  void (*epilogue)(const EpilogueArgs&);
  void (*binary)(const BinaryArgs&);
  void (*unary)(const UnaryArgs&);
  void (*pool)(const PoolArgs&);
  void (*blend)(const BlendArgs&);
  void (*gather)(const GatherArgs&);
  void (*softmax)(const SoftmaxArgs&);
  void (*gate_rows)(const GateRowsArgs&);

  int64_t (*gate_scratch)(int window, int channels);
  bool (*gate)(const GateArgs&);
  int64_t (*sieve_scratch)(int window, int width);
  void (*sieve)(const SieveArgs&);
  bool (*write_planes)(const PlanesArgs&);
  void (*read_planes)(const ReadPlanesArgs&);
  // planes[c][0 ..] = columns begin .. end - 1 of a row
  void (*normalise_row)(const PictureRows&, int row, int begin, int end, float* const* planes);
  void (*blend_columns)(const BlendColumnsArgs&);
  void (*blend_rows)(const BlendRowsArgs&);
};

// nullptr where this build or this CPU lacks the level
const KernelTable* kernel_table(Level level);
const KernelTable* best_kernel_table();
bool parse_level(const char* name, Level* level);  // "auto" is not a level: the caller handles it

}  // namespace edgeskip
