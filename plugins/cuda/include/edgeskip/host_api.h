/* Plain C functions of libedgeskip_tensorrt.so for the runner (ctypes). Those that take a stream enqueue on it and
 * return 0, or a number whose sentence edgeskip_status_text gives. Pointers named device_* are device memory. */
#ifndef EDGESKIP_HOST_API_H
#define EDGESKIP_HOST_API_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define EDGESKIP_API __attribute__((visibility("default")))
#else
#define EDGESKIP_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define EDGESKIP_HOST_API_VERSION 1

typedef struct EdgeskipPicture {
  const void* device_pixels; /* uint8 [height][row_bytes], three bytes a pixel, BGR */
  int64_t row_bytes;
  int32_t height, width;
  void* device_input;         /* the network's input, all streams */
  int32_t input_type;         /* 0 float32, 1 float16 */
  int32_t input_channels_last; /* 1: [N,H,W,C], 0: [N,C,H,W] */
  int32_t input_height, input_width;
  int32_t stream_index;
  int32_t color;  /* 0 BGR, 1 RGB, 2 GRAY */
  int32_t resize; /* 0 letterbox, 1 stretch */
  float pad_value;
  float mean[3], scale[3];
} EdgeskipPicture;

/* Resize, colour order and normalisation of one camera picture into stream `stream_index` of the network's input. */
EDGESKIP_API int32_t edgeskip_prepare_picture(const EdgeskipPicture* picture, void* cuda_stream);

/* Start value of one stream's state: start 0: NaN (unknown), 1: int32 ones (pending). */
EDGESKIP_API int32_t edgeskip_fill_unknown(void* device_state, uint64_t bytes_per_stream, int32_t stream_index,
                                           int32_t start, void* cuda_stream);

/* One convolution whose active pixels are to be counted. Masks: int32 [streams,1,height,width]; mask_z may be null, z_height
 * and z_width 1 broadcast; pending_*: the pending state before and after the frame, null without a learned gate. */
typedef struct EdgeskipCountItem {
  const int32_t* mask_x;
  const int32_t* mask_z;
  const int32_t* pending_before;
  const int32_t* pending_after;
  int32_t in_height, in_width, z_height, z_width, out_height, out_width;
  int32_t kernel_height, kernel_width, stride_height, stride_width, pad_top, pad_left;
  int32_t dilation_height, dilation_width;
} EdgeskipCountItem;

/* Active pixels of `count` convolutions over all streams, int32 [count], behind a frame in the same stream. */
EDGESKIP_API int32_t edgeskip_count_active(const EdgeskipCountItem* device_items, int32_t count, int32_t streams,
                                           int32_t* device_counts, void* cuda_stream);

EDGESKIP_API const char* edgeskip_status_text(int32_t status);

EDGESKIP_API int32_t edgeskip_host_api_version(void);

/* JSON: TensorRT and CUDA version it was built for, architectures, source hash. Static memory. */
EDGESKIP_API const char* edgeskip_library_info(void);

#ifdef __cplusplus
}
#endif

#endif
