// Creators and exports for TensorRT 10.3 to 11.x.
#include <memory>

#include "core/field_list.h"
#include "core/log.h"
#include "exports.h"
#include "v3/plugin.h"

namespace edgeskip::tensorrt {
namespace {

class CreatorV3 final : public nvinfer1::IPluginCreatorV3One {
 public:
  explicit CreatorV3(OperationKind const& kind) : kind_(kind), fields_(kind.table()) {}

  nvinfer1::IPluginV3* createPlugin(nvinfer1::AsciiChar const*, nvinfer1::PluginFieldCollection const* fields,
                                    nvinfer1::TensorRTPhase) noexcept override {
    return guarded<nvinfer1::IPluginV3*>(nullptr, [&] { return new PluginV3(make_operation(kind_, fields)); });
  }
  nvinfer1::PluginFieldCollection const* getFieldNames() noexcept override { return fields_.collection(); }
  nvinfer1::AsciiChar const* getPluginName() const noexcept override { return kind_.name; }
  nvinfer1::AsciiChar const* getPluginVersion() const noexcept override { return kVersion; }
  nvinfer1::AsciiChar const* getPluginNamespace() const noexcept override { return kNamespace; }

 private:
  OperationKind kind_;
  FieldList fields_;
};

struct Creators {
  std::vector<std::unique_ptr<CreatorV3>> owned;
  std::vector<nvinfer1::IPluginCreatorInterface*> pointers;
  Creators() {
    for (auto const& kind : operation_kinds()) {
      owned.push_back(std::make_unique<CreatorV3>(kind));
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

extern "C" EDGESKIP_EXPORT nvinfer1::IPluginCreatorInterface* const* getCreators(int32_t& count) noexcept {
  auto const& pointers = edgeskip::tensorrt::creators().pointers;
  count = static_cast<int32_t>(pointers.size());
  return pointers.data();
}

// The older entry point, for creators of IPluginV2: there are none in this build.
extern "C" EDGESKIP_EXPORT nvinfer1::IPluginCreatorInterface* const* getPluginCreators(int32_t& count) noexcept {
  count = 0;
  return nullptr;
}

extern "C" EDGESKIP_EXPORT void setLoggerFinder(nvinfer1::ILoggerFinder* finder) noexcept {
  edgeskip::tensorrt::set_logger_finder(finder);
}
