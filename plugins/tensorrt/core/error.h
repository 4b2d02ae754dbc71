// An error of a plugin's user: which plugin, which field or tensor, its value, and the rule it breaks.
#pragma once

#include <stdexcept>
#include <string>

namespace edgeskip::tensorrt {

class PluginError : public std::runtime_error {
 public:
  PluginError(std::string const& plugin, std::string const& what, std::string const& value, std::string const& rule)
      : std::runtime_error(plugin + ": " + what + " is " + value + ": " + rule) {}
  PluginError(std::string const& plugin, std::string const& rule) : std::runtime_error(plugin + ": " + rule) {}
};

}  // namespace edgeskip::tensorrt
