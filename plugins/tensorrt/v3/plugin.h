// IPluginV3 over an Operation: TensorRT 10.3 to 11.x from one source.
#pragma once

#include <NvInferRuntime.h>

#include <vector>

#include "core/device_constants.h"
#include "core/operation.h"

namespace edgeskip::tensorrt {

// With EDGESKIP_ALIASED_IO the state outputs are declared as aliases of their inputs. TensorRT then needs
// PreviewFeature::kALIASED_PLUGIN_IO_10_03, and a build without it fails: off by default.
#if defined(EDGESKIP_ALIASED_IO)
using BuildInterface = nvinfer1::IPluginV3OneBuildV2;
#else
using BuildInterface = nvinfer1::IPluginV3OneBuild;
#endif

class PluginV3 final : public nvinfer1::IPluginV3,
                       public nvinfer1::IPluginV3OneCore,
                       public BuildInterface,
                       public nvinfer1::IPluginV3OneRuntime {
 public:
  explicit PluginV3(OperationPointer operation) : operation_(std::move(operation)) {}

  nvinfer1::IPluginCapability* getCapabilityInterface(nvinfer1::PluginCapabilityType type) noexcept override;
  nvinfer1::IPluginV3* clone() noexcept override;

  nvinfer1::AsciiChar const* getPluginName() const noexcept override { return operation_->plugin().c_str(); }
  nvinfer1::AsciiChar const* getPluginVersion() const noexcept override { return kVersion; }
  nvinfer1::AsciiChar const* getPluginNamespace() const noexcept override { return kNamespace; }

  int32_t getNbOutputs() const noexcept override { return operation_->output_count(); }
  int32_t getOutputDataTypes(nvinfer1::DataType* output_types, int32_t output_count,
                             nvinfer1::DataType const* input_types, int32_t input_count) const noexcept override;
  int32_t getOutputShapes(nvinfer1::DimsExprs const* inputs, int32_t input_count,
                          nvinfer1::DimsExprs const* shape_inputs, int32_t shape_input_count,
                          nvinfer1::DimsExprs* outputs, int32_t output_count,
                          nvinfer1::IExprBuilder& builder) noexcept override;
  bool supportsFormatCombination(int32_t position, nvinfer1::DynamicPluginTensorDesc const* tensors,
                                 int32_t input_count, int32_t output_count) noexcept override;
  int32_t configurePlugin(nvinfer1::DynamicPluginTensorDesc const* inputs, int32_t input_count,
                          nvinfer1::DynamicPluginTensorDesc const* outputs, int32_t output_count) noexcept override;
  size_t getWorkspaceSize(nvinfer1::DynamicPluginTensorDesc const* inputs, int32_t input_count,
                          nvinfer1::DynamicPluginTensorDesc const* outputs,
                          int32_t output_count) const noexcept override;
#if defined(EDGESKIP_ALIASED_IO)
  int32_t getAliasedInput(int32_t output) noexcept override { return operation_->state_input_of(output); }
#endif

  int32_t onShapeChange(nvinfer1::PluginTensorDesc const* inputs, int32_t input_count,
                        nvinfer1::PluginTensorDesc const* outputs, int32_t output_count) noexcept override;
  int32_t enqueue(nvinfer1::PluginTensorDesc const* input_descriptions,
                  nvinfer1::PluginTensorDesc const* output_descriptions, void const* const* inputs,
                  void* const* outputs, void* workspace, cudaStream_t stream) noexcept override;
  nvinfer1::IPluginV3* attachToContext(nvinfer1::IPluginResourceContext* context) noexcept override;
  nvinfer1::PluginFieldCollection const* getFieldsToSerialize() noexcept override;

 private:
  OperationPointer operation_;
  int32_t input_count_ = 0;  // of the last shape change: enqueue is not told
  DeviceConstants constants_;
  std::vector<nvinfer1::PluginField> fields_;
  nvinfer1::PluginFieldCollection collection_{};
};

}  // namespace edgeskip::tensorrt
