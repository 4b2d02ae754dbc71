// States of one stream back to their start: float states to NaN (unknown), pending states to 1.
#pragma once

#include <cstddef>
#include <cstdint>

#include "edgeskip/status.h"
#include "edgeskip/stream.h"

namespace edgeskip::cuda {

enum class StateStart : int32_t { unknown = 0, one = 1 };  // "nan" and "one" of the contract

// Stream `stream_index` of a state [N, ...] with `bytes_per_stream` bytes a stream. `one` fills int32.
Status launch_fill_state(void* state, size_t bytes_per_stream, int stream_index, StateStart start,
                         cudaStream_t stream) noexcept;

}  // namespace edgeskip::cuda
