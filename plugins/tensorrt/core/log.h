// Errors leave through TensorRT's logger, never as exceptions: no exception may cross a plugin's interface.
#pragma once

#include <NvInferRuntime.h>

#include <exception>
#include <string>
#include <utility>

namespace edgeskip::tensorrt {

// The finder that TensorRT hands over when it loads the library. Without one (a library that was preloaded) errors and
// warnings go to stderr.
void set_logger_finder(nvinfer1::ILoggerFinder* finder) noexcept;
void log(nvinfer1::ILogger::Severity severity, char const* message) noexcept;

// `work()`, or `failed` after its exception was logged.
template <typename Result, typename Work>
Result guarded(Result failed, Work&& work) noexcept {
  try {
    return std::forward<Work>(work)();
  } catch (std::exception const& error) {
    log(nvinfer1::ILogger::Severity::kERROR, error.what());
  } catch (...) {
    log(nvinfer1::ILogger::Severity::kERROR, "edgeskip: unknown exception");
  }
  return failed;
}

// 0 after `work()`, 1 after its exception was logged: TensorRT's way to say so.
template <typename Work>
int32_t status_of(Work&& work) noexcept {
  return guarded<int32_t>(1, [&] {
    work();
    return 0;
  });
}

}  // namespace edgeskip::tensorrt
