// For hosts that only open a library and ask it for nothing (Triton's `plugins`, DeepStream's `custom-lib-path`):
// with EDGESKIP_REGISTER_PLUGINS=1 the creators register themselves when the library is opened. Not by default, since
// IPluginRegistry::loadLibrary refuses a library whose plugins are registered already. No symbol of libnvinfer is
// linked.
#include <dlfcn.h>

#include <cstdlib>
#include <string>

#include "core/log.h"
#include "exports.h"

namespace edgeskip::tensorrt {
namespace {

using GetRegistry = nvinfer1::IPluginRegistry* (*)();

// getPluginRegistry of the libnvinfer that the process has loaded, null where it has none.
GetRegistry find_registry() {
  std::string const major = std::to_string(NV_TENSORRT_MAJOR);
  for (char const* name : {"libnvinfer.so.", "libnvinfer_lean.so.", "libnvinfer_dispatch.so."}) {
    void* library = dlopen((name + major).c_str(), RTLD_LAZY | RTLD_NOLOAD);
    void* symbol = library == nullptr ? nullptr : dlsym(library, "getPluginRegistry");
    if (symbol != nullptr) return reinterpret_cast<GetRegistry>(symbol);
  }
  return nullptr;
}

// The registry points into this library from now on, so it must not be unloaded, whatever its opener does.
void stay_loaded() {
  Dl_info where{};
  if (dladdr(reinterpret_cast<void*>(&register_creators), &where) != 0) {
    dlopen(where.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
  }
}

void register_all() {
  GetRegistry const get_registry = find_registry();
  nvinfer1::IPluginRegistry* registry = get_registry == nullptr ? nullptr : get_registry();
  using Severity = nvinfer1::ILogger::Severity;
  if (registry == nullptr) {
    log(Severity::kERROR,
        "EDGESKIP_REGISTER_PLUGINS is set, but the TensorRT that this library was built for is not loaded");
    return;
  }
  stay_loaded();
  if (!register_creators(*registry)) {
    log(Severity::kERROR, "TensorRT did not register the plugins: they may be registered already");
  }
}

__attribute__((constructor)) void on_load() {
  char const* wanted = std::getenv("EDGESKIP_REGISTER_PLUGINS");
  if (wanted != nullptr && std::string(wanted) == "1") status_of(register_all);
}

}  // namespace
}  // namespace edgeskip::tensorrt
