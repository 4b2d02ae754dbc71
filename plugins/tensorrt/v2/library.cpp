// Creators and exports for TensorRT 8.6.
#include <cstring>
#include <memory>
#include <vector>

#include "core/error.h"
#include "core/field_list.h"
#include "core/log.h"
#include "core/packing.h"
#include "exports.h"
#include "v2/plugin.h"

namespace edgeskip::tensorrt {
namespace {

class CreatorV2 final : public nvinfer1::IPluginCreator {
 public:
  explicit CreatorV2(OperationKind const& kind) : kind_(kind), fields_(kind.table()) {}

  nvinfer1::AsciiChar const* getPluginName() const noexcept override { return kind_.name; }
  nvinfer1::AsciiChar const* getPluginVersion() const noexcept override { return kVersion; }
  nvinfer1::AsciiChar const* getPluginNamespace() const noexcept override { return namespace_.c_str(); }
  nvinfer1::PluginFieldCollection const* getFieldNames() noexcept override { return fields_.collection(); }
  // The registry sets "" where a library is loaded; an ONNX node asks for "edgeskip", so that stays.
  void setPluginNamespace(nvinfer1::AsciiChar const* name) noexcept override {
    status_of([&] { namespace_ = name == nullptr || *name == '\0' ? kNamespace : name; });
  }

  nvinfer1::IPluginV2* createPlugin(nvinfer1::AsciiChar const*,
                                    nvinfer1::PluginFieldCollection const* fields) noexcept override {
    return guarded<nvinfer1::IPluginV2*>(nullptr, [&] { return made(make_operation(kind_, fields), 0); });
  }
  nvinfer1::IPluginV2* deserializePlugin(nvinfer1::AsciiChar const*, void const* bytes, size_t size) noexcept override {
    return guarded<nvinfer1::IPluginV2*>(nullptr, [&] { return restored(static_cast<char const*>(bytes), size); });
  }

 private:
  PluginV2* made(OperationPointer operation, int32_t input_count) {
    auto* plugin = new PluginV2(std::move(operation), input_count);
    plugin->setPluginNamespace(namespace_.c_str());
    return plugin;
  }
  PluginV2* restored(char const* bytes, size_t size) {
    int32_t input_count = 0;
    if (bytes == nullptr || size < sizeof input_count) throw PluginError(kind_.name, "the serialised plugin is empty");
    std::memcpy(&input_count, bytes, sizeof input_count);
    auto attributes = unpacked(kind_.name, kind_.table(), bytes + sizeof input_count, size - sizeof input_count);
    return made(kind_.make(std::move(attributes)), input_count);
  }

  OperationKind kind_;
  FieldList fields_;
  std::string namespace_ = kNamespace;
};

struct Creators {
  std::vector<std::unique_ptr<CreatorV2>> owned;
  std::vector<nvinfer1::IPluginCreator*> pointers;
  Creators() {
    for (auto const& kind : operation_kinds()) {
      owned.push_back(std::make_unique<CreatorV2>(kind));
      pointers.push_back(owned.back().get());
    }
  }
};

Creators const& creators() {
  static Creators const all;
  return all;
}

}  // namespace

bool register_creators(nvinfer1::IPluginRegistry& registry) {
  bool registered = true;
  for (auto* creator : creators().pointers) registered = registry.registerCreator(*creator, kNamespace) && registered;
  return registered;
}

}  // namespace edgeskip::tensorrt

extern "C" EDGESKIP_EXPORT nvinfer1::IPluginCreator* const* getPluginCreators(int32_t& count) noexcept {
  auto const& pointers = edgeskip::tensorrt::creators().pointers;
  count = static_cast<int32_t>(pointers.size());
  return pointers.data();
}

#if NV_TENSORRT_MAJOR >= 10  // newer TensorRT asks for this one, also for plugins of the older interface
extern "C" EDGESKIP_EXPORT nvinfer1::IPluginCreatorInterface* const* getCreators(int32_t& count) noexcept {
  static std::vector<nvinfer1::IPluginCreatorInterface*> const pointers = [] {
    auto const& own = edgeskip::tensorrt::creators().pointers;
    return std::vector<nvinfer1::IPluginCreatorInterface*>(own.begin(), own.end());
  }();
  count = static_cast<int32_t>(pointers.size());
  return pointers.data();
}
#endif

extern "C" EDGESKIP_EXPORT void setLoggerFinder(nvinfer1::ILoggerFinder* finder) noexcept {
  edgeskip::tensorrt::set_logger_finder(finder);
}
