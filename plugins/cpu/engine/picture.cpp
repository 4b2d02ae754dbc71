#include "picture.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace edgeskip {

namespace {

constexpr int kChannels = 3;

void check_axis(const char* what, const int32_t* axis, int size, int source) {
  for (int i = 0; i < size; ++i) {
    const int32_t* entry = axis + 4 * i;
    const bool inside = std::min(entry[0], entry[1]) >= 0 && std::max(entry[0], entry[1]) < source;
    if (!inside || std::min(entry[2], entry[3]) < 0 || entry[2] + entry[3] != 2048)
      throw std::invalid_argument("write_picture: " + std::string(what) + " " + std::to_string(i) + " is wrong");
  }
}

// Luminance in 15 bits, as in OpenCV's BGR2GRAY.
int luminance(const uint8_t* bgr) { return (bgr[0] * 3735 + bgr[1] * 19235 + bgr[2] * 9798 + (1 << 14)) >> 15; }

template <int stride>
void normalise(const uint8_t* line, const PictureRules& rules, int64_t any_stride, float* out) {
  const float *first = rules.levels, *second = first + 256, *third = second + 256;
  const uint8_t *a = line + rules.order[0], *b = line + rules.order[1], *c = line + rules.order[2];
  const int64_t step = stride ? stride : any_stride;
  for (int x = 0; x < rules.width; ++x, out += step) {
    out[0] = first[a[x * kChannels]];
    out[1] = second[b[x * kChannels]];
    out[2] = third[c[x * kChannels]];
  }
}

void normalise_row(const uint8_t* line, const PictureRules& rules, const TensorView& tensor, float* out) {
  if (rules.gray)
    for (int x = 0; x < rules.width; ++x) out[x * tensor.stride] = rules.levels[luminance(line + x * kChannels)];
  else if (tensor.stride == 4)
    normalise<4>(line, rules, 4, out);
  else
    normalise<0>(line, rules, tensor.stride, out);
}

int16_t high_product(int16_t a, int16_t b) { return static_cast<int16_t>(a * b >> 16); }

// left * weight + right * weight of a pixel's three channels, in units of 1/128.
void blend(const uint8_t* left, const uint8_t* right, const int32_t* entry, int16_t* out) {
  for (int c = 0; c < kChannels; ++c) out[c] = static_cast<int16_t>((left[c] * entry[2] + right[c] * entry[3]) >> 4);
}

#if defined(__SSE2__)
// The same for a pixel that is not the last of its row; writes one value more, which the next pixel overwrites.
void blend_inside(const uint8_t* left, const uint8_t* right, const int32_t* entry, int16_t* out) {
  int32_t first, second;
  std::memcpy(&first, left, 4);
  std::memcpy(&second, right, 4);
  const __m128i bytes = _mm_unpacklo_epi8(_mm_cvtsi32_si128(first), _mm_cvtsi32_si128(second));
  const __m128i pairs = _mm_unpacklo_epi8(bytes, _mm_setzero_si128());
  const __m128i weights = _mm_set1_epi32(entry[2] | entry[3] << 16);
  const __m128i sums = _mm_srai_epi32(_mm_madd_epi16(pairs, weights), 4);
  _mm_storel_epi64(reinterpret_cast<__m128i*>(out), _mm_packs_epi32(sums, sums));
}
#endif

void pad(const TensorView& tensor, const float* pads, int row, int first) {
  for (int x = first; x < tensor.width; ++x) std::copy_n(pads, tensor.channels, tensor.row(row, x));
}

}  // namespace

void PictureWriter::check(const Picture& picture, const PictureRules& rules, const TensorView& tensor) {
  const auto require = [](bool condition, const char* text) {
    if (!condition) throw std::invalid_argument(std::string("write_picture: ") + text);
  };
  require(tensor.channels == (rules.gray ? 1 : kChannels), "the tensor has another number of channels");
  require(rules.width >= 1 && rules.width <= tensor.width && rules.height >= 1 && rules.height <= tensor.height,
          "the resized picture is larger than the tensor");
  require(rules.columns || (rules.width == picture.width && rules.height == picture.height),
          "a picture of another size needs columns and rows");
  for (const int channel : rules.order) require(channel >= 0 && channel < kChannels, "order must be of 0, 1 and 2");
  if (!rules.columns) return;
  check_axis("column", rules.columns, rules.width, picture.width);
  check_axis("row", rules.rows, rules.height, picture.height);
}

void PictureWriter::write(const Picture& picture, const PictureRules& rules, const TensorView& tensor) {
  held_[0] = held_[1] = -1;
  for (int row = 0; row < tensor.height; ++row) {
    if (row >= rules.height) {
      pad(tensor, rules.pads, row, 0);
      continue;
    }
    const uint8_t* line = rules.columns ? resized_row(picture, rules, row) : picture.pixels + row * picture.row_bytes;
    normalise_row(line, rules, tensor, tensor.row(row, 0));
    pad(tensor, rules.pads, row, rules.width);
  }
}

const uint8_t* PictureWriter::resized_row(const Picture& picture, const PictureRules& rules, int row) {
  const int32_t* entry = rules.rows + 4 * row;
  const int16_t* upper = source_row(picture, rules, entry[0], entry[1]);
  const int16_t* lower = source_row(picture, rules, entry[1], entry[0]);
  const int values = rules.width * kChannels;
  const int16_t upper_weight = static_cast<int16_t>(entry[2]), lower_weight = static_cast<int16_t>(entry[3]);
  resized_.resize(std::max<size_t>(resized_.size(), values));
  uint8_t* out = resized_.data();
  for (int i = 0; i < values; ++i)
    out[i] = static_cast<uint8_t>(static_cast<int16_t>(high_product(upper[i], upper_weight) +
                                                       high_product(lower[i], lower_weight) + 2) >> 2);
  return out;
}

// A source row resized along the row, in units of 1/128; the row `other` stays held.
const int16_t* PictureWriter::source_row(const Picture& picture, const PictureRules& rules, int row, int other) {
  for (int i = 0; i < 2; ++i)
    if (held_[i] == row) return lines_[i].data();
  const int slot = held_[0] == other ? 1 : 0;
  held_[slot] = row;
  lines_[slot].resize(std::max<size_t>(lines_[slot].size(), size_t{kChannels} * rules.width));
  int16_t* out = lines_[slot].data();
  const uint8_t* in = picture.pixels + row * picture.row_bytes;
  const int32_t* entry = rules.columns;
  int x = 0;
#if defined(__SSE2__)
  for (; x + 1 < rules.width && entry[1] + 1 < picture.width; ++x, entry += 4)
    blend_inside(in + kChannels * entry[0], in + kChannels * entry[1], entry, out + kChannels * x);
#endif
  for (; x < rules.width; ++x, entry += 4)
    blend(in + kChannels * entry[0], in + kChannels * entry[1], entry, out + kChannels * x);
  return lines_[slot].data();
}

}  // namespace edgeskip
