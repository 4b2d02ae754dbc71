// Masks: one bit per pixel, 64 pixels a word, rows padded to words. Bits behind the width are 0.
#pragma once

#include <cstdint>
#include <vector>

namespace edgeskip {

// A pixel in a list of active pixels: row in the upper, column in the lower 16 bits.
using Pixel = uint32_t;
constexpr int kMaximumSide = 65535;

inline int row_of(Pixel pixel) { return static_cast<int>(pixel >> 16); }
inline int column_of(Pixel pixel) { return static_cast<int>(pixel & 0xffffu); }
inline Pixel make_pixel(int y, int x) { return static_cast<Pixel>(y) << 16 | static_cast<Pixel>(x); }

inline int words_of(int width) { return (width + 63) / 64; }
inline int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b != 0 && (a < 0) != (b < 0)); }

struct MaskView {
  uint64_t* bits = nullptr;
  int height = 0, width = 0, words = 0;

  MaskView() = default;
  MaskView(uint64_t* memory, int rows, int columns)
      : bits(memory), height(rows), width(columns), words(words_of(columns)) {}

  uint64_t* row(int y) const { return bits + static_cast<int64_t>(y) * words; }
  int64_t size() const { return static_cast<int64_t>(height) * words; }  // in words
  bool single() const { return height == 1 && width == 1; }
  bool get(int y, int x) const { return row(y)[x / 64] >> (x % 64) & 1; }
  void set(int y, int x) const { row(y)[x / 64] |= uint64_t{1} << (x % 64); }
};

// Geometry of a convolution or pooling; pads are top, left, bottom, right.
struct Window {
  int kernel[2] = {1, 1};
  int strides[2] = {1, 1};
  int pads[4] = {0, 0, 0, 0};
  int dilations[2] = {1, 1};
};

void clear(const MaskView& mask);
void fill(const MaskView& mask);
bool any(const MaskView& mask);
bool any(const uint64_t* words, int count);
int64_t count(const MaskView& mask);

// out |= in; `in` has out's size or is a single bit, which broadcasts.
void unite(const MaskView& in, const MaskView& out);

// out[x] |= in[x + shift] for a row of words; what lies outside `in` counts as 0.
void or_shifted(const uint64_t* in, int in_words, uint64_t* out, int out_words, int64_t shift);

// Clears the bits of a row that lie behind its width.
inline void clip_row(uint64_t* row, int width) {
  if (width % 64) row[width / 64] &= (uint64_t{1} << (width % 64)) - 1;
}

// Calls body(bit) for each set bit of a row, in order.
template <class Body>
inline void for_each_bit(const uint64_t* row, int words, const Body& body) {
  for (int i = 0; i < words; ++i)
    for (uint64_t word = row[i]; word; word &= word - 1) body(i * 64 + __builtin_ctzll(word));
}

// Calls body(word, bits) for each word of the mask in which listed pixels (in raster order) are flagged.
template <class Body>
inline void for_each_word(const MaskView& mask, const Pixel* pixels, const uint8_t* flags, int count,
                          const Body& body) {
  for (int p = 0; p < count;) {
    const Pixel word = pixels[p] / 64;  // the row and the word within it
    uint64_t bits = 0;
    for (; p < count && pixels[p] / 64 == word; ++p) bits |= uint64_t{flags[p]} << (pixels[p] % 64);
    if (bits) body(mask.row(row_of(word * 64)) + column_of(word * 64) / 64, bits);
  }
}

// Sets bits of a word that other threads may write too: parts of a list of pixels can meet within one.
inline void set_shared(uint64_t* word, uint64_t bits) { __atomic_fetch_or(word, bits, __ATOMIC_RELAXED); }

// Sets the bits first .. last (inclusive) of a row.
void set_range(uint64_t* row, int first, int last);

// out = max pooling of in. `scratch` holds pool_scratch_words(in, out, window) words.
int64_t pool_scratch_words(int in_height, int out_width, const Window& window);
void pool_mask(const MaskView& in, const MaskView& out, const Window& window, uint64_t* scratch);

// out = the pixels of a transposed convolution's output that a set pixel of in reaches.
int64_t scatter_scratch_words(int in_width, int out_width, const Window& window);
void scatter_mask(const MaskView& in, const MaskView& out, const Window& window, uint64_t* scratch);

// For each index of an axis: the first and last (inclusive) index of the other side; empty: first > last.
using Ranges = std::vector<int32_t>;  // [n][2]

// The outputs that read an input, from the inputs that each output reads (both monotonous).
Ranges invert_ranges(const Ranges& reads, int inputs);

// out[y, x] = any of in over rows[y] x the columns that `column_outputs` (inverted) sends to x.
// `scratch` holds words_of(in.width) words.
void resize_mask(const MaskView& in, const MaskView& out, const Ranges& rows, const Ranges& column_outputs,
                 uint64_t* scratch);

// out[y, x] = in[y * step[0] + offset[0], x * step[1] + offset[1]], 0 outside.
void window_mask(const MaskView& in, const MaskView& out, const int offset[2], const int step[2]);

// Rounds the set pixels up to whole blocks of `block` x `block` (a power of two up to 64).
void round_to_blocks(const MaskView& mask, int block);

// Writes the set pixels in raster order; returns how many.
int64_t list_pixels(const MaskView& mask, Pixel* out);

// The same for the rows y % step == phase only, and the columns whose bits are set in `column_bits`.
int64_t list_pixels(const MaskView& mask, int step, int phase, const uint64_t* column_bits, Pixel* out);

}  // namespace edgeskip
