#include "device_checks.h"

#include <map>

#include "../common/cases.h"
#include "../common/conv_fields.h"
#include "../common/device.h"
#include "build_checks.h"

namespace host {
namespace {

using check::ConvCase;
using check::ConvInput;
using check::DeviceBuffer;
using check::Mask;
using check::Picture;
using nvinfer1::DataType;

constexpr int kFrames = 5;
double tolerance(bool half) { return half ? 1e-3 : 1e-5; }

Fields fields_of(ConvCase const& layer) {
  Fields fields;
  auto const add = [&](char const* name, auto const& value) { fields.push_back({name, value}); };
  check::for_attributes(layer, add, add, add);
  return fields;
}

DataType data_type(check::Type type, bool half) {
  if (type == check::Type::mask) return DataType::kINT32;
  return type == check::Type::picture && half ? DataType::kHALF : DataType::kFLOAT;
}

// One layer on the device: its plugin, its tensors by name, and its state in one or two buffers.
class LayerOnDevice {
 public:
  LayerOnDevice(Library& library, ConvCase const& layer, bool in_place, bool attached = true)
      : layer_(layer), in_place_(in_place) {
    auto const made = library.create("EdgeskipConv", fields_of(layer));
    if (made == nullptr) throw std::runtime_error(layer.name + ": " + library.take_error());
    check::Size const out = check::output_size(layer);
    check::for_inputs(layer, [&](char const* name, bool present) {
      if (!present) return;
      names_.push_back(name);
      inputs_.push_back(tensor(check::input_dimensions(layer, name), data_type(check::input_type(name), layer.half)));
    });
    outputs_.push_back(inputs_[index_of("y_prev")]);
    for (int mask = 1; mask < made->output_count(); ++mask)
      outputs_.push_back(tensor({out.n, 1, out.h, out.w}, DataType::kINT32));
    plugin_ = attached ? made->attached() : made->clone();
    if (plugin_ == nullptr || !plugin_->configure(inputs_, outputs_))
      throw std::runtime_error(layer.name + ": " + library.take_error());
    workspace_ = DeviceBuffer(plugin_->workspace_bytes(inputs_, outputs_));
    next_y_ = DeviceBuffer(check::picture_bytes(out, layer.half));
    mask_ = DeviceBuffer(int64_t{out.n} * out.h * out.w * 4);
    next_pending_ = DeviceBuffer(mask_.bytes());
  }

  // Runs `input`, whose state must be the one that the last frame left; the new state is kept on the device.
  bool run(ConvInput const& input) {
    upload(input);
    mask_.poison();
    workspace_.poison();
    std::vector<void const*> from;
    for (auto const& name : names_) from.push_back(buffers_.at(name).data());
    DeviceBuffer& y = in_place_ ? buffers_.at("y_prev") : next_y_;
    std::vector<void*> to = {y.data(), mask_.data()};
    if (layer_.gate) to.push_back(in_place_ ? buffers_.at("pending").data() : next_pending_.data());
    if (!plugin_->enqueue(inputs_, outputs_, from, to, workspace_.data(), nullptr)) return false;
    check::require_cuda(cudaDeviceSynchronize(), "the layer");
    if (!in_place_) {
      std::swap(buffers_.at("y_prev"), next_y_);
      next_y_.poison();
      if (layer_.gate) std::swap(buffers_.at("pending"), next_pending_);
    }
    return true;
  }

  Picture y() const {
    return check::read_picture(buffers_.at("y_prev"), check::output_size(layer_), layer_.half, layer_.channels_last);
  }
  Mask mask() const { return read_mask(mask_); }
  Mask pending() const { return read_mask(buffers_.at("pending")); }

 private:
  size_t index_of(std::string const& name) const {
    for (size_t index = 0; index < names_.size(); ++index) {
      if (names_[index] == name) return index;
    }
    throw std::runtime_error("no input " + name);
  }
  Mask read_mask(DeviceBuffer const& buffer) const {
    check::Size const out = check::output_size(layer_);
    return check::read_mask(buffer, out.n, out.h, out.w);
  }
  void upload(ConvInput const& input) {
    bool const first = buffers_.empty(), half = layer_.half, last = layer_.channels_last;
    buffers_["x"] = check::picture_buffer(input.x, half, last);
    buffers_["mask_x"] = check::mask_buffer(input.mask_x);
    if (layer_.residual) buffers_["z"] = check::picture_buffer(input.z, half, last);
    if (layer_.residual) buffers_["mask_z"] = check::mask_buffer(input.mask_z);
    if (layer_.gate) buffers_["gate"] = check::mask_buffer(input.gate);
    if (!first) return;
    int const count = static_cast<int>(input.w.size());
    buffers_["w"] = DeviceBuffer(check::picture_bytes({1, 1, 1, count}, half));
    check::write_values(buffers_["w"], input.w, {1, 1, 1, count}, half, true);
    if (layer_.bias) buffers_["b"] = check::float_buffer(input.bias);
    if (layer_.channel_weight) buffers_["channel_weight"] = check::float_buffer(input.channel_weight);
    buffers_["y_prev"] = check::picture_buffer(input.y_prev, half, last);
    if (layer_.gate) buffers_["pending"] = check::mask_buffer(input.pending);
  }

  ConvCase layer_;
  bool in_place_;
  std::unique_ptr<Hosted> plugin_;
  std::vector<std::string> names_;
  Tensors inputs_, outputs_;
  std::map<std::string, DeviceBuffer> buffers_;
  DeviceBuffer workspace_, next_y_, mask_, next_pending_;
};

void check_conv(Library& library, Report& report, ConvCase const& layer, bool in_place) {
  LayerOnDevice device(library, layer, in_place);
  ConvInput input = check::first_input(layer);
  std::string const name = layer.name + (in_place ? ", in place" : ", two buffers");
  for (int frame = 0; frame < kFrames; ++frame) {
    check::next_frame(layer, frame, input);
    auto const expected = check::conv_reference(layer.rules, input, layer.half);
    bool const ran = device.run(input);
    report.check(ran, name + ": " + library.take_error());
    if (!ran) return;
    Mask const pending = layer.gate ? device.pending() : Mask{};
    double const error = check::largest_error(expected, device.y(), device.mask(), layer.gate ? &pending : nullptr);
    report.check(error <= tolerance(layer.half),
                 name + ", frame " + std::to_string(frame) + ": error " + std::to_string(error));
    input.y_prev = device.y();  // the reference goes on from what the device published
    if (layer.gate) input.pending = pending;
  }
}

// TensorRT's builder need not attach what it measures to a context.
void check_unattached(Library& library, Report& report, ConvCase const& layer) {
  LayerOnDevice device(library, layer, false, false);
  ConvInput input = check::first_input(layer);
  check::next_frame(layer, 0, input);
  report.check(device.run(input), layer.name + ", in no context: " + library.take_error());
}

void check_gate(Library& library, Report& report, bool half, bool in_place) {
  check::GateRules const rules{0.4f, 0.1f, "l2", 3};
  check::Size const size{2, 20, 24, 3};
  auto const made = library.create("EdgeskipGate", {{"threshold", std::vector<float>{rules.threshold}},
                                                    {"threshold_signed", std::vector<float>{rules.threshold_signed}},
                                                    {"window", std::vector<int32_t>{rules.window}}});
  auto const plugin = made->attached();
  DataType const type = half ? DataType::kHALF : DataType::kFLOAT;
  Tensors const pictures(2, tensor({2, 3, 20, 24}, type)),
      outputs = {pictures[0], tensor({2, 1, 20, 24}, DataType::kINT32)};
  report.check(plugin->configure(pictures, outputs), "EdgeskipGate: " + library.take_error());
  check::Random random(7);
  Picture x(size), ref(size, check::kUnknown);
  for (int frame = 0; frame < kFrames; ++frame) {
    for (double& value : x.values)
      value = check::stored(frame == 0 || random.chance(0.05) ? random.uniform(-1, 1) : value, half);
    auto const expected = check::gate_reference(rules, x, ref);
    DeviceBuffer const from = check::picture_buffer(x, half, false), state = check::picture_buffer(ref, half, false);
    DeviceBuffer const y(state.bytes()), mask(size_t{2} * 20 * 24 * 4);
    DeviceBuffer const& result = in_place ? state : y;
    bool const ran =
        plugin->enqueue(pictures, outputs, {from.data(), state.data()}, {result.data(), mask.data()}, nullptr, nullptr);
    report.check(ran, "EdgeskipGate: " + library.take_error());
    check::require_cuda(cudaDeviceSynchronize(), "EdgeskipGate");
    Picture const got = check::read_picture(result, size, half, false);
    double const error = check::largest_error(expected, got, check::read_mask(mask, 2, 20, 24), nullptr);
    report.check(error == 0, "EdgeskipGate, frame " + std::to_string(frame) + ": error " + std::to_string(error));
    ref = got;
  }
}

void check_mask(Library& library, Report& report) {
  auto const made = library.create("EdgeskipMask", {{"kind", "union"}});
  auto const plugin = made->attached();
  Tensors const inputs = {tensor({2, 1, 9, 7}, DataType::kINT32), tensor({2, 1, 1, 1}, DataType::kINT32)};
  Tensors const outputs = {inputs[0]};
  report.check(plugin->configure(inputs, outputs), "EdgeskipMask: " + library.take_error());
  Mask picture(2, 9, 7), whole(2, 1, 1), expected(2, 9, 7);
  check::Random random(3);
  for (int32_t& bit : picture.bits) bit = random.chance(0.2);
  whole.bits = {0, 1};
  for (size_t at = 0; at < expected.bits.size(); ++at) expected.bits[at] = picture.bits[at] != 0 || at >= 63;
  DeviceBuffer const a = check::mask_buffer(picture), b = check::mask_buffer(whole), result(a.bytes());
  report.check(plugin->enqueue(inputs, outputs, {a.data(), b.data()}, {result.data()}, nullptr, nullptr),
               library.take_error());
  check::require_cuda(cudaDeviceSynchronize(), "EdgeskipMask");
  report.check(check::read_mask(result, 2, 9, 7).bits == expected.bits, "EdgeskipMask, a union that broadcasts");
}

}  // namespace

void check_device(Library& library, Report& report) {
  bool const modern = library.information().find("\"interface\": \"v3\"") != std::string::npos;
  for (auto const& layer : check::conv_cases()) {
    for (bool in_place : {false, true}) check_conv(library, report, layer, in_place);
    if (modern) check_unattached(library, report, layer);
  }
  for (bool half : {false, true}) {
    for (bool in_place : {false, true}) check_gate(library, report, half, in_place);
  }
  check_mask(library, report);
}

}  // namespace host
