// What the engine tests share.
#pragma once

#include <vector>

#include "check.h"
#include "engine/engine.h"

namespace edgeskip::testing {

void test_masks();
void test_threads();
void test_network();
void test_pictures();
void test_allocation();
void test_columns();

// A plan with every kind of op, for a picture of a height and width that are multiples of 4.
struct Network {
  Plan plan;
  int picture = 0;           // tensor to write, 3 channels
  std::vector<int> tensors;  // all that ops write
  std::vector<int> masks;
  int ops = 0;
};
Network make_network(int height, int width, uint32_t seed);

// Frame number `index` of a video with noise-free still parts: [3, height, width].
std::vector<float> make_picture(int height, int width, int index);

}  // namespace edgeskip::testing
