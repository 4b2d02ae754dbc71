#include <cstring>
#include <stdexcept>

#include "../hosted.h"

namespace host {
namespace {

using Creator = nvinfer1::IPluginCreator;
using Plugin = nvinfer1::IPluginV2DynamicExt;

class HostedV2 final : public Hosted {
 public:
  HostedV2(Creator* creator, Plugin* plugin) : creator_(creator), plugin_(plugin) {}
  ~HostedV2() override { plugin_->destroy(); }

  int output_count() override { return plugin_->getNbOutputs(); }
  std::vector<nvinfer1::DataType> output_types(std::vector<nvinfer1::DataType> const& inputs) override {
    std::vector<nvinfer1::DataType> result;
    for (int output = 0; output < output_count(); ++output) {
      result.push_back(plugin_->getOutputDataType(output, inputs.data(), static_cast<int32_t>(inputs.size())));
    }
    return result;
  }
  std::vector<Sizes> output_shapes(std::vector<Sizes> const& inputs) override {
    Expressions expressions;
    std::vector<nvinfer1::DimsExprs> in, out;
    for (auto const& sizes : inputs) in.push_back(expressions.shape(sizes));
    for (int output = 0; output < output_count(); ++output) {
      out.push_back(plugin_->getOutputDimensions(output, in.data(), static_cast<int32_t>(in.size()), expressions));
      if (out.back().nbDims < 0) return {};
    }
    return sizes_of(out);
  }
  bool supports(int position, Tensors const& all, int input_count) override {
    return plugin_->supportsFormatCombination(position, all.data(), input_count, output_count());
  }
  bool configure(Tensors const& inputs, Tensors const& outputs) override {
    auto const in = dynamic(inputs), out = dynamic(outputs);
    plugin_->configurePlugin(in.data(), static_cast<int32_t>(in.size()), out.data(), static_cast<int32_t>(out.size()));
    return true;  // it can't refuse; its error is logged
  }
  size_t workspace_bytes(Tensors const& inputs, Tensors const& outputs) override {
    return plugin_->getWorkspaceSize(inputs.data(), static_cast<int32_t>(inputs.size()), outputs.data(),
                                     static_cast<int32_t>(outputs.size()));
  }
  int aliased_input(int) override { return -1; }
  std::unique_ptr<Hosted> clone() override { return wrap(plugin_->clone()); }
  std::unique_ptr<Hosted> attached() override {
    auto copy = wrap(plugin_->clone());
    return static_cast<HostedV2&>(*copy).plugin_->initialize() == 0 ? std::move(copy) : nullptr;
  }
  std::unique_ptr<Hosted> restored(bool damage) override {
    std::vector<char> bytes(plugin_->getSerializationSize());
    plugin_->serialize(bytes.data());
    if (damage) bytes[bytes.size() / 2] ^= 1;
    return wrap(static_cast<Plugin*>(creator_->deserializePlugin("restored", bytes.data(), bytes.size())));
  }
  bool enqueue(Tensors const& inputs, Tensors const& outputs, std::vector<void const*> const& from,
               std::vector<void*> const& to, void* workspace, cudaStream_t stream) override {
    return plugin_->enqueue(inputs.data(), outputs.data(), from.data(), to.data(), workspace, stream) == 0;
  }

 private:
  std::unique_ptr<Hosted> wrap(Plugin* plugin) {
    return plugin == nullptr ? nullptr : std::make_unique<HostedV2>(creator_, plugin);
  }

  Creator* creator_;
  Plugin* plugin_;
};

using GetCreators = Creator* const* (*)(int32_t&);

std::vector<Creator*> creators_of(void* symbol) {
  int32_t count = 0;
  auto* const* all = reinterpret_cast<GetCreators>(symbol)(count);
  return {all, all + count};
}

Creator* creator_of(void* symbol, std::string const& plugin) {
  for (Creator* creator : creators_of(symbol)) {
    if (plugin == creator->getPluginName() && std::strcmp(creator->getPluginNamespace(), "edgeskip") == 0)
      return creator;
  }
  throw std::runtime_error("the library has no plugin " + plugin);
}

}  // namespace

std::vector<std::string> Library::plugin_names() const {
  std::vector<std::string> names;
  for (Creator* creator : creators_of(symbol("getPluginCreators"))) names.push_back(creator->getPluginName());
  return names;
}

std::vector<nvinfer1::PluginField> Library::offered_fields(std::string const& plugin) const {
  auto const* fields = creator_of(symbol("getPluginCreators"), plugin)->getFieldNames();
  return {fields->fields, fields->fields + fields->nbFields};
}

std::unique_ptr<Hosted> Library::create(std::string const& plugin, Fields const& fields) const {
  Creator* creator = creator_of(symbol("getPluginCreators"), plugin);
  auto const values = as_plugin_fields(fields);
  nvinfer1::PluginFieldCollection const collection{static_cast<int32_t>(values.size()), values.data()};
  auto* made = creator->createPlugin("layer", &collection);
  return made == nullptr ? nullptr : std::make_unique<HostedV2>(creator, static_cast<Plugin*>(made));
}

bool Library::bytes_are_checked() { return true; }

}  // namespace host
