// Attributes as bytes, for the plugin interface that serialises itself (IPluginV2DynamicExt).
//
// Layout, little endian: magic "ESKP", version, payload bytes, CRC-32 of the payload (uint32 each); then for each field
// uint32 name bytes, type, values, followed by name and values.
#pragma once

#include <NvInferRuntime.h>

#include <string>
#include <vector>

#include "core/attributes.h"

namespace edgeskip::tensorrt {

std::vector<uint8_t> packed(Attributes const& attributes);

// Raises PluginError: bytes of another kind, version or length, a wrong sum, or values that `read` refuses.
Attributes unpacked(std::string const& plugin, AttributeTable const& table, void const* bytes, size_t size);

}  // namespace edgeskip::tensorrt
