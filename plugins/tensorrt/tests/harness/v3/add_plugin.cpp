#include <stdexcept>

#include "../runtime.h"

namespace harness {

nvinfer1::ILayer* add_plugin(nvinfer1::INetworkDefinition& network, nvinfer1::IPluginRegistry& registry,
                             char const* name, std::vector<nvinfer1::PluginField> const& fields,
                             std::vector<nvinfer1::ITensor*> const& inputs) {
  auto* creator = static_cast<nvinfer1::IPluginCreatorV3One*>(registry.getCreator(name, "1", "edgeskip"));
  if (creator == nullptr) throw std::runtime_error(std::string("the registry has no plugin ") + name);
  nvinfer1::PluginFieldCollection const collection{static_cast<int32_t>(fields.size()), fields.data()};
  std::unique_ptr<nvinfer1::IPluginV3> const plugin(
      creator->createPlugin(name, &collection, nvinfer1::TensorRTPhase::kBUILD));
  if (plugin == nullptr) throw std::runtime_error(std::string("the fields of ") + name + " are refused");
  return network.addPluginV3(inputs.data(), static_cast<int32_t>(inputs.size()), nullptr, 0, *plugin);
}

}  // namespace harness
