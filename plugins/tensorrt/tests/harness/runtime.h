// TensorRT opened at run time, so that the harness compiles and links without it.
#pragma once

#include <NvInfer.h>

#include <memory>
#include <string>
#include <vector>

namespace harness {

class Logger final : public nvinfer1::ILogger {
 public:
  void log(Severity severity, nvinfer1::AsciiChar const* message) noexcept override;
};

class Runtime {
 public:
  // Opens libnvinfer (`name`, or the one of the headers' major version) and loads the plugin library into its registry.
  Runtime(char const* name, char const* plugin_library);

  nvinfer1::IBuilder& builder() { return *builder_; }
  nvinfer1::IRuntime& runtime() { return *runtime_; }
  nvinfer1::IPluginRegistry& registry() { return *registry_; }
  // Whether the plugins declare their states as aliases, which needs a preview feature.
  bool has_aliases() const { return has_aliases_; }

 private:
  Logger logger_;
  std::unique_ptr<nvinfer1::IBuilder> builder_;
  std::unique_ptr<nvinfer1::IRuntime> runtime_;
  nvinfer1::IPluginRegistry* registry_ = nullptr;
  bool has_aliases_ = false;
};

// One of our plugins with these fields as a layer; in v2/ and v3/. Raises std::runtime_error where it is refused.
nvinfer1::ILayer* add_plugin(nvinfer1::INetworkDefinition& network, nvinfer1::IPluginRegistry& registry,
                             char const* name, std::vector<nvinfer1::PluginField> const& fields,
                             std::vector<nvinfer1::ITensor*> const& inputs);

}  // namespace harness
