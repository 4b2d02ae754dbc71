#include <stdexcept>

#include "../runtime.h"

namespace harness {

nvinfer1::ILayer* add_plugin(nvinfer1::INetworkDefinition& network, nvinfer1::IPluginRegistry& registry,
                             char const* name, std::vector<nvinfer1::PluginField> const& fields,
                             std::vector<nvinfer1::ITensor*> const& inputs) {
#if NV_TENSORRT_MAJOR >= 10
  auto* creator = static_cast<nvinfer1::IPluginCreator*>(registry.getCreator(name, "1", "edgeskip"));
#else
  auto* creator = registry.getPluginCreator(name, "1", "edgeskip");
#endif
  if (creator == nullptr) throw std::runtime_error(std::string("the registry has no plugin ") + name);
  nvinfer1::PluginFieldCollection const collection{static_cast<int32_t>(fields.size()), fields.data()};
  nvinfer1::IPluginV2* plugin = creator->createPlugin(name, &collection);
  if (plugin == nullptr) throw std::runtime_error(std::string("the fields of ") + name + " are refused");
  nvinfer1::ILayer* layer = network.addPluginV2(inputs.data(), static_cast<int32_t>(inputs.size()), *plugin);
  plugin->destroy();  // the network keeps a copy
  return layer;
}

}  // namespace harness
