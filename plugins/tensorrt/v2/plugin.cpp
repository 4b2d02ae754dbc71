#include "v2/plugin.h"

#include <cstring>

#include "core/log.h"
#include "core/packing.h"
#include "core/tensors.h"

namespace edgeskip::tensorrt {

using nvinfer1::DataType;
using nvinfer1::DimsExprs;
using nvinfer1::DynamicPluginTensorDesc;
using nvinfer1::PluginTensorDesc;

void PluginV2::setPluginNamespace(nvinfer1::AsciiChar const* name) noexcept {
  status_of([&] { namespace_ = name == nullptr ? "" : name; });
}

int32_t PluginV2::initialize() noexcept {
  return status_of([&] { constants_ = DeviceConstants(*operation_); });
}

nvinfer1::IPluginV2DynamicExt* PluginV2::clone() const noexcept {
  return guarded<nvinfer1::IPluginV2DynamicExt*>(nullptr, [&] { return new PluginV2(*this); });
}

DataType PluginV2::getOutputDataType(int32_t output, DataType const* input_types, int32_t input_count) const noexcept {
  return guarded(DataType::kFLOAT, [&] { return operation_->output_type(output, input_types, input_count); });
}

DimsExprs PluginV2::getOutputDimensions(int32_t output, DimsExprs const* inputs, int32_t input_count,
                                        nvinfer1::IExprBuilder& builder) noexcept {
  DimsExprs failed{};
  failed.nbDims = -1;
  return guarded(failed, [&] {
    std::vector<DimsExprs> outputs(operation_->output_count());
    operation_->output_shapes(inputs, input_count, outputs.data(), builder);
    input_count_ = input_count;
    return outputs.at(output);
  });
}

bool PluginV2::supportsFormatCombination(int32_t position, PluginTensorDesc const* tensors, int32_t input_count,
                                         int32_t) noexcept {
  return guarded(false, [&] {
    std::vector<TensorKind> kinds;
    for (int32_t index = 0; index <= position; ++index) kinds.push_back(kind_of(tensors[index]));
    return operation_->supports(position, kinds.data(), input_count);
  });
}

void PluginV2::configurePlugin(DynamicPluginTensorDesc const* inputs, int32_t input_count,
                               DynamicPluginTensorDesc const* outputs, int32_t output_count) noexcept {
  status_of([&] {
    auto const in = largest(inputs, input_count), out = largest(outputs, output_count);
    input_count_ = input_count;
    operation_->check({in.data(), input_count, out.data()});
  });
}

size_t PluginV2::getWorkspaceSize(PluginTensorDesc const* inputs, int32_t input_count, PluginTensorDesc const* outputs,
                                  int32_t) const noexcept {
  return guarded<size_t>(0, [&] { return operation_->workspace_bytes({inputs, input_count, outputs}); });
}

int32_t PluginV2::enqueue(PluginTensorDesc const* input_descriptions, PluginTensorDesc const* output_descriptions,
                          void const* const* inputs, void* const* outputs, void* workspace,
                          cudaStream_t stream) noexcept {
  return status_of([&] {
    Descriptions const tensors{input_descriptions, input_count_, output_descriptions};
    operation_->check(tensors);  // configurePlugin can't refuse
    operation_->enqueue({tensors, inputs, outputs, workspace, constants_.data(), stream});
  });
}

size_t PluginV2::getSerializationSize() const noexcept {
  return guarded<size_t>(0, [&] { return sizeof(input_count_) + packed(operation_->attributes()).size(); });
}

void PluginV2::serialize(void* buffer) const noexcept {
  status_of([&] {
    auto const bytes = packed(operation_->attributes());
    std::memcpy(buffer, &input_count_, sizeof input_count_);
    std::memcpy(static_cast<char*>(buffer) + sizeof input_count_, bytes.data(), bytes.size());
  });
}

}  // namespace edgeskip::tensorrt
