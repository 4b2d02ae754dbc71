// host LIBRARY [--describe | --information]: drives the plugins without TensorRT: creation from fields, refusals,
// shapes, formats, workspace, serialisation, copies; on a machine with a GPU also `enqueue` against a float64
// reference. Exit 0 where all holds.
// --describe prints JSON: plugin to its creator's fields as [name, type, length], length 0: any. --information prints
// what the library says about itself.
#include <cuda_runtime_api.h>

#include <cstring>
#include <exception>

#include "build_checks.h"
#include "device_checks.h"

namespace {

char const* type_name(nvinfer1::PluginFieldType type) {
  if (type == nvinfer1::PluginFieldType::kINT32) return "int32";
  return type == nvinfer1::PluginFieldType::kFLOAT32 ? "float32"
         : type == nvinfer1::PluginFieldType::kCHAR  ? "text"
                                                     : "?";
}

void describe(host::Library const& library) {
  char const* before_plugin = "{";
  for (auto const& plugin : library.plugin_names()) {
    std::printf("%s\"%s\": [", before_plugin, plugin.c_str());
    char const* before = "";
    for (auto const& field : library.offered_fields(plugin)) {
      std::printf("%s[\"%s\", \"%s\", %d]", before, field.name, type_name(field.type), field.length);
      before = ", ";
    }
    std::printf("]");
    before_plugin = ", ";
  }
  std::printf("}\n");
}

int run(host::Library& library) {
  host::Report report;
  host::check_refusals(library, report);
  host::check_shapes(library, report);
  host::check_formats(library, report);
  host::check_copies(library, report);
  std::printf("build time: %d checks, %d failed\n", report.checks(), report.failures());
  int devices = 0;
  cudaError_t const error = cudaGetDeviceCount(&devices);
  if (error != cudaSuccess || devices == 0) {
    std::printf("enqueue not run: %s\n", error != cudaSuccess ? cudaGetErrorString(error) : "there is no CUDA device");
  } else {
    host::Report on_device;
    host::check_device(library, on_device);
    std::printf("enqueue: %d checks, %d failed\n", on_device.checks(), on_device.failures());
    return report.failures() + on_device.failures() == 0 ? 0 : 1;
  }
  return report.failures() == 0 ? 0 : 1;
}

}  // namespace

int main(int count, char** arguments) {
  try {
    if (count < 2) return std::fprintf(stderr, "usage: host LIBRARY [--describe | --information]\n"), 2;
    host::Library library(arguments[1]);
    if (count > 2 && std::strcmp(arguments[2], "--describe") == 0) return describe(library), 0;
    if (count > 2) return std::printf("%s\n", library.information().c_str()), 0;
    return run(library);
  } catch (std::exception const& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
}
