#include "mask.h"

#include <algorithm>
#include <cstring>

namespace edgeskip {

void clear(const MaskView& mask) { std::memset(mask.bits, 0, sizeof(uint64_t) * mask.size()); }

void fill(const MaskView& mask) {
  std::memset(mask.bits, 0xff, sizeof(uint64_t) * mask.size());
  for (int y = 0; y < mask.height; ++y) clip_row(mask.row(y), mask.width);
}

bool any(const uint64_t* words, int count) {
  uint64_t all = 0;
  for (int i = 0; i < count; ++i) all |= words[i];
  return all != 0;
}

bool any(const MaskView& mask) {
  constexpr int64_t at_once = 32;  // a branch per word would cost more than the words
  const int64_t size = mask.size();
  int64_t i = 0;
  for (; i + at_once <= size; i += at_once)
    if (any(mask.bits + i, at_once)) return true;
  return any(mask.bits + i, static_cast<int>(size - i));
}

int64_t count(const MaskView& mask) {
  int64_t total = 0;
  for (int64_t i = 0; i < mask.size(); ++i) total += __builtin_popcountll(mask.bits[i]);
  return total;
}

void unite(const MaskView& in, const MaskView& out) {
  if (in.single() && !out.single()) {
    if (in.bits[0]) fill(out);
    return;
  }
  for (int64_t i = 0; i < out.size(); ++i) out.bits[i] |= in.bits[i];
}

void or_shifted(const uint64_t* in, int in_words, uint64_t* out, int out_words, int64_t shift) {
  const int64_t word = floor_div(shift, 64);
  const int bit = static_cast<int>(shift - word * 64);
  const int64_t begin = std::max<int64_t>(0, -word - 1);
  const int64_t end = std::min<int64_t>(out_words, in_words - word);
  for (int64_t i = begin; i < end; ++i) {
    const uint64_t low = i + word >= 0 ? in[i + word] : 0;
    const uint64_t high = i + word + 1 < in_words ? in[i + word + 1] : 0;
    out[i] |= bit ? low >> bit | high << (64 - bit) : low;
  }
}

void set_range(uint64_t* row, int first, int last) {
  for (int word = first / 64; word <= last / 64; ++word) {
    uint64_t bits = ~uint64_t{0};
    if (word == first / 64) bits &= ~uint64_t{0} << (first % 64);
    if (word == last / 64) bits &= ~uint64_t{0} >> (63 - last % 64);
    row[word] |= bits;
  }
}

namespace {

// Moves the OR of each aligned group of `block` bits to the group's first bit; the others are junk.
uint64_t fold(uint64_t word, int block) {
  for (int step = 1; step < block; step *= 2) word |= word >> step;
  return word;
}

}  // namespace

void round_to_blocks(const MaskView& mask, int block) {
  if (block <= 1) return;
  uint64_t lowest = 0;  // the first bit of each aligned group
  for (int bit = 0; bit < 64; bit += block) lowest |= uint64_t{1} << bit;
  const uint64_t ones = block == 64 ? ~uint64_t{0} : (uint64_t{1} << block) - 1;
  for (int top = 0; top < mask.height; top += block) {
    const int bottom = std::min(top + block, mask.height);
    for (int i = 0; i < mask.words; ++i) {
      uint64_t word = 0;
      for (int y = top; y < bottom; ++y) word |= mask.row(y)[i];
      if (!word) continue;
      word = (fold(word, block) & lowest) * ones;
      for (int y = top; y < bottom; ++y) mask.row(y)[i] = word;
    }
    for (int y = top; y < bottom; ++y) clip_row(mask.row(y), mask.width);
  }
}

namespace {

Pixel* append(uint64_t word, Pixel first, Pixel* out) {
  if (word == ~uint64_t{0}) {
    for (int bit = 0; bit < 64; ++bit) out[bit] = first + bit;
    return out + 64;
  }
  for (; word; word &= word - 1) *out++ = first + __builtin_ctzll(word);
  return out;
}

}  // namespace

int64_t list_pixels(const MaskView& mask, Pixel* out) {
  Pixel* end = out;
  for (int y = 0; y < mask.height; ++y) {
    const uint64_t* row = mask.row(y);
    for (int i = 0; i < mask.words; ++i)
      if (row[i]) end = append(row[i], make_pixel(y, i * 64), end);
  }
  return end - out;
}

int64_t list_pixels(const MaskView& mask, int step, int phase, const uint64_t* column_bits, Pixel* out) {
  Pixel* end = out;
  for (int y = phase; y < mask.height; y += step) {
    const uint64_t* row = mask.row(y);
    for (int i = 0; i < mask.words; ++i)
      if (row[i] & column_bits[i]) end = append(row[i] & column_bits[i], make_pixel(y, i * 64), end);
  }
  return end - out;
}

}  // namespace edgeskip
