// host LIBRARY [--describe]: drives the plugins without TensorRT: creation from fields, refusals, shapes, formats, workspace,
// serialisation, copies; on a machine with a GPU also `enqueue` against a float64 reference. Exit 0 where all holds.
// --describe prints JSON: plugin to its creator's field names.
#include <cuda_runtime_api.h>

#include <cstring>
#include <exception>

#include "build_checks.h"
#include "device_checks.h"

namespace {

void describe(host::Library const& library) {
  char const* plugin_separator = "{";
  for (auto const& plugin : library.plugin_names()) {
    std::printf("%s\"%s\": [", plugin_separator, plugin.c_str());
    char const* separator = "";
    for (auto const& field : library.field_names(plugin)) std::printf("%s\"%s\"", separator, field.c_str()), separator = ", ";
    std::printf("]");
    plugin_separator = ", ";
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
    if (count < 2) return std::fprintf(stderr, "usage: host LIBRARY [--describe]\n"), 2;
    host::Library library(arguments[1]);
    if (count > 2 && std::strcmp(arguments[2], "--describe") == 0) return describe(library), 0;
    return run(library);
  } catch (std::exception const& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
}
