// A network of one EdgeskipConv, built by TensorRT, and its frames on the device.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "../common/cases.h"
#include "../common/device.h"
#include "runtime.h"

namespace harness {

class Engine {
 public:
  // Builds the network for 1 to 4 streams. Raises std::runtime_error where TensorRT refuses it.
  Engine(Runtime& runtime, check::ConvCase const& layer, bool in_place);

  // Runs one frame; the state that it leaves is the next one's.
  void run(check::ConvInput const& input);

  check::Picture y() const;
  check::Mask mask() const { return read(mask_); }
  check::Mask pending() const { return read(buffers_.at("pending")); }

 private:
  nvinfer1::ITensor* add_input(nvinfer1::INetworkDefinition& network, std::string const& name);
  nvinfer1::ITensor* add_constant(nvinfer1::INetworkDefinition& network, std::string const& name);
  void add_layer(nvinfer1::INetworkDefinition& network, nvinfer1::IPluginRegistry& registry);
  void add_profile(nvinfer1::IBuilder& builder, nvinfer1::IBuilderConfig& config);
  void build(Runtime& runtime);
  void bind();
  void upload(check::ConvInput const& input);
  check::Mask read(check::DeviceBuffer const& buffer) const;

  check::ConvCase layer_;
  bool in_place_;
  check::ConvInput constants_;
  std::vector<std::string> inputs_;
  std::vector<std::vector<char>> weights_;  // TensorRT reads them while it builds
  std::unique_ptr<nvinfer1::ICudaEngine> engine_;
  std::unique_ptr<nvinfer1::IExecutionContext> context_;
  std::map<std::string, check::DeviceBuffer> buffers_;
  check::DeviceBuffer next_y_, next_pending_, mask_;
};

}  // namespace harness
