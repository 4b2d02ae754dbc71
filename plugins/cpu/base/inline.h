// Inlining and compile-time loops for code that is compiled once per instruction set.
//
// Everything under base/ and kernels/*/generic.h lives in an anonymous namespace: each level's
// translation unit has its own copy with internal linkage. Otherwise the linker could keep the
// AVX-512 copy of an inline function and call it on a CPU that lacks AVX-512. For the same reason
// these files use no inline functions of the standard library.
#pragma once

#include <utility>

#define EDGESKIP_INLINE inline __attribute__((always_inline))
#define EDGESKIP_INLINE_LAMBDA __attribute__((always_inline))

namespace edgeskip {
namespace {

template <int value_>
struct Index {
  static constexpr int value = value_;
  constexpr operator int() const { return value_; }
};

template <class Body, int... indices>
EDGESKIP_INLINE void unroll_sequence(const Body& body, std::integer_sequence<int, indices...>) {
  (body(Index<indices>{}), ...);
}

// body(Index<0>), body(Index<1>), ...: unrolled before the optimizer sees it, so that arrays
// indexed by it become registers.
template <int count, class Body>
EDGESKIP_INLINE void unroll(const Body& body) {
  unroll_sequence(body, std::make_integer_sequence<int, count>{});
}

}  // namespace
}  // namespace edgeskip
