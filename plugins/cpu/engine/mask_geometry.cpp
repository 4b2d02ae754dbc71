// Masks through the geometry of convolution, pooling, resize and slices: shifts and ORs on whole rows.
#include <algorithm>
#include <cstring>

#include "mask.h"

namespace edgeskip {

namespace {

// The even bits of a word, packed into its lower half.
uint64_t compress_even(uint64_t word) {
  word &= 0x5555555555555555u;
  word = (word | word >> 1) & 0x3333333333333333u;
  word = (word | word >> 2) & 0x0f0f0f0f0f0f0f0fu;
  word = (word | word >> 4) & 0x00ff00ff00ff00ffu;
  word = (word | word >> 8) & 0x0000ffff0000ffffu;
  return (word | word >> 16) & 0x00000000ffffffffu;
}

// out[x] = in[x * stride]; out is cleared before.
void compress_row(const uint64_t* in, int in_words, uint64_t* out, int out_words, int stride) {
  if (stride == 2) {
    for (int i = 0; i < in_words && i / 2 < out_words; ++i) out[i / 2] |= compress_even(in[i]) << (i % 2 * 32);
    return;
  }
  for_each_bit(in, in_words, [&](int x) {
    if (x % stride == 0 && x / stride / 64 < out_words) out[x / stride / 64] |= uint64_t{1} << (x / stride % 64);
  });
}

void or_row(const uint64_t* in, uint64_t* out, int words) {
  for (int i = 0; i < words; ++i) out[i] |= in[i];
}

// Words of a row before it is compressed by the stride.
int uncompressed_words(int out_width, const Window& window) {
  return words_of((out_width - 1) * window.strides[1] + 1);
}

// One input row through the window's columns; `wide` is scratch of uncompressed_words.
void pool_row(const uint64_t* in, int in_words, uint64_t* out, int out_width, const Window& window, uint64_t* wide) {
  const int wide_words = uncompressed_words(out_width, window);
  uint64_t* target = window.strides[1] == 1 ? out : wide;
  if (target == wide) std::memset(wide, 0, sizeof(uint64_t) * wide_words);
  for (int k = 0; k < window.kernel[1]; ++k)
    or_shifted(in, in_words, target, wide_words, int64_t{k} * window.dilations[1] - window.pads[1]);
  if (target == wide) compress_row(wide, wide_words, out, words_of(out_width), window.strides[1]);
  clip_row(out, out_width);
}

}  // namespace

int64_t pool_scratch_words(int in_height, int out_width, const Window& window) {
  // pooled rows, one word per row that says whether it holds anything, one uncompressed row
  return int64_t{in_height} * (words_of(out_width) + 1) + uncompressed_words(out_width, window);
}

void pool_mask(const MaskView& in, const MaskView& out, const Window& window, uint64_t* scratch) {
  uint64_t* pooled = scratch;
  uint64_t* used = pooled + int64_t{in.height} * out.words;
  uint64_t* wide = used + in.height;
  clear(out);
  for (int y = 0; y < in.height; ++y) {
    used[y] = any(in.row(y), in.words);
    if (!used[y]) continue;
    uint64_t* row = pooled + int64_t{y} * out.words;
    std::memset(row, 0, sizeof(uint64_t) * out.words);
    pool_row(in.row(y), in.words, row, out.width, window, wide);
  }
  for (int y = 0; y < out.height; ++y)
    for (int k = 0; k < window.kernel[0]; ++k) {
      const int source = y * window.strides[0] + k * window.dilations[0] - window.pads[0];
      if (source >= 0 && source < in.height && used[source])
        or_row(pooled + int64_t{source} * out.words, out.row(y), out.words);
    }
}

int64_t scatter_scratch_words(int in_width, int out_width, const Window& window) {
  return words_of((in_width - 1) * window.strides[1] + 1) + words_of(out_width);
}

void scatter_mask(const MaskView& in, const MaskView& out, const Window& window, uint64_t* scratch) {
  const int wide_words = words_of((in.width - 1) * window.strides[1] + 1);
  uint64_t* wide = scratch;
  uint64_t* reached = scratch + wide_words;
  clear(out);
  for (int y = 0; y < in.height; ++y) {
    if (!any(in.row(y), in.words)) continue;
    std::memset(scratch, 0, sizeof(uint64_t) * (wide_words + out.words));
    for_each_bit(in.row(y), in.words, [&](int x) {
      const int position = x * window.strides[1];
      wide[position / 64] |= uint64_t{1} << (position % 64);
    });
    for (int k = 0; k < window.kernel[1]; ++k)
      or_shifted(wide, wide_words, reached, out.words, window.pads[1] - int64_t{k} * window.dilations[1]);
    clip_row(reached, out.width);
    for (int k = 0; k < window.kernel[0]; ++k) {
      const int target = y * window.strides[0] + k * window.dilations[0] - window.pads[0];
      if (target >= 0 && target < out.height) or_row(reached, out.row(target), out.words);
    }
  }
}

Ranges invert_ranges(const Ranges& reads, int inputs) {
  Ranges writes(2 * static_cast<size_t>(inputs));
  for (int i = 0; i < inputs; ++i) {
    writes[2 * i] = 0;
    writes[2 * i + 1] = -1;
  }
  for (int output = 0; output < static_cast<int>(reads.size() / 2); ++output)
    for (int i = reads[2 * output]; i <= reads[2 * output + 1]; ++i) {
      if (writes[2 * i] > writes[2 * i + 1]) writes[2 * i] = output;
      writes[2 * i + 1] = output;
    }
  return writes;
}

void resize_mask(const MaskView& in, const MaskView& out, const Ranges& rows, const Ranges& column_outputs,
                 uint64_t* scratch) {
  for (int y = 0; y < out.height; ++y) {
    const bool repeats = y > 0 && rows[2 * y] == rows[2 * y - 2] && rows[2 * y + 1] == rows[2 * y - 1];
    if (repeats) {
      std::memcpy(out.row(y), out.row(y - 1), sizeof(uint64_t) * out.words);
      continue;
    }
    std::memset(scratch, 0, sizeof(uint64_t) * in.words);
    std::memset(out.row(y), 0, sizeof(uint64_t) * out.words);
    for (int source = rows[2 * y]; source <= rows[2 * y + 1]; ++source) or_row(in.row(source), scratch, in.words);
    for_each_bit(scratch, in.words, [&](int x) {
      if (column_outputs[2 * x] <= column_outputs[2 * x + 1])
        set_range(out.row(y), column_outputs[2 * x], column_outputs[2 * x + 1]);
    });
  }
}

void window_mask(const MaskView& in, const MaskView& out, const int offset[2], const int step[2]) {
  clear(out);
  for (int y = 0; y < out.height; ++y) {
    const int64_t source = int64_t{y} * step[0] + offset[0];
    if (source < 0 || source >= in.height) continue;
    const uint64_t* row = in.row(static_cast<int>(source));
    if (!any(row, in.words)) continue;
    if (step[1] == 1) {
      or_shifted(row, in.words, out.row(y), out.words, offset[1]);
      clip_row(out.row(y), out.width);
      continue;
    }
    for (int x = 0; x < out.width; ++x) {
      const int64_t column = int64_t{x} * step[1] + offset[1];
      if (column >= 0 && column < in.width && row[column / 64] >> (column % 64) & 1) out.set(y, x);
    }
  }
}

}  // namespace edgeskip
