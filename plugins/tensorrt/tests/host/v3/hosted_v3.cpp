#include <cstring>
#include <stdexcept>

#include "../hosted.h"

namespace host {
namespace {

using nvinfer1::IPluginV3;
using nvinfer1::IPluginV3OneBuild;
using nvinfer1::IPluginV3OneRuntime;
using nvinfer1::PluginCapabilityType;
using Creator = nvinfer1::IPluginCreatorV3One;

class HostedV3 final : public Hosted {
 public:
  HostedV3(Creator* creator, IPluginV3* plugin) : creator_(creator), plugin_(plugin) {}

  int output_count() override { return build()->getNbOutputs(); }
  std::vector<nvinfer1::DataType> output_types(std::vector<nvinfer1::DataType> const& inputs) override {
    std::vector<nvinfer1::DataType> result(output_count());
    build()->getOutputDataTypes(result.data(), output_count(), inputs.data(), static_cast<int32_t>(inputs.size()));
    return result;
  }
  std::vector<Sizes> output_shapes(std::vector<Sizes> const& inputs) override {
    Expressions expressions;
    std::vector<nvinfer1::DimsExprs> in, out(output_count());
    for (auto const& sizes : inputs) in.push_back(expressions.shape(sizes));
    int32_t const failed = build()->getOutputShapes(in.data(), static_cast<int32_t>(in.size()), nullptr, 0, out.data(),
                                                    output_count(), expressions);
    return failed != 0 ? std::vector<Sizes>{} : sizes_of(out);
  }
  bool supports(int position, Tensors const& all, int input_count) override {
    auto const tensors = dynamic(all);
    return build()->supportsFormatCombination(position, tensors.data(), input_count, output_count());
  }
  bool configure(Tensors const& inputs, Tensors const& outputs) override {
    auto const in = dynamic(inputs), out = dynamic(outputs);
    int32_t const in_count = static_cast<int32_t>(in.size()), out_count = static_cast<int32_t>(out.size());
    return build()->configurePlugin(in.data(), in_count, out.data(), out_count) == 0 &&
           runtime()->onShapeChange(inputs.data(), in_count, outputs.data(), out_count) == 0;
  }
  size_t workspace_bytes(Tensors const& inputs, Tensors const& outputs) override {
    auto const in = dynamic(inputs), out = dynamic(outputs);
    return build()->getWorkspaceSize(in.data(), static_cast<int32_t>(in.size()), out.data(),
                                     static_cast<int32_t>(out.size()));
  }
  int aliased_input(int output) override {
    if (build()->getInterfaceInfo().major < 2) return -1;
    return static_cast<nvinfer1::IPluginV3OneBuildV2*>(build())->getAliasedInput(output);
  }
  std::unique_ptr<Hosted> clone() override { return wrap(plugin_->clone()); }
  std::unique_ptr<Hosted> attached() override { return wrap(runtime()->attachToContext(nullptr)); }
  std::unique_ptr<Hosted> restored(bool) override {
    auto const* fields = runtime()->getFieldsToSerialize();
    return wrap(creator_->createPlugin("restored", fields, nvinfer1::TensorRTPhase::kRUNTIME));
  }
  bool enqueue(Tensors const& inputs, Tensors const& outputs, std::vector<void const*> const& from,
               std::vector<void*> const& to, void* workspace, cudaStream_t stream) override {
    return runtime()->enqueue(inputs.data(), outputs.data(), from.data(), to.data(), workspace, stream) == 0;
  }

 private:
  IPluginV3OneBuild* build() {
    return static_cast<IPluginV3OneBuild*>(plugin_->getCapabilityInterface(PluginCapabilityType::kBUILD));
  }
  IPluginV3OneRuntime* runtime() {
    return static_cast<IPluginV3OneRuntime*>(plugin_->getCapabilityInterface(PluginCapabilityType::kRUNTIME));
  }
  std::unique_ptr<Hosted> wrap(IPluginV3* plugin) {
    return plugin == nullptr ? nullptr : std::make_unique<HostedV3>(creator_, plugin);
  }

  Creator* creator_;
  std::unique_ptr<IPluginV3> plugin_;
};

using GetCreators = nvinfer1::IPluginCreatorInterface* const* (*)(int32_t&);

std::vector<Creator*> creators_of(void* symbol) {
  int32_t count = 0;
  auto* const* all = reinterpret_cast<GetCreators>(symbol)(count);
  std::vector<Creator*> result;
  for (int32_t index = 0; index < count; ++index) result.push_back(static_cast<Creator*>(all[index]));
  return result;
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
  for (Creator* creator : creators_of(symbol("getCreators"))) names.push_back(creator->getPluginName());
  return names;
}

std::vector<nvinfer1::PluginField> Library::offered_fields(std::string const& plugin) const {
  auto const* fields = creator_of(symbol("getCreators"), plugin)->getFieldNames();
  return {fields->fields, fields->fields + fields->nbFields};
}

std::unique_ptr<Hosted> Library::create(std::string const& plugin, Fields const& fields) const {
  Creator* creator = creator_of(symbol("getCreators"), plugin);
  auto const values = as_plugin_fields(fields);
  nvinfer1::PluginFieldCollection const collection{static_cast<int32_t>(values.size()), values.data()};
  auto* made = creator->createPlugin("layer", &collection, nvinfer1::TensorRTPhase::kBUILD);
  return made == nullptr ? nullptr : std::make_unique<HostedV3>(creator, made);
}

bool Library::bytes_are_checked() { return false; }  // TensorRT writes the fields itself

}  // namespace host
