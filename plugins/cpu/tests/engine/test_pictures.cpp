// A frame gate that is offered pictures, of which it keeps the bytes and sifts them first, against one that is offered
// the same values as planes: the same pixels open, and the references keep the same bits.
#include <algorithm>
#include <cmath>

#include "engine/ops/ops.h"
#include "tests.h"

namespace edgeskip::testing {

namespace {

constexpr float infinity = INFINITY;

struct GatePlan {
  Plan plan;
  int y, mask;
};

GatePlan make_gate(Size size, const char* norm, int window, float threshold, float threshold_signed) {
  GatePlan result;
  Plan& plan = result.plan;
  result.y = plan.add_tensor(plan.add_buffer(size.height, size.width, 3), 0, 3);
  result.mask = plan.add_mask(size.height, size.width);
  add_gate(plan, "frame", {-1, result.y, result.mask, norm, threshold, threshold_signed, window});
  return result;
}

// Pictures near the one before: noise, and patches shifted by about as many levels as a gate lets pass.
class Camera {
 public:
  Camera(uint32_t seed, int height, int width, int levels)
      : random_(seed), height_(height), width_(width), levels_(levels), row_bytes_(3 * width + 5 * (seed % 2)),
        bytes_(static_cast<size_t>((height - 1) * row_bytes_) + 3 * width) {
    for (size_t i = 0; i < bytes_.size(); ++i) bytes_[i] = static_cast<uint8_t>(20 + random_.below(210));
  }

  void move() {
    const int noise = random_.below(3);
    for (int row = 0; row < height_; ++row)
      for (int i = 0; i < 3 * width_; ++i)
        if (noise && !random_.below(4)) shift(row, i, random_.below(2 * noise + 1) - noise);
    for (int patch = random_.below(5); patch > 0; --patch) move_patch();
  }
  // Another picture; the second time the same as before the first.
  void cut() {
    for (int row = 0; row < height_; ++row)
      for (int i = 0; i < 3 * width_; ++i) bytes_[row * row_bytes_ + i] ^= 0x80;
  }

  int height() const { return height_; }
  int width() const { return width_; }
  int level(int row, int column, int channel) const { return bytes_[row * row_bytes_ + 3 * column + channel]; }
  Picture picture() const { return {bytes_.data(), row_bytes_, height_, width_}; }

 private:
  // One channel, all, or each pixel another: where the limits of l2, l1 and linf are met.
  void move_patch() {
    const int top = random_.below(height_), left = random_.below(width_), kind = random_.below(5);
    const int bottom = std::min(top + 1 + random_.below(20), height_);
    const int right = std::min(left + 1 + random_.below(40), width_);
    const int change = (random_.below(2) ? 1 : -1) * std::max(0, levels_ + random_.below(5) - 2);
    for (int row = top; row < bottom; ++row)
      for (int column = left; column < right; ++column)
        for (int c = 0; c < 3; ++c)
          if (kind == c || kind == 3) shift(row, 3 * column + c, change);
          else if (kind == 4 && (row + column) % 3 == c) shift(row, 3 * column + c, 3 * change);
  }
  void shift(int row, int i, int change) {
    uint8_t& byte = bytes_[row * row_bytes_ + i];
    byte = static_cast<uint8_t>(std::clamp(byte + change, 0, 255));
  }

  Random random_;
  int height_, width_, levels_;
  int64_t row_bytes_;
  GuardedBytes bytes_;
};

std::vector<float> planes_of(const Camera& camera, const PictureRules& rules, Size size) {
  std::vector<float> planes;
  for (int c = 0; c < 3; ++c)
    for (int row = 0; row < size.height; ++row)
      for (int column = 0; column < size.width; ++column) {
        const bool inside = row < camera.height() && column < camera.width();
        const int level = inside ? camera.level(row, column, rules.order[c]) : 0;
        planes.push_back(inside ? (static_cast<float>(level) - rules.mean[c]) * rules.scale[c] : rules.pads[c]);
      }
  return planes;
}

PictureRules rules_of(Random& random, const Camera& camera) {
  PictureRules rules;
  rules.width = camera.width(), rules.height = camera.height();
  const bool reversed = random.below(2), even = random.below(2);
  for (int c = 0; c < 3; ++c) {
    rules.order[c] = reversed ? 2 - c : c;
    rules.mean[c] = even ? 0.0f : 100.0f + 9.0f * static_cast<float>(c);
    rules.scale[c] = even ? 1.0f : 1.0f / (57.0f + 20.0f * static_cast<float>(c));
    rules.pads[c] = -0.5f * static_cast<float>(c);
  }
  return rules;
}

struct GateCase {
  const char* level;
  int threads, window;
  const char* norm;
  uint32_t seed;

  void run() const {
    report().context = std::string("pictures on ") + level + ", " + norm + ", window " + std::to_string(window) +
                       ", threads " + std::to_string(threads) + ", seed " + std::to_string(seed);
    Random random(seed);
    const Size size{1 + random.below(60), 1 + random.below(random.below(2) ? 800 : 150)};
    const bool padded = random.below(2);
    const int height = padded ? 1 + random.below(size.height) : size.height;
    const int width = padded ? std::min(size.width, random.below(2) ? 1 + random.below(size.width) : 64) : size.width;
    const int levels = 1 + random.below(random.below(2) ? 4 : 30);
    Camera camera(seed, height, width, levels), other(seed + 1, (height + 1) / 2, width, levels);
    const PictureRules rules = rules_of(random, camera);
    // so that a patch of `levels` meets the threshold, or just not
    const float at = static_cast<float>(levels) * rules.scale[random.below(3)] * random.pick({0.997f, 1.0f, 1.003f});
    const float factor = random.below(2) ? greatest_norm() : random.pick({1.0f, 1.0f / 3.0f, 2.5f});
    const float threshold_signed = random.pick({infinity, at, at * 0.4f});
    const GatePlan gate = make_gate(size, norm, window, at * factor, threshold_signed);
    const Engine engine(gate.plan, {threads, level});
    Stream sifted(engine), plain(engine);
    for (int frame = 0; frame < 16; ++frame) {
      // only arrays show the other picture; after them, as after a reset, the bytes are what they were before
      if (frame == 9 || frame == 11) camera.cut();
      if (frame == 13) sifted.reset(), plain.reset();
      if (frame % 5 && (frame < 9 || frame > 13)) camera.move();
      const Camera& shown = frame == 7 ? other : camera;
      PictureRules shown_rules = rules;
      shown_rules.height = shown.height();
      const std::vector<float> planes = planes_of(shown, shown_rules, size);
      plain.offer(0, planes.data());
      // in between the values themselves, of which the gate keeps no bytes
      if (frame == 6 || frame == 9 || frame == 10)
        sifted.offer(0, planes.data());
      else
        sifted.offer_picture(0, shown.picture(), shown_rules);
      compare(gate, sifted, plain, frame);
    }
  }

  // The greatest mean of norms of changes that are one level a pixel in each channel: what limits must reckon with.
  float greatest_norm() const {
    const std::string name = norm;
    return name == "l2" ? std::sqrt(3.0f) : name == "l1" ? 1.0f : 3.0f;
  }

  static void compare(const GatePlan& gate, Stream& sifted, Stream& plain, int frame) {
    sifted.run(0, 1), plain.run(0, 1);
    const MaskView &a = sifted.mask(gate.mask), &b = plain.mask(gate.mask);
    expect(std::equal(a.bits, a.bits + a.size(), b.bits), "frame %d: %lld pixels open, expected %lld", frame,
           static_cast<long long>(count(a)), static_cast<long long>(count(b)));
    const TensorView x = sifted.tensor(gate.y), y = plain.tensor(gate.y);
    int different = 0;
    for (int row = 0; row < x.height; ++row)
      for (int column = 0; column < x.width; ++column)
        different += !same_bits(x.row(row, column), y.row(row, column), 3);
    expect(different == 0, "frame %d: %d pixels of the reference differ", frame, different);
  }
};

}  // namespace

void test_pictures() {
  uint32_t seed = 70;
  for (const char* level : {"scalar", "neon", "avx2", "avx512"}) {
    Level known;
    if (!parse_level(level, &known) || !kernel_table(known)) continue;
    for (const int window : {1, 3, 5, 7, 21})
      for (const char* norm : {"l2", "l1", "linf"})
        for (int repeat = 0; repeat < 8; ++repeat) GateCase{level, 1 + repeat % 2 * 2, window, norm, ++seed}.run();
  }
}

}  // namespace edgeskip::testing
