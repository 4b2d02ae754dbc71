// The processor's tile registers. Each thread has its own and configures them itself; the system must have been asked
// (kernels/levels/bf16_dispatch.cpp). In assembler: GCC 12's intrinsics do not say that a tile load reads memory.
#pragma once

#include <cstdint>

#include "base/inline.h"

namespace edgeskip {
namespace {

struct AmxTiles {
  template <class Config>
  static EDGESKIP_INLINE void configure(const Config& config) {
    asm volatile("ldtilecfg %0" : : "m"(config));
  }
  static EDGESKIP_INLINE void release() { asm volatile("tilerelease"); }
  // rows `stride` bytes apart
  template <int tile>
  static EDGESKIP_INLINE void load(const void* rows, int64_t stride) {
    asm volatile("tileloadd (%0,%1,1), %%tmm%c2" : : "r"(rows), "r"(stride), "i"(tile) : "memory");
  }
  template <int tile>
  static EDGESKIP_INLINE void store(void* rows, int64_t stride) {
    asm volatile("tilestored %%tmm%c2, (%0,%1,1)" : : "r"(rows), "r"(stride), "i"(tile) : "memory");
  }
  // sum += factors * weights
  template <int sum, int factors, int weights>
  static EDGESKIP_INLINE void dot() {
    asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(sum), "i"(factors), "i"(weights));
  }
};

}  // namespace
}  // namespace edgeskip
