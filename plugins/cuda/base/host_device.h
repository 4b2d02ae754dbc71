// The same source for nvcc and for a plain C++ compiler, which runs the kernels' bodies in tests/host.
#pragma once

#if defined(__CUDACC__)
#define EDGESKIP_HD __host__ __device__ __forceinline__
#define EDGESKIP_BODY __device__ __forceinline__  // takes an Execution: base/execution.h, tests/host/emulation.h
#define EDGESKIP_UNROLL _Pragma("unroll")
#define EDGESKIP_ROLLED _Pragma("unroll 1")
#else
#define EDGESKIP_HD inline
#define EDGESKIP_BODY inline
#define EDGESKIP_UNROLL
#define EDGESKIP_ROLLED
#endif

namespace edgeskip::cuda {

template <class T>
EDGESKIP_HD constexpr T minimum(T a, T b) { return b < a ? b : a; }
template <class T>
EDGESKIP_HD constexpr T maximum(T a, T b) { return a < b ? b : a; }
template <class T>
EDGESKIP_HD constexpr T ceil_divide(T a, T b) { return (a + b - 1) / b; }
template <class T>
EDGESKIP_HD constexpr T round_up(T a, T b) { return ceil_divide(a, b) * b; }

}  // namespace edgeskip::cuda
