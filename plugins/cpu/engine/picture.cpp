#include "picture.h"

#include <algorithm>
#include <stdexcept>
#include <string>

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

void resize(AlignedMemory& memory, size_t bytes) {
  if (memory.bytes() < bytes) memory = AlignedMemory(bytes);
}

// How many first columns read neighbours that are not among the last bytes of a row (BlendColumnsArgs::adjacent).
int adjacent_columns(const Picture& picture, const PictureRules& rules) {
  int x = 0;
  for (const int32_t* entry = rules.columns; x < rules.width; ++x, entry += 4)
    if (entry[1] != entry[0] + 1 || entry[0] + 2 >= picture.width) break;
  return x;
}

constexpr int kSlack = 4;  // BlendColumnsArgs::line

// Resizes rows one after the other. Of the source rows, resized along the row, it holds the last two.
class RowResizer {
 public:
  RowResizer(const Picture& picture, const PictureRules& rules, const KernelTable& kernels, int adjacent,
             int16_t* lines)
      : picture_(picture), rules_(rules), kernels_(kernels), adjacent_(adjacent),
        lines_{lines, lines + line_length(rules.width)} {}

  static int64_t line_length(int width) { return int64_t{kChannels} * width + kSlack; }

  void write(int row, uint8_t* out) {
    const int32_t* entry = rules_.rows + 4 * row;
    // a row without weight is not looked at
    const int first = entry[2] ? entry[0] : entry[1], second = entry[3] ? entry[1] : first;
    const int16_t* upper = source_row(first, second);
    const int16_t* lower = source_row(second, first);
    kernels_.blend_rows({upper, lower, entry[2], entry[3], out, rules_.width * kChannels});
  }

 private:
  // A source row resized along the row; the row `other` stays held.
  const int16_t* source_row(int row, int other) {
    for (int i = 0; i < 2; ++i)
      if (held_[i] == row) return lines_[i];
    const int slot = held_[0] == other ? 1 : 0;
    held_[slot] = row;
    const uint8_t* in = picture_.pixels + row * picture_.row_bytes;
    kernels_.blend_columns({in, rules_.columns, rules_.width, adjacent_, lines_[slot]});
    return lines_[slot];
  }

  const Picture& picture_;
  const PictureRules& rules_;
  const KernelTable& kernels_;
  const int adjacent_;
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

PictureRows PictureReader::read(const Picture& picture, const PictureRules& rules, const KernelTable& kernels,
                                ThreadPool& pool) {
  PictureRows result = {};
  result.pixels = picture.pixels, result.row_bytes = picture.row_bytes;
  result.height = rules.height, result.width = rules.width, result.gray = rules.gray;
  std::copy_n(rules.order, kChannels, result.order);
  std::copy_n(rules.mean, kChannels, result.mean);
  std::copy_n(rules.scale, kChannels, result.scale);
  std::copy_n(rules.pads, kChannels, result.pads);
  if (!rules.columns) return result;
  const int64_t row_bytes = int64_t{kChannels} * rules.width;
  const int64_t lines = 2 * RowResizer::line_length(rules.width);
  const int adjacent = adjacent_columns(picture, rules);
  resize(lines_, sizeof(int16_t) * lines * pool.threads());
  resize(bytes_, row_bytes * rules.height);
  const int tasks = pool.threads() == 1 ? 1 : (rules.height + kBand - 1) / kBand;
  pool.run(tasks, [&](int task, int thread) {
    RowResizer resizer(picture, rules, kernels, adjacent, lines_.as<int16_t>() + lines * thread);
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
