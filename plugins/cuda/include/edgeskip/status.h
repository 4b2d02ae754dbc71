// What every call of the CUDA library returns. No call throws, prints, allocates or waits for the device.
#pragma once

#include <cstdint>

namespace edgeskip::cuda {

enum class Status : int32_t {
  ok = 0,
  bad_size,           // a size, stride, pad or count is out of range, or the output's does not follow from the input's
  bad_pointer,        // a needed pointer is null, or is not aligned to its element
  bad_layout,         // y and y_prev are laid out differently
  bad_group,          // channels are no multiple of the group
  bad_value,          // an attribute lies outside the contract (block, norm, activation, mask kind, mode)
  unsupported_type,   // no kernel for this element type
  too_large,          // more than 2^31 - 1 pixels or list entries
  small_workspace,    // the workspace is smaller than ..._workspace_bytes said
  no_device,          // no CUDA device, or its limits could not be read
  no_kernel,          // the library was not compiled for this device's architecture
  launch_failed,      // any other error of CUDA: last_cuda_error tells which
};

// One sentence, static memory.
const char* status_text(Status status) noexcept;

// CUDA's own words about the last of its errors that this thread met here, "" before the first.
const char* last_cuda_error() noexcept;
void remember_cuda_error(const char* words) noexcept;  // static memory

}  // namespace edgeskip::cuda
