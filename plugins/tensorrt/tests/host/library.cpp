#include <dlfcn.h>

#include <stdexcept>

#include "hosted.h"

namespace host {

Library::Library(char const* path) : library_(dlopen(path, RTLD_NOW | RTLD_LOCAL)) {
  if (library_ == nullptr) throw std::runtime_error(dlerror());
  reinterpret_cast<void (*)(nvinfer1::ILoggerFinder*)>(symbol("setLoggerFinder"))(&finder_);
}

void* Library::symbol(char const* name) const {
  void* found = dlsym(library_, name);
  if (found == nullptr) throw std::runtime_error(std::string("the library does not export ") + name);
  return found;
}

std::string Library::take_error() {
  std::string result;
  result.swap(finder_.logger.last_error);
  return result;
}

std::string Library::information() const {
  return reinterpret_cast<char const* (*)()>(symbol("edgeskip_library_info"))();
}

}  // namespace host
