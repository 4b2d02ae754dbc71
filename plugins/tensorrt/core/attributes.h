// The attributes of a plugin: a table of names, kinds, lengths and defaults, and the values read from TensorRT's
// fields.
//
// One table per plugin feeds the creator's field list, validation, serialisation in both plugin interfaces, and the
// contract file that the tests compare.
#pragma once

#include <NvInferRuntime.h>

#include <string>
#include <variant>
#include <vector>

namespace edgeskip::tensorrt {

using Ints = std::vector<int32_t>;
using Floats = std::vector<float>;
using Value = std::variant<Ints, Floats, std::string>;

inline constexpr int kAnyLength = -1;

// `length` in values (text: 1 text). The kind is that of `fallback`.
struct AttributeSpec {
  std::string name;
  int length;
  Value fallback;
  bool required = false;
  std::vector<std::string> choices = {};
};
using AttributeTable = std::vector<AttributeSpec>;

// Values of one plugin in the order of its table; those that no field gave have their default.
class Attributes {
 public:
  // Raises PluginError: an unknown field, one given twice, of another type or length, not of its choices, or missing.
  static Attributes read(std::string const& plugin, AttributeTable const& table,
                         nvinfer1::PluginFieldCollection const* fields);

  int32_t integer(char const* name) const { return ints(name).at(0); }
  float number(char const* name) const { return floats(name).at(0); }
  bool flag(char const* name) const { return integer(name) != 0; }
  Ints const& ints(char const* name) const { return std::get<Ints>(value(name)); }
  Floats const& floats(char const* name) const { return std::get<Floats>(value(name)); }
  std::string const& text(char const* name) const { return std::get<std::string>(value(name)); }
  std::string const& plugin() const { return plugin_; }

  // Fields that `read` turns into the same values. They point into this object; empty lists are left out.
  std::vector<nvinfer1::PluginField> fields() const;

  // Raises PluginError unless `holds`; names the attribute, its value and the rule.
  void require(bool holds, char const* name, std::string const& rule) const;

 private:
  Value const& value(char const* name) const;

  std::string plugin_;
  AttributeTable const* table_ = nullptr;
  std::vector<Value> values_;
};

nvinfer1::PluginFieldType field_type(Value const& value);
std::string to_text(Value const& value);

}  // namespace edgeskip::tensorrt
