// Names of the contract to enums, statuses to sentences.
#include <cstring>

#include "edgeskip/conv.h"
#include "edgeskip/mask.h"

namespace edgeskip::cuda {

namespace {

template <class Enum, int count>
bool from_name(const char* const (&names)[count], const char* name, Enum* value) {
  for (int i = 0; i < count; ++i)
    if (name && std::strcmp(names[i], name) == 0) {
      *value = static_cast<Enum>(i);
      return true;
    }
  return false;
}

constexpr const char* kNorms[] = {"l2", "l1", "linf"};
constexpr const char* kActivations[] = {"none",       "relu",         "clip",    "leaky_relu", "prelu", "silu",
                                        "hard_swish", "hard_sigmoid", "sigmoid", "tanh"};
constexpr const char* kMaskKinds[] = {"union", "pool", "resize", "reduce", "slice", "pad", "upsample"};
constexpr const char* kModes[] = {"nearest", "linear"};
constexpr const char* kCoordinates[] = {"half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners",
                                        "asymmetric"};
constexpr const char* kRoundings[] = {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"};

thread_local const char* last_error = "";

}  // namespace

const char* last_cuda_error() noexcept { return last_error; }
void remember_cuda_error(const char* words) noexcept { last_error = words; }

bool norm_from_name(const char* name, Norm* norm) noexcept { return from_name(kNorms, name, norm); }
bool activation_from_name(const char* name, Activation* value) noexcept { return from_name(kActivations, name, value); }
bool mask_kind_from_name(const char* name, MaskKind* kind) noexcept { return from_name(kMaskKinds, name, kind); }
bool resize_mode_from_name(const char* name, ResizeMode* mode) noexcept { return from_name(kModes, name, mode); }
bool coordinates_from_name(const char* name, Coordinates* value) noexcept {
  return from_name(kCoordinates, name, value);
}
bool rounding_from_name(const char* name, Rounding* rounding) noexcept { return from_name(kRoundings, name, rounding); }

const char* status_text(Status status) noexcept {
  switch (status) {
    case Status::ok: return "done";
    case Status::bad_size: return "a size, stride, pad or count is out of range, or the sizes do not fit each other";
    case Status::bad_pointer: return "a pointer is null or not aligned to its elements";
    case Status::bad_layout: return "y and y_prev have different strides";
    case Status::bad_group: return "the channels are no multiple of the group";
    case Status::bad_value: return "an attribute has a value that the contract does not allow";
    case Status::unsupported_type: return "there is no kernel for this element type";
    case Status::too_large: return "a tensor or a list has more than 2^31 - 1 elements";
    case Status::small_workspace: return "the workspace is too small";
    case Status::no_device: return "there is no CUDA device, or it has too little shared memory";
    case Status::no_kernel: return "the library was not compiled for this device's architecture";
    case Status::launch_failed: return "CUDA could not start a kernel";
  }
  return "unknown status";
}

}  // namespace edgeskip::cuda
