#include "core/attributes.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <sstream>

#include "core/error.h"

namespace edgeskip::tensorrt {
namespace {

using nvinfer1::PluginField;
using nvinfer1::PluginFieldType;

template <typename Stored, typename Wanted>
std::vector<Wanted> converted(PluginField const& field) {
  Stored const* data = static_cast<Stored const*>(field.data);
  std::vector<Wanted> result(field.length);
  std::transform(data, data + field.length, result.begin(), [](Stored value) { return static_cast<Wanted>(value); });
  return result;
}

std::string text_of(PluginField const& field) {
  char const* data = static_cast<char const*>(field.data);
  return std::string(data, strnlen(data, field.length));  // some parsers count a closing zero, some do not
}

char const* kind_name(Value const& value) {
  char const* const names[] = {"integers", "floats", "a text"};
  return names[value.index()];
}

// The value in the kind of `fallback`, or an empty one of another kind where the field's type does not fit.
bool convert(PluginField const& field, Value& value) {
  bool const whole = field.type == PluginFieldType::kINT32;
  if (std::holds_alternative<Ints>(value) && whole) {
    value = converted<int32_t, int32_t>(field);
  } else if (std::holds_alternative<Floats>(value) && whole) {  // "threshold = 0" written as a whole number
    value = converted<int32_t, float>(field);
  } else if (std::holds_alternative<Floats>(value) && field.type == PluginFieldType::kFLOAT32) {
    value = converted<float, float>(field);
  } else if (std::holds_alternative<Floats>(value) && field.type == PluginFieldType::kFLOAT64) {
    value = converted<double, float>(field);
  } else if (std::holds_alternative<std::string>(value) && field.type == PluginFieldType::kCHAR) {
    value = text_of(field);
  } else {
    return false;
  }
  return true;
}

size_t length_of(Value const& value) {
  if (auto const* ints = std::get_if<Ints>(&value)) return ints->size();
  if (auto const* floats = std::get_if<Floats>(&value)) return floats->size();
  return 1;
}

std::string joined(std::vector<std::string> const& words) {
  std::string result;
  for (auto const& word : words) result += (result.empty() ? "" : ", ") + word;
  return result;
}

void check(std::string const& plugin, AttributeSpec const& spec, Value const& value) {
  if (spec.length != kAnyLength && length_of(value) != static_cast<size_t>(spec.length)) {
    throw PluginError(plugin, "field " + spec.name, to_text(value), std::to_string(spec.length) + " values are needed");
  }
  if (auto const* floats = std::get_if<Floats>(&value)) {
    if (std::any_of(floats->begin(), floats->end(), [](float number) { return std::isnan(number); })) {
      throw PluginError(plugin, "field " + spec.name, to_text(value), "NaN is no parameter");
    }
  }
  auto const* text = std::get_if<std::string>(&value);
  if (text != nullptr && std::find(spec.choices.begin(), spec.choices.end(), *text) == spec.choices.end()) {
    throw PluginError(plugin, "field " + spec.name, "'" + *text + "'", "it must be one of " + joined(spec.choices));
  }
}

Value value_of(std::string const& plugin, AttributeSpec const& spec, PluginField const& field) {
  Value value = spec.fallback;
  if (field.length < 0 || (field.data == nullptr && field.length > 0)) {
    throw PluginError(plugin, "field " + spec.name + " has no data");
  }
  if (field.length == 0 && !std::holds_alternative<std::string>(value)) {
    if (std::holds_alternative<Ints>(value)) value = Ints{};
    else value = Floats{};
  } else if (field.length == 0) {
    value = std::string{};
  } else if (!convert(field, value)) {
    throw PluginError(plugin, "the type of field " + spec.name, std::to_string(static_cast<int>(field.type)),
                      std::string("it must hold ") + kind_name(spec.fallback));
  }
  check(plugin, spec, value);
  return value;
}

size_t index_of(std::string const& plugin, AttributeTable const& table, char const* name) {
  auto const found = std::find_if(table.begin(), table.end(), [&](auto const& spec) { return spec.name == name; });
  if (found != table.end()) return found - table.begin();
  std::vector<std::string> known;
  for (auto const& spec : table) known.push_back(spec.name);
  throw PluginError(plugin, std::string("there is no field ") + name + "; the fields are " + joined(known));
}

}  // namespace

Attributes Attributes::read(std::string const& plugin, AttributeTable const& table,
                            nvinfer1::PluginFieldCollection const* fields) {
  Attributes result;
  result.plugin_ = plugin;
  result.table_ = &table;
  std::vector<bool> given(table.size(), false);
  for (auto const& spec : table) result.values_.push_back(spec.fallback);
  for (int index = 0; fields != nullptr && index < fields->nbFields; ++index) {
    PluginField const& field = fields->fields[index];
    size_t const at = index_of(plugin, table, field.name == nullptr ? "" : field.name);
    if (given[at]) throw PluginError(plugin, "field " + table[at].name + " is given twice");
    result.values_[at] = value_of(plugin, table[at], field);
    given[at] = true;
  }
  for (size_t at = 0; at < table.size(); ++at) {
    if (table[at].required && !given[at]) throw PluginError(plugin, "field " + table[at].name + " is missing");
  }
  return result;
}

std::vector<nvinfer1::PluginField> Attributes::fields() const {
  std::vector<PluginField> result;
  for (size_t at = 0; at < values_.size(); ++at) {
    Value const& value = values_[at];
    void const* data = nullptr;
    int32_t length = static_cast<int32_t>(length_of(value));
    if (auto const* ints = std::get_if<Ints>(&value)) data = ints->data();
    if (auto const* floats = std::get_if<Floats>(&value)) data = floats->data();
    if (auto const* text = std::get_if<std::string>(&value)) {
      data = text->data();
      length = static_cast<int32_t>(text->size());
    }
    if (length > 0) result.emplace_back((*table_)[at].name.c_str(), data, field_type(value), length);
  }
  return result;
}

void Attributes::require(bool holds, char const* name, std::string const& rule) const {
  if (!holds) throw PluginError(plugin_, std::string("field ") + name, to_text(value(name)), rule);
}

Value const& Attributes::value(char const* name) const { return values_.at(index_of(plugin_, *table_, name)); }

PluginFieldType field_type(Value const& value) {
  if (std::holds_alternative<Ints>(value)) return PluginFieldType::kINT32;
  return std::holds_alternative<Floats>(value) ? PluginFieldType::kFLOAT32 : PluginFieldType::kCHAR;
}

std::string to_text(Value const& value) {
  if (auto const* text = std::get_if<std::string>(&value)) return "'" + *text + "'";
  std::ostringstream result;
  auto const write = [&](auto const& values) {
    for (size_t index = 0; index < values.size(); ++index) result << (index == 0 ? "" : ", ") << values[index];
  };
  result << '[';
  if (auto const* ints = std::get_if<Ints>(&value)) write(*ints);
  if (auto const* floats = std::get_if<Floats>(&value)) write(*floats);
  result << ']';
  return result.str();
}

}  // namespace edgeskip::tensorrt
