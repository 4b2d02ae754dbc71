// The plain C functions for the runner (../cuda/include/edgeskip/host_api.h), thin over the kernels.
#include "edgeskip/host_api.h"

#include "edgeskip/picture.h"
#include "edgeskip/state.h"
#include "edgeskip/status.h"

namespace {

using edgeskip::cuda::ElementType;
using edgeskip::cuda::Status;
using edgeskip::cuda::TensorView;

edgeskip::cuda::PictureRules rules_of(EdgeskipPicture const& picture) {
  edgeskip::cuda::PictureRules rules;
  rules.color = static_cast<edgeskip::cuda::ColorOrder>(picture.color);
  rules.resize = static_cast<edgeskip::cuda::Resizing>(picture.resize);
  rules.pad_value = picture.pad_value;
  for (int channel = 0; channel < 3; ++channel) {
    rules.mean[channel] = picture.mean[channel];
    rules.scale[channel] = picture.scale[channel];
  }
  return rules;
}

// The stream's part of the network's input.
TensorView input_of(EdgeskipPicture const& picture, ElementType type) {
  int const channels = picture.color == static_cast<int>(edgeskip::cuda::ColorOrder::gray) ? 1 : 3;
  int64_t const stream_bytes =
      int64_t{channels} * picture.input_height * picture.input_width * edgeskip::cuda::element_bytes(type);
  void* data = static_cast<char*>(picture.device_input) + stream_bytes * picture.stream_index;
  int const height = picture.input_height, width = picture.input_width;
  return picture.input_channels_last != 0 ? edgeskip::cuda::channels_last(data, height, width, channels)
                                          : edgeskip::cuda::channels_first(data, height, width, channels);
}

bool in_range(int value, int count) { return value >= 0 && value < count; }

}  // namespace

extern "C" {

int32_t edgeskip_prepare_picture(EdgeskipPicture const* picture, void* cuda_stream) {
  if (picture == nullptr || picture->device_pixels == nullptr || picture->device_input == nullptr) {
    return static_cast<int32_t>(Status::bad_pointer);
  }
  if (!in_range(picture->input_type, 2) || !in_range(picture->color, 3) || !in_range(picture->resize, 2)) {
    return static_cast<int32_t>(Status::bad_value);
  }
  if (picture->stream_index < 0 || picture->input_height < 1 || picture->input_width < 1) {
    return static_cast<int32_t>(Status::bad_size);
  }
  auto const type = static_cast<ElementType>(picture->input_type);
  edgeskip::cuda::Picture const source{static_cast<uint8_t const*>(picture->device_pixels), picture->row_bytes,
                                       picture->height, picture->width};
  return static_cast<int32_t>(edgeskip::cuda::launch_picture(source, rules_of(*picture), picture->input_height,
                                                             picture->input_width, type, input_of(*picture, type),
                                                             static_cast<cudaStream_t>(cuda_stream)));
}

int32_t edgeskip_fill_unknown(void* device_state, uint64_t bytes_per_stream, int32_t stream_index, int32_t start,
                              void* cuda_stream) {
  if (!in_range(start, 2)) return static_cast<int32_t>(Status::bad_value);
  return static_cast<int32_t>(edgeskip::cuda::launch_fill_state(device_state, bytes_per_stream, stream_index,
                                                                static_cast<edgeskip::cuda::StateStart>(start),
                                                                static_cast<cudaStream_t>(cuda_stream)));
}

char const* edgeskip_status_text(int32_t status) { return edgeskip::cuda::status_text(static_cast<Status>(status)); }

int32_t edgeskip_host_api_version(void) { return EDGESKIP_HOST_API_VERSION; }
}
