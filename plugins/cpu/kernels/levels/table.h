// The kernel table of one level, from its vector type and the register block of its matrix kernel.
#pragma once

#include "kernels/binary/generic.h"
#include "kernels/blend/generic.h"
#include "kernels/depthwise/generic.h"
#include "kernels/dot/generic.h"
#include "kernels/epilogue/generic.h"
#include "kernels/gate/generic.h"
#include "kernels/gate/rows.h"
#include "kernels/gate/sieve.h"
#include "kernels/gather/generic.h"
#include "kernels/gemm/generic.h"
#include "kernels/picture/bytes.h"
#include "kernels/picture/generic.h"
#include "kernels/picture/resize.h"
#include "kernels/planes/generic.h"
#include "kernels/pool/generic.h"
#include "kernels/softmax/generic.h"
#include "kernels/unary/generic.h"

namespace edgeskip {
namespace {

// The matrix kernel's register block: at most gemm_rows pixels, gemm_vectors vectors of output
// channels and gemm_sums accumulators.
template <class V, int gemm_rows, int gemm_vectors, int gemm_sums>
constexpr KernelTable make_table(Level level, const char* name) {
  static_assert(KernelTable::column_block % (gemm_vectors * V::lanes) == 0, "a column block ends there");
  return {level,
          name,
          gemm_rows,
          gemm_weights_size<V>,
          packed_columns<V>,
          pack_gemm<V, gemm_vectors>,
          gemm<V, gemm_rows, gemm_vectors, gemm_sums>,
          prefers_dot<V>,
          dot_weights_size<V>,
          pack_dot<V>,
          dot<V, gemm_sums * 2 / 3>,
          depthwise_weights_size<V>,
          pack_depthwise<V>,
          depthwise<V>,
          epilogue<V>,
          binary<V>,
          unary<V>,
          pool<V>,
          blend<V>,
          gather<V>,
          softmax<V>,
          gate_rows<V>,
          gate_scratch_size,
          gate<V>,
          sieve_scratch_size,
          sieve<V>,
          write_planes<V>,
          read_planes<V>,
          normalise_row<V>,
          blend_columns<V>,
          blend_rows<V>};
}

}  // namespace
}  // namespace edgeskip
