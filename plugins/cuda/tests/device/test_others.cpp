// Gate against float64; pictures and masks against the same functions on the host, value by value.
#include <random>

#include "edgeskip/state.h"
#include "kernels/mask/plan.h"
#include "kernels/picture/plan.h"
#include "tests/common/gate_case.h"
#include "tests/device/memory.h"
#include "tests/device/tests.h"

namespace edgeskip::cuda {

namespace {

template <class T>
std::vector<T> host_picture(const PictureArgs& device, const std::vector<uint8_t>& pixels) {
  PictureArgs a = device;
  std::vector<T> values(static_cast<size_t>(a.height) * a.width * a.channels);
  a.picture.pixels = pixels.data(), a.input.data = values.data();
  for (int y = 0; y < a.height; ++y)
    for (int x = 0; x < a.width; ++x)
      write_pixel<T>(a, y, x, resize_entry(a.picture.height, a.inner_height, y),
                     resize_entry(a.picture.width, a.inner_width, x));
  return values;
}

void run_picture(DeviceTests& tests, int height, int width, int in_height, int in_width, ColorOrder color,
                 Resizing resize) {
  const std::string name = "picture " + std::to_string(width) + "x" + std::to_string(height) + " to " +
                           std::to_string(in_width) + "x" + std::to_string(in_height);
  if (!tests.wants(name)) return;
  std::mt19937 random(static_cast<unsigned>(height));
  std::vector<uint8_t> pixels(static_cast<size_t>(height) * width * 3);
  for (uint8_t& value : pixels) value = static_cast<uint8_t>(random());
  PictureRules rules;
  rules.color = color, rules.resize = resize;
  rules.mean[0] = 123.675f, rules.scale[0] = 1.0f / 58.395f, rules.scale[2] = 1.0f / 255.0f;
  const int channels = color == ColorOrder::gray ? 1 : 3;
  std::vector<float> values(static_cast<size_t>(in_height) * in_width * channels);
  DeviceCopies copies;
  const Picture picture = {static_cast<uint8_t*>(copies.add(pixels.data(), pixels.size())), int64_t{3} * width, height,
                           width};
  const TensorView input = channels_last(copies.add(values.data(), values.size() * 4), in_height, in_width, channels);
  const Status status = launch_picture(picture, rules, in_height, in_width, ElementType::float32, input, nullptr);
  must(cudaDeviceSynchronize(), name.c_str());
  copies.fetch();
  PictureArgs args;
  plan_picture(picture, rules, in_height, in_width, ElementType::float32, input, &args);
  tests.finish(name, status == Status::ok && values == host_picture<float>(args, pixels), "bit for bit");
}

std::vector<MaskRules> mask_rules() {
  std::vector<MaskRules> all;
  for (int kind = 0; kind < 7; ++kind) {
    MaskRules r;
    r.kind = static_cast<MaskKind>(kind);
    r.kernel[0] = 3, r.kernel[1] = 2, r.strides[0] = 2, r.pads[0] = r.pads[3] = 1, r.ceil_mode = kind % 2;
    r.starts[0] = 1, r.starts[1] = -1, r.ends[0] = 1000, r.ends[1] = -1000, r.steps[0] = 2, r.steps[1] = -3,
    r.factor = 3;
    r.sizes[0] = 37, r.sizes[1] = 21;
    all.push_back(r);
  }
  for (int coordinates = 0; coordinates < 5; ++coordinates)
    for (int rounding = 0; rounding < 4; ++rounding)
      for (const int size : {5, 23, 46, 57}) {
        MaskRules r;
        r.kind = MaskKind::resize, r.coordinates = static_cast<Coordinates>(coordinates);
        r.rounding = static_cast<Rounding>(rounding), r.mode = static_cast<ResizeMode>(size % 2);
        r.sizes[0] = size, r.sizes[1] = 2 * size;
        all.push_back(r);
      }
  return all;
}

}  // namespace

void run_gate_tests(DeviceTests& tests) {
  for (const GateCase& c : gate_table()) {
    const std::string name = "gate " + c.name();
    if (!tests.wants(name)) continue;
    GateData before = gate_data(c), after = before;
    DeviceCopies copies;
    const GateBuffers buffers =
        gate_buffers(c, after, [&](void* host, size_t bytes) { return copies.add(host, bytes); });
    const Status status = launch_gate(c.shape, c.rules, buffers, nullptr);
    must(cudaDeviceSynchronize(), name.c_str());
    copies.fetch();
    const int wrong = compare_gate(c, before, after);
    tests.finish(name, status == Status::ok && wrong == 0, std::to_string(wrong) + " wrong pixels");
  }
}

void run_picture_tests(DeviceTests& tests) {
  run_picture(tests, 108, 192, 128, 128, ColorOrder::bgr, Resizing::letterbox);
  run_picture(tests, 97, 33, 64, 80, ColorOrder::rgb, Resizing::stretch);
  run_picture(tests, 48, 64, 48, 64, ColorOrder::gray, Resizing::letterbox);
  run_picture(tests, 1, 1, 7, 9, ColorOrder::rgb, Resizing::stretch);
  run_picture(tests, 1080, 1920, 832, 1088, ColorOrder::rgb, Resizing::letterbox);
  std::vector<int32_t> ones(100, 7);
  DeviceCopies copies;
  void* memory = copies.add(ones.data(), ones.size() * 4);
  const bool good = launch_fill_state(memory, 80, 1, StateStart::one, nullptr) == Status::ok &&
                    launch_fill_state(memory, 80, 3, StateStart::unknown, nullptr) == Status::ok;
  must(cudaDeviceSynchronize(), "fill");
  copies.fetch();
  bool right = good;
  for (int i = 0; i < 100; ++i) right = right && ones[i] == (i / 20 == 1 ? 1 : i / 20 == 3 ? -1 : 7);
  tests.finish("fill state", right, "");
}

void run_mask_tests(DeviceTests& tests) {
  std::mt19937 random(5);
  int turn = 0;
  for (const MaskRules& rules : mask_rules()) {
    const std::string name =
        "mask kind " + std::to_string(static_cast<int>(rules.kind)) + " case " + std::to_string(turn++);
    if (!tests.wants(name)) continue;
    constexpr int batch = 3, height = 23, width = 41;
    std::vector<int32_t> first(batch * height * width), second(batch);
    for (int32_t& bit : first) bit = random() % 10 == 0;
    second[1] = 1;
    const bool both = rules.kind == MaskKind::unite;
    MaskArgs host;
    const MaskView views[2] = {{first.data(), height, width}, {second.data(), 1, 1}};
    std::vector<int32_t> result(batch * 100 * 200, 77);
    plan_mask(rules, batch, views, both ? 2 : 1, result.data(), &host);
    DeviceCopies copies;
    const MaskView device[2] = {{static_cast<int32_t*>(copies.add(first.data(), first.size() * 4)), height, width},
                                {static_cast<int32_t*>(copies.add(second.data(), second.size() * 4)), 1, 1}};
    int32_t* out = static_cast<int32_t*>(copies.add(result.data(), result.size() * 4));
    const Status status = launch_mask(rules, batch, device, both ? 2 : 1, out, nullptr);
    must(cudaDeviceSynchronize(), name.c_str());
    copies.fetch();
    int wrong = 0;
    for (int i = 0; i < batch * host.height * host.width; ++i) {
      const Pixel p = pixel_at(host.height, host.width, i);
      bool expected = passed_bit(host, p.picture, p.y, p.x);
      if (rules.kind == MaskKind::reduce) {
        expected = false;
        for (int k = 0; k < height * width; ++k) expected = expected || first[p.picture * height * width + k];
      }
      wrong += result[i] != expected;
    }
    tests.finish(name, status == Status::ok && wrong == 0, std::to_string(wrong) + " wrong");
  }
}

}  // namespace edgeskip::cuda
