// Whole layers under emulation against float64.
#include <limits>
#include <string>

#include "tests/host/check.h"
#include "tests/host/run_conv.h"
#include "tests/host/tests.h"

namespace edgeskip::cuda {

namespace {

constexpr ElementType kTypes[] = {ElementType::float32, ElementType::float16};
constexpr float kInfinity = std::numeric_limits<float>::infinity();

void check_both_types(ConvCase c, const Options& options = {}) {
  for (const ElementType type : kTypes) {
    c.rules.type = type;
    check_conv_case(c, options);
  }
}

}  // namespace

void test_conv_sizes() {
  unsigned seed = 1;
  for (const int channels : {1, 3, 8, 16, 24, 31, 33, 64})
    for (const int outputs : {1, 8, 32, 33, 48}) {
      ConvCase c = conv_case(1, 5 + seed % 4, 7 + seed % 3, channels, outputs, seed % 2 ? 3 : 1, 1 + seed % 2);
      c.seed = seed++;
      check_both_types(c);
    }
  for (const int side : {1, 2, 3, 4, 5, 7, 8, 9, 15, 17, 23, 25}) {
    ConvCase c = conv_case(3, side, 26 - side, 8, 8, 3, 1 + side % 3, 1 + side % 2);
    c.seed = seed++;
    check_both_types(c);
  }
  for (const int group : {2, 4, 8}) {
    ConvCase c = conv_case(2, 6, 5, 16, 40, 3, 1, 1, group);
    c.rules.threshold = group == 4 ? 0.3f : 0.0f;
    c.seed = seed++;
    check_both_types(c);
  }
  ConvCase odd = conv_case(2, 9, 11, 16, 16);
  odd.shape.kernel[0] = 5, odd.shape.kernel[1] = 2, odd.shape.strides[0] = 3, odd.shape.strides[1] = 2;
  odd.shape.pads[0] = 0, odd.shape.pads[1] = 3, odd.shape.pads[2] = 4, odd.shape.pads[3] = 1;
  odd.shape.dilations[1] = 3;
  odd.shape.out_height = conv_output_size(odd.shape, 0), odd.shape.out_width = conv_output_size(odd.shape, 1);
  check_both_types(odd);
}

void test_conv_rules() {
  unsigned seed = 100;
  for (int activation = 0; activation < 10; ++activation) {
    ConvCase c = conv_case(1, 6, 7, 8, 24);
    c.rules.activation = static_cast<Activation>(activation);
    c.rules.alpha = activation == 2 ? -0.4f : 0.2f, c.rules.beta = activation == 2 ? 0.7f : 0.5f;
    c.residual = activation % 2, c.bias = activation % 3 != 0, c.rules.threshold = 0.1f, c.seed = seed++;
    check_both_types(c);
  }
  for (const Norm norm : {Norm::l2, Norm::l1, Norm::linf})
    for (const float threshold : {-1.0f, 0.0f, 0.25f, kInfinity})
      for (const int outputs : {16, 72}) {
        ConvCase c = conv_case(2, 5, 6, 16, outputs, 1);
        c.rules.norm = norm, c.rules.threshold = threshold, c.seed = seed++;
        c.channel_weight = seed % 2, c.mask_z = c.residual = seed % 3 == 0, c.in_place = seed % 4 != 0;
        c.rules.tile = outputs == 72 ? seed % 3 : -1;
        check_both_types(c);
      }
  for (const int block : {1, 2, 4, 8})
    for (const bool pending : {false, true}) {
      ConvCase c = conv_case(3, 11, 13, 8, 16, 3, 1 + block % 2);
      c.rules.block = block, c.gate = true, c.pending = pending, c.rules.threshold = 0.2f, c.seed = seed++;
      c.active = 0.05;
      check_both_types(c);
    }
  for (const int layout : {0, 1, 2}) {
    ConvCase c = conv_case(2, 6, 5, 24, 20);
    c.channels_first = layout == 0, c.padding = layout == 1 ? 8 : layout == 2 ? 16 : 1;
    c.residual = true, c.in_place = layout != 1, c.rules.threshold = 0.2f, c.seed = seed++;
    check_both_types(c);
  }
  for (const double active : {0.0, 0.01, 1.0}) {
    ConvCase c = conv_case(1, 12, 9, 8, 8);
    c.active = active, c.first_frame = active == 1.0, c.seed = seed++;
    check_both_types(c);
  }
  ConvCase vector = conv_case(3, 1, 1, 40, 24, 1);
  vector.broadcast_mask = true, vector.active = 0.5;
  check_both_types(vector);
}

void test_conv_tiles() {
  // every tile of every table row, with more pixels than a tile and with more tiles than blocks
  for (int tile = 0; tile < conv_tile_count(); ++tile)
    for (const float threshold : {0.0f, 0.3f}) {
      ConvCase c = conv_case(2, 13, 25, 24, tile == 3 ? 296 : 136, 1);
      c.rules.tile = tile, c.rules.threshold = threshold, c.active = 0.5, c.residual = true, c.seed = 300 + tile;
      DeviceLimits limits = small_device();
      for (const int multiprocessors : {1, 50}) {  // few: large tiles, many: small ones
        limits.multiprocessors = multiprocessors;
        c.rules.type = multiprocessors == 1 || tile == 0 || tile == 3 ? ElementType::float16 : ElementType::float32;
        check_conv_case(c, {}, limits);
      }
    }
}

void test_conv_schedules() {
  // the result may not depend on when copies land, nor on the order of threads and blocks
  unsigned seed = 400;
  for (const auto order : {Fibers::Order::ascending, Fibers::Order::descending, Fibers::Order::shuffled})
    for (const bool late : {false, true})
      for (const int shared : {65536, 101376, 232448}) {
        ConvCase c = conv_case(1, 9, 17, 40, 48);
        c.rules.threshold = seed % 2 ? 0.2f : 0.0f, c.rules.block = seed % 3 ? 1 : 4, c.seed = seed++;
        Options options;
        options.order = order, options.late_copies = late, options.seed = seed;
        DeviceLimits limits = small_device();
        limits.shared_per_block = shared, limits.shared_per_multiprocessor = shared + 1024;
        c.rules.type = kTypes[seed / 2 % 2];
        check_conv_case(c, options, limits);
      }
  // bit for bit the same with every tile, block and active set: a second run changes nothing
  for (const ElementType type : kTypes) {
    ConvCase c = conv_case(2, 10, 14, 24, 72);
    c.rules.type = type, c.first_frame = true, c.active = 1.0;
    ConvData d = conv_data(c);
    const ConvBuffers b = conv_buffers(c, d, [](void* memory, size_t) { return memory; });
    EDGESKIP_CHECK(run_conv(c.shape, c.rules, b, small_device(), {}) == Status::ok, c.name());
    for (const int32_t bit : d.mask_y) EDGESKIP_CHECK(bit == 1, c.name() + ": the first frame must be published whole");
    for (const int tile : {0, 1, 2, type == ElementType::float16 ? 3 : 2})
      for (const int block : {1, 4}) {
        c.rules.tile = tile, c.rules.block = block, c.rules.threshold = tile % 2 ? 1e-9f : 0.0f;
        for (size_t i = 0; i < d.mask_x.size(); ++i) d.mask_x[i] = (i * 7 + tile) % 3 == 0;
        DeviceLimits limits = small_device();
        limits.multiprocessors = block == 1 ? 1 : 40;
        EDGESKIP_CHECK(run_conv(c.shape, c.rules, b, limits, {}) == Status::ok, c.name());
        for (const int32_t bit : d.mask_y)
          EDGESKIP_CHECK(bit == 0, c.name() + ": tile or block changed a bit of the result");
      }
  }
}

void test_depthwise() {
  unsigned seed = 500;
  for (const int channels : {1, 3, 8, 20, 33, 96, 264, 300})
    for (const int kernel : {3, 5}) {
      ConvCase c = conv_case(2, 5 + seed % 3, 6, channels, channels * (seed % 5 == 0 ? 2 : 1), kernel, 1 + seed % 2, 1,
                             channels);
      if (channels == 1) c.shape.in_channels = c.shape.group = 2, c.shape.out_channels = 2;
      c.rules.threshold = seed % 3 ? 0.2f : 0.0f, c.residual = seed % 4 == 0,
      c.rules.norm = static_cast<Norm>(seed % 3);
      c.in_place = seed % 3 != 1, c.channels_first = seed % 7 == 0, c.rules.activation = Activation::relu,
      c.seed = seed++;
      check_both_types(c);
    }
  ConvCase large = conv_case(1, 9, 9, 1000, 1000, 7, 1, 1, 1000);  // weights do not fit into shared memory
  large.rules.type = ElementType::float32, large.active = 0.02, large.rules.threshold = 0.1f;
  check_conv_case(large, {});
}

}  // namespace edgeskip::cuda
