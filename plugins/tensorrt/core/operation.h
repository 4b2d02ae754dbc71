// What one plugin does, apart from TensorRT's plugin classes: the same object stands behind IPluginV3 and
// IPluginV2DynamicExt.
//
// An operation never changes after it was made, so clones share it. Everything but `supports` raises PluginError.
#pragma once

#include <NvInferRuntime.h>
#include <cuda_runtime_api.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/attributes.h"

namespace edgeskip::tensorrt {

inline constexpr char const* kNamespace = "edgeskip";
inline constexpr char const* kVersion = "1";

// What a plugin may ask about a tensor while formats are chosen. `second_size` is its dimension 1, the channels of
// [N, C, H, W]; -1 or 0 where it is not known.
struct TensorKind {
  nvinfer1::DataType type;
  nvinfer1::TensorFormat format;
  int64_t second_size = 0;
};

// The tensors of one call: descriptions with all sizes known.
struct Descriptions {
  nvinfer1::PluginTensorDesc const* inputs;
  int input_count;
  nvinfer1::PluginTensorDesc const* outputs;
};

// One run. `constants` is device memory with what `device_constants` gave, or null.
struct Call {
  Descriptions tensors;
  void const* const* inputs;
  void* const* outputs;
  void* workspace;
  float const* constants;
  cudaStream_t stream;
};

class Operation {
 public:
  explicit Operation(Attributes attributes) : attributes_(std::move(attributes)) {}
  virtual ~Operation() = default;
  Operation(Operation const&) = delete;
  Operation& operator=(Operation const&) = delete;

  Attributes const& attributes() const { return attributes_; }
  std::string const& plugin() const { return attributes_.plugin(); }

  virtual int output_count() const = 0;
  virtual nvinfer1::DataType output_type(int output, nvinfer1::DataType const* inputs, int input_count) const = 0;
  virtual void output_shapes(nvinfer1::DimsExprs const* inputs, int input_count, nvinfer1::DimsExprs* outputs,
                             nvinfer1::IExprBuilder& builder) const = 0;

  // Whether tensor `position` (inputs, then outputs) may be as it is, given all before it. Never raises.
  virtual bool supports(int position, TensorKind const* tensors, int input_count) const = 0;

  // Raises PluginError where the sizes do not fit together.
  virtual void check(Descriptions const& tensors) const = 0;

  // Scratch memory for tensors of these sizes or smaller ones, in bytes.
  virtual size_t workspace_bytes(Descriptions const& tensors) const = 0;

  // Puts the work into the stream; no allocation, no synchronisation. A state output may be its state input.
  virtual void enqueue(Call const& call) const = 0;

  // Parameters that the kernels read from device memory: uploaded once for each execution context.
  virtual std::vector<float> device_constants() const { return {}; }

  // The input that `output` continues and may share its memory with, -1 where there is none.
  virtual int state_input_of(int /*output*/) const { return -1; }

 private:
  Attributes attributes_;
};

using OperationPointer = std::shared_ptr<Operation const>;

// One plugin that the library offers.
struct OperationKind {
  char const* name;
  AttributeTable const& (*table)();
  OperationPointer (*make)(Attributes attributes);
};

// All plugins of the library, in the order of their creators.
std::vector<OperationKind> const& operation_kinds();

OperationPointer make_operation(OperationKind const& kind, nvinfer1::PluginFieldCollection const* fields);

}  // namespace edgeskip::tensorrt
