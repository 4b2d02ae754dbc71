#include "core/packing.h"

#include <cstring>
#include <list>

#include "core/error.h"

namespace edgeskip::tensorrt {
namespace {

using nvinfer1::PluginField;
using nvinfer1::PluginFieldType;

constexpr uint32_t kMagic = 0x504B5345;  // "ESKP"
constexpr uint32_t kVersion = 1;
char const* const kHint =
    "the engine was built by another version of edgeskip or is damaged; build it again: edgeskip build";

uint32_t crc32(uint8_t const* bytes, size_t size) {
  uint32_t sum = ~0u;
  for (size_t index = 0; index < size; ++index) {
    sum ^= bytes[index];
    for (int bit = 0; bit < 8; ++bit) sum = (sum >> 1) ^ ((sum & 1) != 0 ? 0xEDB88320u : 0u);
  }
  return ~sum;
}

void append(std::vector<uint8_t>& bytes, void const* data, size_t size) {
  auto const* first = static_cast<uint8_t const*>(data);
  bytes.insert(bytes.end(), first, first + size);
}

void append(std::vector<uint8_t>& bytes, uint32_t value) { append(bytes, &value, sizeof value); }

size_t value_bytes(PluginFieldType type) { return type == PluginFieldType::kCHAR ? 1 : 4; }

// Reads forward through the bytes; refuses to read behind their end.
class Reader {
 public:
  Reader(std::string const& plugin, uint8_t const* bytes, size_t size) : plugin_(plugin), at_(bytes), left_(size) {}

  uint32_t number() {
    uint32_t value;
    std::memcpy(&value, take(sizeof value), sizeof value);
    return value;
  }
  uint8_t const* take(size_t size) {
    if (size > left_) throw PluginError(plugin_, std::string("the serialised plugin ends early; ") + kHint);
    uint8_t const* result = at_;
    at_ += size;
    left_ -= size;
    return result;
  }
  size_t left() const { return left_; }

 private:
  std::string plugin_;
  uint8_t const* at_;
  size_t left_;
};

void check_header(std::string const& plugin, Reader& reader) {
  uint32_t const magic = reader.number(), version = reader.number(), size = reader.number(), sum = reader.number();
  if (magic != kMagic || version != kVersion) {
    throw PluginError(plugin, std::string("the serialised plugin is not of version 1; ") + kHint);
  }
  if (size != reader.left())
    throw PluginError(plugin, std::string("the serialised plugin has another length; ") + kHint);
  Reader copy = reader;
  if (crc32(copy.take(size), size) != sum) {
    throw PluginError(plugin, std::string("the serialised plugin has a wrong check sum; ") + kHint);
  }
}

}  // namespace

std::vector<uint8_t> packed(Attributes const& attributes) {
  std::vector<uint8_t> payload, result;
  for (PluginField const& field : attributes.fields()) {
    size_t const name_bytes = std::strlen(field.name);
    append(payload, static_cast<uint32_t>(name_bytes));
    append(payload, static_cast<uint32_t>(field.type));
    append(payload, static_cast<uint32_t>(field.length));
    append(payload, field.name, name_bytes);
    append(payload, field.data, field.length * value_bytes(field.type));
  }
  uint32_t const sum = crc32(payload.data(), payload.size());
  for (uint32_t word : {kMagic, kVersion, static_cast<uint32_t>(payload.size()), sum}) append(result, word);
  append(result, payload.data(), payload.size());
  return result;
}

Attributes unpacked(std::string const& plugin, AttributeTable const& table, void const* bytes, size_t size) {
  Reader reader(plugin, static_cast<uint8_t const*>(bytes), size);
  check_header(plugin, reader);
  std::list<std::string> names;
  std::list<std::vector<uint32_t>> aligned;  // values stand unaligned in the bytes
  std::vector<PluginField> fields;
  while (reader.left() > 0) {
    uint32_t const name_bytes = reader.number();
    auto const type = static_cast<PluginFieldType>(reader.number());
    uint32_t const length = reader.number();
    names.emplace_back(reinterpret_cast<char const*>(reader.take(name_bytes)), name_bytes);
    size_t const data_bytes = size_t{length} * value_bytes(type);
    uint8_t const* data = reader.take(data_bytes);
    aligned.emplace_back((data_bytes + 3) / 4);
    std::memcpy(aligned.back().data(), data, data_bytes);
    fields.emplace_back(names.back().c_str(), aligned.back().data(), type, static_cast<int32_t>(length));
  }
  nvinfer1::PluginFieldCollection const collection{static_cast<int32_t>(fields.size()), fields.data()};
  return Attributes::read(plugin, table, &collection);
}

}  // namespace edgeskip::tensorrt
