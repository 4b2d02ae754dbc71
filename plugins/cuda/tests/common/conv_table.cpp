#include "tests/common/conv_table.h"

#include <limits>

namespace edgeskip::cuda {

namespace {

// 2^k * {1, 2, 3} +- 1
std::vector<int> odd_sizes(int largest) {
  std::vector<int> sizes;
  for (int power = 1; power <= largest; power *= 2)
    for (const int factor : {1, 2, 3})
      for (const int step : {-1, 0, 1}) {
        const int size = power * factor + step;
        if (size >= 1 && size <= largest) sizes.push_back(size);
      }
  return sizes;
}

// Geometry and channels.
void add_shapes(std::vector<ConvCase>& table) {
  unsigned turn = 0;
  for (const int channels : odd_sizes(160)) {
    const int other = odd_sizes(160)[(turn * 7 + 3) % odd_sizes(160).size()];
    table.push_back(conv_case(1, 9, 10, channels, other, 3, 1 + turn % 2));
    table.push_back(conv_case(2, 7, 11, other, channels, turn % 2 ? 1 : 3));
    ++turn;
  }
  for (const int side : odd_sizes(65))
    table.push_back(conv_case(3, side, 70 - side, 16, 24, 3, 1 + side % 3, 1 + side % 2));
  for (const int channels : {32, 64, 128, 256}) table.push_back(conv_case(3, 23, 37, channels, channels));
  for (const int group : {2, 4, 8}) table.push_back(conv_case(2, 13, 11, 64, 64, 3, 1, 1, group));
  for (const int channels : {2, 8, 24, 33, 96, 264, 960})
    table.push_back(conv_case(2, 13, 14, channels, channels, 3, 1 + channels % 2, 1, channels));
  table.push_back(conv_case(1, 9, 9, 16, 32, 5, 1, 1, 16));
}

// What a layer does with its results; spread over the cases in turn.
void add_rules(std::vector<ConvCase>& table) {
  constexpr int blocks[] = {1, 2, 4, 8};
  constexpr float thresholds[] = {0.0f, 0.2f, 0.05f, std::numeric_limits<float>::infinity()};
  unsigned turn = 0;
  for (ConvCase& c : table) {
    c.rules.activation = static_cast<Activation>(turn % 10);
    c.rules.alpha = turn % 10 == 2 ? -0.5f : 0.2f, c.rules.beta = 0.6f;
    c.rules.norm = static_cast<Norm>(turn % 3);
    c.rules.block = blocks[turn / 3 % 4], c.rules.threshold = thresholds[turn / 2 % 4];
    c.residual = turn % 4 == 1, c.mask_z = turn % 4 == 1, c.gate = turn % 5 == 2, c.pending = turn % 10 == 2;
    c.channel_weight = turn % 7 == 3, c.in_place = turn % 3 != 0, c.first_frame = turn % 11 == 0;
    c.channels_first = turn % 13 == 6, c.padding = turn % 13 == 8 ? 8 : turn % 13 == 9 ? 16 : 1;
    c.active = turn % 6 == 0 ? 1.0 : turn % 6 == 1 ? 0.02 : 0.3;
    c.seed = 1000 + turn++;
  }
}

}  // namespace

std::vector<ConvCase> conv_table(bool few) {
  std::vector<ConvCase> table, result;
  add_shapes(table);
  add_rules(table);
  for (int tile = 0; tile < conv_tile_count(); ++tile)
    for (const float threshold : {0.0f, 0.3f}) {
      ConvCase c = conv_case(2, 33, 47, 64, 296);
      c.rules.tile = tile, c.rules.threshold = threshold, c.active = 0.2;
      table.push_back(c);
    }
  for (size_t i = 0; i < table.size(); i += few ? 9 : 1)
    for (const ElementType type : {ElementType::float16, ElementType::float32}) {
      ConvCase c = table[i];
      c.rules.type = type;
      // the widest tile is compiled for FP16 only
      if (c.rules.tile < conv_tile_count() - 1 || type == ElementType::float16) result.push_back(c);
    }
  return result;
}

}  // namespace edgeskip::cuda
