// The fields that a creator offers to TensorRT's parsers and to its users.
#pragma once

#include "core/attributes.h"

namespace edgeskip::tensorrt {

class FieldList {
 public:
  explicit FieldList(AttributeTable const& table) {
    for (auto const& spec : table) {
      int const length = spec.length == kAnyLength ? 0 : spec.length;
      fields_.emplace_back(spec.name.c_str(), nullptr, field_type(spec.fallback), length);
    }
    collection_ = {static_cast<int32_t>(fields_.size()), fields_.data()};
  }
  FieldList(FieldList const&) = delete;
  FieldList& operator=(FieldList const&) = delete;

  nvinfer1::PluginFieldCollection const* collection() const { return &collection_; }

 private:
  std::vector<nvinfer1::PluginField> fields_;
  nvinfer1::PluginFieldCollection collection_{};
};

}  // namespace edgeskip::tensorrt
