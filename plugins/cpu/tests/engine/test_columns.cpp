// A convolution with few active pixels and many weights, whose output channels threads share: the bits
// are those of one thread, inside the picture and at its edges, whole and narrow column blocks.
#include <cstring>
#include <random>

#include "engine/ops/ops.h"
#include "tests.h"

namespace edgeskip::testing {

namespace {

constexpr int kSide = 24, kInputs = 96;

struct WideConvolution {
  Plan plan;
  int x, y, activated, mask_x, mask_y;

  explicit WideConvolution(int outputs) {
    std::mt19937 random(7);
    std::uniform_real_distribution<float> value(-0.1f, 0.1f);
    x = plan.add_tensor(plan.add_buffer(kSide, kSide, kInputs), 0, kInputs);
    y = plan.add_tensor(plan.add_buffer(kSide, kSide, outputs), 0, outputs);
    activated = plan.add_tensor(plan.add_buffer(kSide, kSide, outputs), 0, outputs);
    mask_x = plan.add_mask(kSide, kSide), mask_y = plan.add_mask(kSide, kSide);
    ConvSpec spec;
    spec.x = x, spec.mask_x = mask_x, spec.y = y, spec.mask_y = mask_y;
    const int shape[4] = {outputs, kInputs, 3, 3};
    std::copy_n(shape, 4, spec.weight_shape);
    for (int i = 0; i < outputs * kInputs * 9; ++i) spec.weight.push_back(value(random));
    for (int i = 0; i < outputs; ++i) spec.bias.push_back(value(random));
    std::fill_n(spec.window.pads, 4, 1);
    spec.activation = {"silu", {}, 0};
    spec.activated = activated, spec.function = {"tanh", {}, 0};
    spec.threshold = 0.05f;
    add_conv(plan, "wide", std::move(spec));
  }

  // After a whole frame, a frame in which the pixels of a square (one side `side`) change.
  std::vector<float> run(const std::string& precision, int threads, int top, int left, int side) const {
    EngineOptions options;
    options.threads = threads;
    options.precision = precision;
    const Engine engine(plan, options);
    Stream stream(engine);
    std::mt19937 random(11);
    std::uniform_real_distribution<float> value(-1, 1);
    std::vector<float> picture(static_cast<size_t>(kInputs) * kSide * kSide);
    for (float& v : picture) v = value(random);
    for (int frame = 0; frame < 2; ++frame) {
      const MaskView& mask = stream.mask(mask_x);
      frame ? clear(mask) : fill(mask);
      for (int row = top; frame && row < top + side; ++row)
        for (int column = left; column < left + side; ++column) {
          mask.set(row, column);
          for (int c = 0; c < kInputs; ++c) picture[(c * kSide + row) * kSide + column] = value(random);
        }
      stream.write(x, picture.data());
      stream.run(0, 1);
    }
    const size_t values = static_cast<size_t>(stream.tensor(y).channels) * kSide * kSide;
    std::vector<float> result(2 * values);
    stream.read(y, result.data());
    stream.read(activated, result.data() + values);
    expect(stream.active_pixels()[0] <= int64_t{side + 2} * (side + 2), "active pixels");
    return result;
  }
};

void test_columns(const std::string& precision) {
  for (const int outputs : {192, 200, 257}) {
    const WideConvolution network(outputs);
    for (const int side : {1, 4, 6})
      for (const int top : {0, 9, kSide - side}) {
        report().context = precision + ", " + std::to_string(outputs) + " outputs, side " + std::to_string(side) +
                           " at " + std::to_string(top);
        const std::vector<float> one = network.run(precision, 1, top, 5, side);
        for (const int threads : {2, 3}) {
          const std::vector<float> more = network.run(precision, threads, top, 5, side);
          expect(!std::memcmp(one.data(), more.data(), sizeof(float) * one.size()), "%d threads", threads);
        }
      }
  }
}

}  // namespace

void test_columns() {
  test_columns("f32");
  if (!bf16_kernels("auto").empty()) test_columns("bf16");
}

}  // namespace edgeskip::testing
