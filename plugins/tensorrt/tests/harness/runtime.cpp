#include "runtime.h"

#include <dlfcn.h>

#include <cstdio>
#include <stdexcept>

namespace harness {
namespace {

template <typename Function>
Function symbol(void* library, char const* name) {
  void* found = dlsym(library, name);
  if (found == nullptr) throw std::runtime_error(std::string("there is no function ") + name);
  return reinterpret_cast<Function>(found);
}

}  // namespace

void Logger::log(Severity severity, nvinfer1::AsciiChar const* message) noexcept {
  if (severity <= Severity::kWARNING) std::fprintf(stderr, "TensorRT: %s\n", message);
}

Runtime::Runtime(char const* name, char const* plugin_library) {
  std::string const file = name != nullptr ? name : "libnvinfer.so." + std::to_string(NV_TENSORRT_MAJOR);
  void* library = dlopen(file.c_str(), RTLD_NOW | RTLD_GLOBAL);
  if (library == nullptr) throw std::runtime_error(dlerror());
  using Create = void* (*)(void*, int32_t);
  auto const version = static_cast<int32_t>(NV_TENSORRT_VERSION);
  auto* logger = static_cast<nvinfer1::ILogger*>(&logger_);
  builder_.reset(
      static_cast<nvinfer1::IBuilder*>(symbol<Create>(library, "createInferBuilder_INTERNAL")(logger, version)));
  runtime_.reset(
      static_cast<nvinfer1::IRuntime*>(symbol<Create>(library, "createInferRuntime_INTERNAL")(logger, version)));
  if (builder_ == nullptr || runtime_ == nullptr) {
    throw std::runtime_error(
        "TensorRT made no builder or runtime: is it the version of the headers, and is there a GPU?");
  }
  registry_ = symbol<nvinfer1::IPluginRegistry* (*)()>(library, "getPluginRegistry")();
  if (registry_->loadLibrary(plugin_library) == nullptr) {
    throw std::runtime_error(std::string("TensorRT does not load ") + plugin_library);
  }
  void* plugins = dlopen(plugin_library, RTLD_NOW | RTLD_LOCAL);
  std::string const information = symbol<char const* (*)()>(plugins, "edgeskip_library_info")();
  has_aliases_ = information.find("\"aliased_io\": true") != std::string::npos;
}

}  // namespace harness
