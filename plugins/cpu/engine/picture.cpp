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
constexpr int kBand = 32;  // rows of a task; the first of them reads source rows that the band above read too

void check_axis(const char* what, const int32_t* axis, int size, int source) {
  for (int i = 0; i < size; ++i) {
    const int32_t* entry = axis + 4 * i;
    const bool inside = std::min(entry[0], entry[1]) >= 0 && std::max(entry[0], entry[1]) < source;
    if (!inside || std::min(entry[2], entry[3]) < 0 || entry[2] + entry[3] != 2048)
      throw std::invalid_argument("write_picture: " + std::string(what) + " " + std::to_string(i) + " is wrong");
  }
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

void resize(AlignedMemory& memory, size_t bytes) {
  if (memory.bytes() < bytes) memory = AlignedMemory(bytes);
}

// Resizes rows one after the other. Of the source rows, resized along the row, it holds the last two.
class RowResizer {
 public:
  RowResizer(const Picture& picture, const PictureRules& rules, int16_t* lines)
      : picture_(picture), rules_(rules), lines_{lines, lines + size_t{kChannels} * rules.width} {}

  void write(int row, uint8_t* out) {
    const int32_t* entry = rules_.rows + 4 * row;
    const int16_t* upper = source_row(entry[0], entry[1]);
    const int16_t* lower = source_row(entry[1], entry[0]);
    const int values = rules_.width * kChannels;
    const int16_t upper_weight = static_cast<int16_t>(entry[2]), lower_weight = static_cast<int16_t>(entry[3]);
    for (int i = 0; i < values; ++i)
      out[i] = static_cast<uint8_t>(static_cast<int16_t>(high_product(upper[i], upper_weight) +
                                                         high_product(lower[i], lower_weight) + 2) >> 2);
  }

 private:
  // A source row resized along the row, in units of 1/128; the row `other` stays held.
  const int16_t* source_row(int row, int other) {
    for (int i = 0; i < 2; ++i)
      if (held_[i] == row) return lines_[i];
    const int slot = held_[0] == other ? 1 : 0;
    held_[slot] = row;
    int16_t* out = lines_[slot];
    const uint8_t* in = picture_.pixels + row * picture_.row_bytes;
    const int32_t* entry = rules_.columns;
    int x = 0;
#if defined(__SSE2__)
    for (; x + 1 < rules_.width && entry[1] + 1 < picture_.width; ++x, entry += 4)
      blend_inside(in + kChannels * entry[0], in + kChannels * entry[1], entry, out + kChannels * x);
#endif
    for (; x < rules_.width; ++x, entry += 4)
      blend(in + kChannels * entry[0], in + kChannels * entry[1], entry, out + kChannels * x);
    return out;
  }

  const Picture& picture_;
  const PictureRules& rules_;
  int16_t* lines_[2];
  int held_[2] = {-1, -1};  // their numbers
};

}  // namespace

void PictureReader::check(const Picture& picture, const PictureRules& rules, Size size, int channels) {
  const auto require = [](bool condition, const char* text) {
    if (!condition) throw std::invalid_argument(std::string("write_picture: ") + text);
  };
  require(channels == rules.channels(), "the input has another number of channels");
  require(rules.width >= 1 && rules.width <= size.width && rules.height >= 1 && rules.height <= size.height,
          "the resized picture is larger than the input");
  require(rules.columns || (rules.width == picture.width && rules.height == picture.height),
          "a picture of another size needs columns and rows");
  for (const int channel : rules.order) require(channel >= 0 && channel < kChannels, "order must be of 0, 1 and 2");
  if (!rules.columns) return;
  check_axis("column", rules.columns, rules.width, picture.width);
  check_axis("row", rules.rows, rules.height, picture.height);
}

PictureRows PictureReader::read(const Picture& picture, const PictureRules& rules, ThreadPool& pool) {
  PictureRows result = {};
  result.pixels = picture.pixels, result.row_bytes = picture.row_bytes;
  result.height = rules.height, result.width = rules.width, result.gray = rules.gray;
  std::copy_n(rules.order, kChannels, result.order);
  std::copy_n(rules.mean, kChannels, result.mean);
  std::copy_n(rules.scale, kChannels, result.scale);
  std::copy_n(rules.pads, kChannels, result.pads);
  if (!rules.columns) return result;
  const int64_t row_bytes = int64_t{kChannels} * rules.width;
  const int64_t lines = 2 * row_bytes;
  resize(lines_, sizeof(int16_t) * lines * pool.threads());
  resize(bytes_, row_bytes * rules.height);
  const int tasks = pool.threads() == 1 ? 1 : (rules.height + kBand - 1) / kBand;
  pool.run(tasks, [&](int task, int thread) {
    RowResizer resizer(picture, rules, lines_.as<int16_t>() + lines * thread);
    const int begin = tasks == 1 ? 0 : task * kBand, end = tasks == 1 ? rules.height : begin + kBand;
    for (int row = begin; row < std::min(end, rules.height); ++row) resizer.write(row, bytes_.data() + row * row_bytes);
  });
  result.pixels = bytes_.data(), result.row_bytes = row_bytes;
  return result;
}

void write_rows(const PictureRows& rows, const KernelTable& kernels, const TensorView& tensor, bool fours) {
  constexpr int part = 256;
  float values[kChannels * part];
  float* const planes[kChannels] = {values, values + part, values + 2 * part};
  for (int row = 0; row < tensor.height; ++row)
    for (int column = 0; column < tensor.width; column += part) {
      const int end = std::min(column + part, tensor.width);
      kernels.normalise_row(rows, row, column, end, planes);
      kernels.write_planes({values, part, tensor.row(row, column), tensor.stride, fours, end - column, tensor.channels});
    }
}

}  // namespace edgeskip
