#include "v3/plugin.h"

#include <memory>

#include "core/log.h"
#include "core/tensors.h"

namespace edgeskip::tensorrt {

using nvinfer1::DynamicPluginTensorDesc;
using nvinfer1::PluginTensorDesc;

nvinfer1::IPluginCapability* PluginV3::getCapabilityInterface(nvinfer1::PluginCapabilityType type) noexcept {
  switch (type) {
    case nvinfer1::PluginCapabilityType::kCORE: return static_cast<nvinfer1::IPluginV3OneCore*>(this);
    case nvinfer1::PluginCapabilityType::kBUILD: return static_cast<BuildInterface*>(this);
    case nvinfer1::PluginCapabilityType::kRUNTIME: return static_cast<nvinfer1::IPluginV3OneRuntime*>(this);
  }
  return nullptr;
}

nvinfer1::IPluginV3* PluginV3::clone() noexcept {
  return guarded<nvinfer1::IPluginV3*>(nullptr, [&] {
    auto result = std::make_unique<PluginV3>(operation_);
    result->input_count_ = input_count_;
    result->constants_ = constants_;
    return result.release();
  });
}

int32_t PluginV3::getOutputDataTypes(nvinfer1::DataType* output_types, int32_t output_count,
                                     nvinfer1::DataType const* input_types, int32_t input_count) const noexcept {
  return status_of([&] {
    for (int32_t output = 0; output < output_count; ++output) {
      output_types[output] = operation_->output_type(output, input_types, input_count);
    }
  });
}

int32_t PluginV3::getOutputShapes(nvinfer1::DimsExprs const* inputs, int32_t input_count, nvinfer1::DimsExprs const*,
                                  int32_t, nvinfer1::DimsExprs* outputs, int32_t,
                                  nvinfer1::IExprBuilder& builder) noexcept {
  return status_of([&] { operation_->output_shapes(inputs, input_count, outputs, builder); });
}

bool PluginV3::supportsFormatCombination(int32_t position, DynamicPluginTensorDesc const* tensors, int32_t input_count,
                                         int32_t) noexcept {
  return guarded<bool>(false, [&] {
    std::vector<TensorKind> kinds;
    for (int32_t index = 0; index <= position; ++index) kinds.push_back(kind_of(tensors[index].desc));
    return operation_->supports(position, kinds.data(), input_count);
  });
}

int32_t PluginV3::configurePlugin(DynamicPluginTensorDesc const* inputs, int32_t input_count,
                                  DynamicPluginTensorDesc const* outputs, int32_t output_count) noexcept {
  return status_of([&] {
    auto const in = largest(inputs, input_count), out = largest(outputs, output_count);
    operation_->check({in.data(), input_count, out.data()});
    input_count_ = input_count;
  });
}

size_t PluginV3::getWorkspaceSize(DynamicPluginTensorDesc const* inputs, int32_t input_count,
                                  DynamicPluginTensorDesc const* outputs, int32_t output_count) const noexcept {
  return guarded<size_t>(0, [&] {
    auto const in = largest(inputs, input_count), out = largest(outputs, output_count);
    return operation_->workspace_bytes({in.data(), input_count, out.data()});
  });
}

int32_t PluginV3::onShapeChange(PluginTensorDesc const* inputs, int32_t input_count, PluginTensorDesc const* outputs,
                                int32_t) noexcept {
  return status_of([&] {
    operation_->check({inputs, input_count, outputs});
    input_count_ = input_count;
    // a builder that measures may run a plugin that it attached to no context
    if (constants_.data() == nullptr) constants_ = DeviceConstants(*operation_);
  });
}

int32_t PluginV3::enqueue(PluginTensorDesc const* input_descriptions, PluginTensorDesc const* output_descriptions,
                          void const* const* inputs, void* const* outputs, void* workspace,
                          cudaStream_t stream) noexcept {
  return status_of([&] {
    Descriptions const tensors{input_descriptions, input_count_, output_descriptions};
    operation_->enqueue({tensors, inputs, outputs, workspace, constants_.data(), stream});
  });
}

nvinfer1::IPluginV3* PluginV3::attachToContext(nvinfer1::IPluginResourceContext*) noexcept {
  return guarded<nvinfer1::IPluginV3*>(nullptr, [&] {
    auto result = std::make_unique<PluginV3>(operation_);
    result->input_count_ = input_count_;
    result->constants_ = DeviceConstants(*operation_);
    return result.release();
  });
}

nvinfer1::PluginFieldCollection const* PluginV3::getFieldsToSerialize() noexcept {
  return guarded<nvinfer1::PluginFieldCollection const*>(nullptr, [&] {
    fields_ = operation_->attributes().fields();
    collection_ = {static_cast<int32_t>(fields_.size()), fields_.data()};
    return &collection_;
  });
}

}  // namespace edgeskip::tensorrt
