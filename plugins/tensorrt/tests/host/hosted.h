// One plugin as TensorRT would hold it; implemented over IPluginV3 (v3/) and over IPluginV2DynamicExt (v2/).
#pragma once

#include <NvInferRuntime.h>

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "expressions.h"

namespace host {

using Value = std::variant<std::vector<int32_t>, std::vector<float>, std::string>;
struct Field {
  std::string name;
  Value value;
};
using Fields = std::vector<Field>;
using Tensors = std::vector<nvinfer1::PluginTensorDesc>;
using Sizes = std::vector<int64_t>;

class Hosted {
 public:
  virtual ~Hosted() = default;
  virtual int output_count() = 0;
  virtual std::vector<nvinfer1::DataType> output_types(std::vector<nvinfer1::DataType> const& inputs) = 0;
  // Empty where the plugin refused; sizes of -1 are known at run time.
  virtual std::vector<Sizes> output_shapes(std::vector<Sizes> const& inputs) = 0;
  virtual bool supports(int position, Tensors const& all, int input_count) = 0;
  // Prepares for these sizes; false where the plugin refused.
  virtual bool configure(Tensors const& inputs, Tensors const& outputs) = 0;
  virtual size_t workspace_bytes(Tensors const& inputs, Tensors const& outputs) = 0;
  virtual int aliased_input(int output) = 0;
  virtual std::unique_ptr<Hosted> clone() = 0;
  // Through the serialised form and back; `damage` changes one byte of it first where that form has a check.
  virtual std::unique_ptr<Hosted> restored(bool damage) = 0;
  // As an execution context would own it; null where that needs a device and there is none.
  virtual std::unique_ptr<Hosted> attached() = 0;
  virtual bool enqueue(Tensors const& inputs, Tensors const& outputs, std::vector<void const*> const& from,
                       std::vector<void*> const& to, void* workspace, cudaStream_t stream) = 0;
};

class Library {
 public:
  explicit Library(char const* path);
  std::vector<std::string> plugin_names() const;
  // The fields that the creator offers to parsers.
  std::vector<nvinfer1::PluginField> offered_fields(std::string const& plugin) const;
  // Null where the plugin refused the fields.
  std::unique_ptr<Hosted> create(std::string const& plugin, Fields const& fields) const;
  std::string take_error();
  std::string information() const;
  static bool bytes_are_checked();

 private:
  void* symbol(char const* name) const;
  void* library_ = nullptr;
  LoggerFinder finder_;
};

// Fields as TensorRT passes them; they point into `fields`.
inline std::vector<nvinfer1::PluginField> as_plugin_fields(Fields const& fields) {
  using nvinfer1::PluginFieldType;
  std::vector<nvinfer1::PluginField> result;
  for (auto const& field : fields) {
    auto const add = [&](auto const& values, PluginFieldType type) {
      result.emplace_back(field.name.c_str(), values.data(), type, static_cast<int32_t>(values.size()));
    };
    if (auto const* ints = std::get_if<std::vector<int32_t>>(&field.value)) add(*ints, PluginFieldType::kINT32);
    if (auto const* floats = std::get_if<std::vector<float>>(&field.value)) add(*floats, PluginFieldType::kFLOAT32);
    if (auto const* text = std::get_if<std::string>(&field.value)) add(*text, PluginFieldType::kCHAR);
  }
  return result;
}

inline std::vector<Sizes> sizes_of(std::vector<nvinfer1::DimsExprs> const& shapes) {
  std::vector<Sizes> result;
  for (auto const& shape : shapes) {
    Sizes sizes;
    for (int axis = 0; axis < shape.nbDims; ++axis)
      sizes.push_back(static_cast<Dimension const*>(shape.d[axis])->value());
    result.push_back(sizes);
  }
  return result;
}

inline std::vector<nvinfer1::DynamicPluginTensorDesc> dynamic(Tensors const& tensors) {
  std::vector<nvinfer1::DynamicPluginTensorDesc> result(tensors.size());
  for (size_t index = 0; index < tensors.size(); ++index) {
    result[index].desc = tensors[index];
    result[index].min = result[index].max = tensors[index].dims;
#if NV_TENSORRT_MAJOR >= 10
    result[index].opt = tensors[index].dims;
#endif
  }
  return result;
}

}  // namespace host
