// An Execution is what a kernel's body knows of the machine: its thread and block, barriers, shared memory and the
// warp's collective instructions. This one is the device; tests/host/emulation.h has the one that runs the same bodies
// on a CPU, each thread a fiber, with all reorderings that barriers allow.
//
// Collective calls must be made by all 32 lanes of a warp.
#pragma once

#include <cstdint>

#include "base/element.h"

namespace edgeskip::cuda {

struct Device {
  __device__ __forceinline__ int thread() const { return threadIdx.x; }
  __device__ __forceinline__ int threads() const { return blockDim.x; }
  __device__ __forceinline__ int block() const { return blockIdx.x; }
  __device__ __forceinline__ int blocks() const { return gridDim.x; }
  __device__ __forceinline__ int lane() const { return threadIdx.x & 31; }
  __device__ __forceinline__ int warp() const { return threadIdx.x >> 5; }
  __device__ __forceinline__ void barrier() const { __syncthreads(); }

  __device__ __forceinline__ char* shared() const {
    extern __shared__ __align__(128) char memory[];
    return memory;
  }

  __device__ __forceinline__ uint32_t ballot(bool value) const { return __ballot_sync(0xffffffffu, value); }
  __device__ __forceinline__ float shuffle_xor(float value, int mask) const {
    return __shfl_xor_sync(0xffffffffu, value, mask);
  }
  __device__ __forceinline__ int shuffle_xor(int value, int mask) const {
    return __shfl_xor_sync(0xffffffffu, value, mask);
  }

  // 16 bytes from global to shared memory, zeros where not valid; there after commit, wait and a barrier.
  __device__ __forceinline__ void copy_16(void* shared, const void* global, bool valid) const {
#if __CUDA_ARCH__ >= 800
    const uint32_t address = static_cast<uint32_t>(__cvta_generic_to_shared(shared));
    const int bytes = valid ? 16 : 0;
    // .ca: the taps of a convolution read the same pixels again
    asm volatile("cp.async.ca.shared.global [%0], [%1], 16, %2;\n" ::"r"(address), "l"(global), "r"(bytes) : "memory");
#else
    uint4 value = make_uint4(0, 0, 0, 0);
    if (valid) value = *static_cast<const uint4*>(global);
    *static_cast<uint4*>(shared) = value;
#endif
  }
  __device__ __forceinline__ void commit() const {
#if __CUDA_ARCH__ >= 800
    asm volatile("cp.async.commit_group;\n" ::: "memory");
#endif
  }
  // Until at most `pending` of the committed groups are under way.
  __device__ __forceinline__ void wait(int pending) const {
#if __CUDA_ARCH__ >= 800
    switch (pending) {
      case 0: asm volatile("cp.async.wait_group 0;\n" ::: "memory"); break;
      case 1: asm volatile("cp.async.wait_group 1;\n" ::: "memory"); break;
      case 2: asm volatile("cp.async.wait_group 2;\n" ::: "memory"); break;
      default: asm volatile("cp.async.wait_group 3;\n" ::: "memory"); break;
    }
#endif
  }

  // ldmatrix.x4: lane 8 i + r gives the address of row r of matrix i, 16 bytes; lane l receives bytes 4 (l % 4) of row
  // l / 4 of each.
  __device__ __forceinline__ void load_matrices(uint32_t (&out)[4], const void* row) const {
    const uint32_t address = static_cast<uint32_t>(__cvta_generic_to_shared(row));
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];\n"
                 : "=r"(out[0]), "=r"(out[1]), "=r"(out[2]), "=r"(out[3])
                 : "r"(address)
                 : "memory");
  }

  // mma.m16n8k16: c += a b. fragments.h says what the registers hold.
  __device__ __forceinline__ void multiply(Half, const uint32_t (&a)[4], const uint32_t (&b)[2], float& c0, float& c1,
                                           float& c2, float& c3) const {
#if __CUDA_ARCH__ >= 800
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
        "{%0, %1, %2, %3};\n"
        : "+f"(c0), "+f"(c1), "+f"(c2), "+f"(c3)
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
    for (int half = 0; half < 2; ++half)
      asm volatile(
          "mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5}, {%6}, {%0, %1, %2, %3};\n"
          : "+f"(c0), "+f"(c1), "+f"(c2), "+f"(c3)
          : "r"(a[2 * half]), "r"(a[2 * half + 1]), "r"(b[half]));
#endif
  }

  // mma.m16n8k32 of signed bytes; not on sm_75.
  __device__ __forceinline__ void multiply(int8_t, const uint32_t (&a)[4], const uint32_t (&b)[2], int32_t& c0,
                                           int32_t& c1, int32_t& c2, int32_t& c3) const {
#if __CUDA_ARCH__ >= 800
    asm volatile(
        "mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
        "{%0, %1, %2, %3};\n"
        : "+r"(c0), "+r"(c1), "+r"(c2), "+r"(c3)
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#endif
  }
};

}  // namespace edgeskip::cuda
