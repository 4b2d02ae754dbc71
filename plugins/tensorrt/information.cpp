// What the library says about itself: edgeskip_library_info of host_api.h.
#include <NvInferRuntime.h>
#include <cuda_runtime_api.h>

#include <string>

#include "core/operation.h"
#include "edgeskip/host_api.h"

namespace {

std::string version(int major, int minor, int patch) {
  return std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(patch);
}

// "80 86" to "80, 86"
std::string list(std::string words) {
  for (size_t at = 0; (at = words.find(' ', at)) != std::string::npos; at += 2) words.replace(at, 1, ", ");
  return words;
}

std::string plugins() {
  std::string result;
  for (auto const& kind : edgeskip::tensorrt::operation_kinds()) {
    result += std::string(result.empty() ? "\"" : ", \"") + kind.name + "\"";
  }
  return result;
}

std::string information() {
#if defined(EDGESKIP_ALIASED_IO)
  char const* const aliased = "true";
#else
  char const* const aliased = "false";
#endif
  return "{\"tensorrt\": \"" + version(NV_TENSORRT_MAJOR, NV_TENSORRT_MINOR, NV_TENSORRT_PATCH) +
         "\", \"interface\": \"" + EDGESKIP_INTERFACE + "\", \"cuda\": \"" + std::to_string(CUDART_VERSION / 1000) +
         "." + std::to_string(CUDART_VERSION % 1000 / 10) + "\", \"architectures\": [" + list(EDGESKIP_ARCHITECTURES) +
         "], \"source_hash\": \"" + EDGESKIP_SOURCE_HASH + "\", \"aliased_io\": " + aliased +
         ", \"host_api\": " + std::to_string(EDGESKIP_HOST_API_VERSION) + ", \"plugin_version\": \"" +
         edgeskip::tensorrt::kVersion + "\", \"namespace\": \"" + edgeskip::tensorrt::kNamespace +
         "\", \"plugins\": [" + plugins() + "]}";
}

}  // namespace

extern "C" EDGESKIP_API char const* edgeskip_library_info(void) {
  static std::string const text = information();
  return text.c_str();
}
