#include "engine.h"

#include "../common/conv_fields.h"

namespace harness {
namespace {

using check::DeviceBuffer;
using nvinfer1::DataType;
using nvinfer1::Dims;

constexpr int kMostStreams = 4;

DataType data_type(std::string const& name, bool half) {
  check::Type const type = check::input_type(name);
  if (type == check::Type::mask) return DataType::kINT32;
  return type == check::Type::picture && half ? DataType::kHALF : DataType::kFLOAT;
}

Dims to_dims(std::vector<int64_t> const& sizes, int64_t first) {
  Dims dims{};
  dims.nbDims = static_cast<int32_t>(sizes.size());
  for (size_t axis = 0; axis < sizes.size(); ++axis) dims.d[axis] = axis == 0 ? first : sizes[axis];
  return dims;
}

bool is_constant(std::string const& name) { return name == "w" || name == "b" || name == "channel_weight"; }

// EdgeskipConv's fields; they point into what this object owns.
struct OwnedFields {
  std::vector<std::vector<int32_t>> ints;
  std::vector<std::vector<float>> floats;
  std::vector<std::string> texts;
  std::vector<nvinfer1::PluginField> fields;

  explicit OwnedFields(check::ConvCase const& layer) {
    using nvinfer1::PluginFieldType;
    ints.reserve(32), floats.reserve(8), texts.reserve(8);  // so that nothing moves
    auto const add = [&](char const* name, auto const& values, PluginFieldType type) {
      fields.emplace_back(name, values.data(), type, static_cast<int32_t>(values.size()));
    };
    check::for_attributes(
        layer,
        [&](char const* name, auto const& values) { add(name, ints.emplace_back(values), PluginFieldType::kINT32); },
        [&](char const* name, auto const& values) {
          add(name, floats.emplace_back(values), PluginFieldType::kFLOAT32);
        },
        [&](char const* name, auto const& value) { add(name, texts.emplace_back(value), PluginFieldType::kCHAR); });
  }
};

std::vector<char> as_bytes(std::vector<double> const& values, bool half) {
  std::vector<char> bytes(values.size() * (half ? 2 : 4));
  for (size_t index = 0; index < values.size(); ++index) {
    float const single = static_cast<float>(values[index]);
    __half const small = __float2half(single);
    half ? std::memcpy(&bytes[index * 2], &small, 2) : std::memcpy(&bytes[index * 4], &single, 4);
  }
  return bytes;
}

}  // namespace

Engine::Engine(Runtime& runtime, check::ConvCase const& layer, bool in_place)
    : layer_(layer), in_place_(in_place), constants_(check::first_input(layer)) {
  build(runtime);
  check::Size const out = check::output_size(layer);
  buffers_["y_prev"] = check::picture_buffer(constants_.y_prev, layer.half, layer.channels_last);
  if (layer.gate) buffers_["pending"] = check::mask_buffer(constants_.pending);
  next_y_ = DeviceBuffer(buffers_["y_prev"].bytes());
  mask_ = DeviceBuffer(int64_t{out.n} * out.h * out.w * 4);
  next_pending_ = DeviceBuffer(mask_.bytes());
}

nvinfer1::ITensor* Engine::add_input(nvinfer1::INetworkDefinition& network, std::string const& name) {
  Dims const dims = to_dims(check::input_dimensions(layer_, name), -1);
  auto* tensor = network.addInput(name.c_str(), data_type(name, layer_.half), dims);
  tensor->setAllowedFormats(1U << static_cast<uint32_t>(nvinfer1::TensorFormat::kLINEAR));
  inputs_.push_back(name);
  return tensor;
}

nvinfer1::ITensor* Engine::add_constant(nvinfer1::INetworkDefinition& network, std::string const& name) {
  auto const& values = name == "w" ? constants_.w : name == "b" ? constants_.bias : constants_.channel_weight;
  auto const sizes = check::input_dimensions(layer_, name);
  DataType const type = data_type(name, layer_.half);
  weights_.push_back(as_bytes(values, type == DataType::kHALF));
  nvinfer1::Weights const weights{type, weights_.back().data(), static_cast<int64_t>(values.size())};
  return network.addConstant(to_dims(sizes, sizes[0]), weights)->getOutput(0);
}

void Engine::add_layer(nvinfer1::INetworkDefinition& network, nvinfer1::IPluginRegistry& registry) {
  std::vector<nvinfer1::ITensor*> tensors;
  check::for_inputs(layer_, [&](char const* name, bool present) {
    if (present) tensors.push_back(is_constant(name) ? add_constant(network, name) : add_input(network, name));
  });
  OwnedFields const owned(layer_);
  nvinfer1::ILayer* plugin = add_plugin(network, registry, "EdgeskipConv", owned.fields, tensors);
  if (plugin == nullptr) throw std::runtime_error("TensorRT did not take the plugin");
  char const* const names[] = {"y", "mask_y", "pending_next"};
  for (int output = 0; output < plugin->getNbOutputs(); ++output) {
    auto* tensor = plugin->getOutput(output);
    tensor->setName(names[output]);
    network.markOutput(*tensor);
    tensor->setAllowedFormats(1U << static_cast<uint32_t>(nvinfer1::TensorFormat::kLINEAR));
#if NV_TENSORRT_MAJOR < 10
    tensor->setType(output == 0 && layer_.half ? DataType::kHALF : output == 0 ? DataType::kFLOAT : DataType::kINT32);
#endif
  }
}

void Engine::add_profile(nvinfer1::IBuilder& builder, nvinfer1::IBuilderConfig& config) {
  auto* profile = builder.createOptimizationProfile();
  using nvinfer1::OptProfileSelector;
  for (auto const& name : inputs_) {
    auto const sizes = check::input_dimensions(layer_, name);
    profile->setDimensions(name.c_str(), OptProfileSelector::kMIN, to_dims(sizes, 1));
    profile->setDimensions(name.c_str(), OptProfileSelector::kOPT, to_dims(sizes, layer_.n));
    profile->setDimensions(name.c_str(), OptProfileSelector::kMAX, to_dims(sizes, kMostStreams));
  }
  config.addOptimizationProfile(profile);
}

void Engine::build(Runtime& runtime) {
  using nvinfer1::NetworkDefinitionCreationFlag;
#if NV_TENSORRT_MAJOR >= 10
  uint32_t const flags = 1U << static_cast<uint32_t>(NetworkDefinitionCreationFlag::kSTRONGLY_TYPED);
#else
  uint32_t const flags = 1U << static_cast<uint32_t>(NetworkDefinitionCreationFlag::kEXPLICIT_BATCH);
#endif
  std::unique_ptr<nvinfer1::INetworkDefinition> const network(runtime.builder().createNetworkV2(flags));
  std::unique_ptr<nvinfer1::IBuilderConfig> const config(runtime.builder().createBuilderConfig());
  weights_.reserve(8);
  add_layer(*network, runtime.registry());
#if NV_TENSORRT_MAJOR < 10
  if (layer_.half) config->setFlag(nvinfer1::BuilderFlag::kFP16);
#else
  if (runtime.has_aliases()) config->setPreviewFeature(nvinfer1::PreviewFeature::kALIASED_PLUGIN_IO_10_03, true);
#endif
  config->setMemoryPoolLimit(nvinfer1::MemoryPoolType::kWORKSPACE, size_t{256} << 20);
  add_profile(runtime.builder(), *config);
  std::unique_ptr<nvinfer1::IHostMemory> const plan(runtime.builder().buildSerializedNetwork(*network, *config));
  if (plan == nullptr) throw std::runtime_error(layer_.name + ": TensorRT did not build the network");
  engine_.reset(runtime.runtime().deserializeCudaEngine(plan->data(), plan->size()));
  if (engine_ == nullptr) throw std::runtime_error(layer_.name + ": TensorRT does not read its own engine");
  context_.reset(engine_->createExecutionContext());
  if (context_ == nullptr) throw std::runtime_error(layer_.name + ": TensorRT made no execution context");
}

void Engine::upload(check::ConvInput const& input) {
  buffers_["x"] = check::picture_buffer(input.x, layer_.half, layer_.channels_last);
  buffers_["mask_x"] = check::mask_buffer(input.mask_x);
  if (layer_.residual) buffers_["z"] = check::picture_buffer(input.z, layer_.half, layer_.channels_last);
  if (layer_.residual) buffers_["mask_z"] = check::mask_buffer(input.mask_z);
  if (layer_.gate) buffers_["gate"] = check::mask_buffer(input.gate);
}

void Engine::bind() {
  for (auto const& name : inputs_) {
    context_->setInputShape(name.c_str(), to_dims(check::input_dimensions(layer_, name), layer_.n));
    context_->setTensorAddress(name.c_str(), buffers_.at(name).data());
  }
  context_->setTensorAddress("y", (in_place_ ? buffers_.at("y_prev") : next_y_).data());
  context_->setTensorAddress("mask_y", mask_.data());
  if (layer_.gate) {
    context_->setTensorAddress("pending_next", (in_place_ ? buffers_.at("pending") : next_pending_).data());
  }
}

void Engine::run(check::ConvInput const& input) {
  upload(input);
  mask_.poison();
  bind();
  if (!context_->enqueueV3(nullptr)) throw std::runtime_error(layer_.name + ": enqueueV3 failed");
  check::require_cuda(cudaDeviceSynchronize(), "enqueueV3");
  if (in_place_) return;
  std::swap(buffers_.at("y_prev"), next_y_);
  if (layer_.gate) std::swap(buffers_.at("pending"), next_pending_);
}

check::Picture Engine::y() const {
  return check::read_picture(buffers_.at("y_prev"), check::output_size(layer_), layer_.half, layer_.channels_last);
}

check::Mask Engine::read(DeviceBuffer const& buffer) const {
  check::Size const out = check::output_size(layer_);
  return check::read_mask(buffer, out.n, out.h, out.w);
}

}  // namespace harness
