// cudaStream_t as cuda_runtime_api.h declares it, so that these headers need no CUDA toolkit.
#pragma once

struct CUstream_st;
typedef struct CUstream_st* cudaStream_t;
