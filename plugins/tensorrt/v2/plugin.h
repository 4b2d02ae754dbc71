// IPluginV2DynamicExt over an Operation: TensorRT 8.6 (JetPack 6.0).
#pragma once

#include <NvInferRuntime.h>

#include <string>

#include "core/device_constants.h"
#include "core/operation.h"

namespace edgeskip::tensorrt {

class PluginV2 final : public nvinfer1::IPluginV2DynamicExt {
 public:
  PluginV2(OperationPointer operation, int32_t input_count)
      : operation_(std::move(operation)), input_count_(input_count) {}

  nvinfer1::AsciiChar const* getPluginType() const noexcept override { return operation_->plugin().c_str(); }
  nvinfer1::AsciiChar const* getPluginVersion() const noexcept override { return kVersion; }
  nvinfer1::AsciiChar const* getPluginNamespace() const noexcept override { return namespace_.c_str(); }
  void setPluginNamespace(nvinfer1::AsciiChar const* name) noexcept override;
  nvinfer1::IPluginV2DynamicExt* clone() const noexcept override;
  void destroy() noexcept override { delete this; }
  int32_t initialize() noexcept override;
  void terminate() noexcept override { constants_ = {}; }

  int32_t getNbOutputs() const noexcept override { return operation_->output_count(); }
  nvinfer1::DataType getOutputDataType(int32_t output, nvinfer1::DataType const* input_types,
                                       int32_t input_count) const noexcept override;
  nvinfer1::DimsExprs getOutputDimensions(int32_t output, nvinfer1::DimsExprs const* inputs, int32_t input_count,
                                          nvinfer1::IExprBuilder& builder) noexcept override;
  bool supportsFormatCombination(int32_t position, nvinfer1::PluginTensorDesc const* tensors, int32_t input_count,
                                 int32_t output_count) noexcept override;
  void configurePlugin(nvinfer1::DynamicPluginTensorDesc const* inputs, int32_t input_count,
                       nvinfer1::DynamicPluginTensorDesc const* outputs, int32_t output_count) noexcept override;
  size_t getWorkspaceSize(nvinfer1::PluginTensorDesc const* inputs, int32_t input_count,
                          nvinfer1::PluginTensorDesc const* outputs, int32_t output_count) const noexcept override;
  int32_t enqueue(nvinfer1::PluginTensorDesc const* input_descriptions,
                  nvinfer1::PluginTensorDesc const* output_descriptions, void const* const* inputs,
                  void* const* outputs, void* workspace, cudaStream_t stream) noexcept override;

  size_t getSerializationSize() const noexcept override;
  void serialize(void* buffer) const noexcept override;

 private:
  OperationPointer operation_;
  int32_t input_count_;  // enqueue is not told; 0 before the plugin stands in a network
  DeviceConstants constants_;
  std::string namespace_ = kNamespace;
};

}  // namespace edgeskip::tensorrt
