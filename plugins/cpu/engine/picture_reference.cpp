#include "picture_reference.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace edgeskip {

namespace {

constexpr double kMargin = 0.999;  // of a limit: far above what floats round
constexpr int kChannels = 3;
constexpr int kMostByte = 254;  // sums end at 255

bool same_kind(const PictureRows& a, const PictureRows& b) {
  const auto same = [](const auto& x, const auto& y) { return std::equal(std::begin(x), std::end(x), std::begin(y)); };
  return a.height == b.height && a.width == b.width && a.gray == b.gray && same(a.order, b.order) &&
         same(a.mean, b.mean) && same(a.scale, b.scale) && same(a.pads, b.pads);
}

// The mean of a window's norms is at most this x the mean change of the channel that changed most.
double norm_factor(Norm norm) { return norm == Norm::l2 ? std::sqrt(3.0) : norm == Norm::l1 ? 1.0 : 3.0; }

bool full(const MaskView& mask) { return count(mask) == int64_t{mask.height} * mask.width; }

}  // namespace

PictureReference::PictureReference(Size size, int channels) : size_(size), colour_(channels == kChannels) {}

bool PictureReference::knows(const PictureRows& picture) const { return known_ && same_kind(kind_, picture); }

SieveArgs PictureReference::sieve(const PictureRows& picture, const SieveRules& rules) {
  if (!limited_) set_limits(rules);
  SieveArgs args = {};
  args.picture = picture.pixels, args.picture_row = picture.row_bytes, args.reference = pixels_.data();
  args.height = kind_.height, args.width = kind_.width;
  args.input_height = size_.height, args.input_width = size_.width;
  args.window = rules.window, args.harmless = limits_.data();
  return args;
}

void PictureReference::accept(const FrameInput& input, const MaskView& mask) {
  if (!any(mask)) return;
  const PictureRows& picture = input.picture;
  if (input.planes || !colour_) return forget();
  if (!knows(picture)) {
    known_ = full(mask);
    if (!known_) return;
    kind_ = picture, limited_ = false;
    const size_t bytes = size_t{kChannels} * picture.width * picture.height;
    if (pixels_.bytes() < bytes) pixels_ = AlignedMemory(bytes);
  }
  for (int row = 0; row < picture.height; ++row) copy_row(picture, mask.row(row), mask.words, row);
}

void PictureReference::copy_row(const PictureRows& picture, const uint64_t* bits, int words, int row) {
  const uint8_t* in = picture.pixels + row * picture.row_bytes;
  uint8_t* out = pixels_.data() + int64_t{kChannels} * picture.width * row;
  for (int word = 0; word < words && word * 64 < picture.width; ++word) {
    const int first = word * 64, count = std::min(64, picture.width - first);
    if (bits[word] == ~uint64_t{0})
      std::memcpy(out + kChannels * first, in + kChannels * first, static_cast<size_t>(kChannels * count));
    else
      for_each_bit(bits + word, 1, [&](int bit) {
        if (bit < count) std::memcpy(out + kChannels * (first + bit), in + kChannels * (first + bit), kChannels);
      });
  }
}

void PictureReference::set_limits(const SieveRules& rules) {
  const int64_t line = sieve_line(size_.width), values = line * rules.window;
  if (limits_.bytes() < static_cast<size_t>(values)) limits_ = AlignedMemory(static_cast<size_t>(values));
  std::memset(limits_.data(), kMostByte, static_cast<size_t>(values));
  // the norm of a mean is at most the mean of the largest channel
  const double threshold = std::min<double>(rules.threshold / norm_factor(rules.norm), rules.threshold_signed);
  for (int row = 0; row < rules.window; ++row)
    for (int column = 0; column < size_.width; ++column)
      for (int c = 0; c < kChannels; ++c) {
        uint8_t& limit = limits_.data()[row * line + kChannels * column + kind_.order[c]];
        limit = std::min(limit, harmless_sum(threshold, c, rules.counts[column] * (row + 1.0)));
      }
  limited_ = true;
}

// Of the distances of a channel's byte: threshold x pixels / scale.
uint8_t PictureReference::harmless_sum(double threshold, int channel, double pixels) const {
  const double scale = std::fabs(kind_.scale[channel]), mean = std::fabs(kind_.mean[channel]);
  // two values of up to 256 + |mean| levels were rounded
  const double levels = kMargin * threshold / scale - (256.0 + mean) * 0x1p-22;
  return static_cast<uint8_t>(std::isnan(levels) ? 0.0 : std::clamp(pixels * levels, 0.0, double{kMostByte}));
}

}  // namespace edgeskip
