// The convolution's kernel and its launch by tile; the .cu files beside instantiate it once per type and way of
// gathering.
#pragma once

#include "base/execution.h"
#include "base/launch.h"
#include "kernels/conv/body.h"
#include "kernels/conv/plan.h"

namespace edgeskip::cuda {

template <class T, class Pair, bool vectors>
__global__ void __launch_bounds__(Pair::Large::threads, Pair::Large::threads > 128 ? 1 : 2)
    conv_kernel(const __grid_constant__ ConvArgs args) {
  conv_body<T, Pair, vectors>(Device(), args);
}

template <class T, bool vectors>
Status launch_tiles(const ConvPlan& plan, cudaStream_t stream) {
  const auto with = [&](auto kernel) {
    return start<const ConvArgs>(kernel, plan.conv_blocks, plan.conv_threads, plan.conv_shared, stream, plan.args);
  };
  switch (plan.tile) {
    case TileChoice::columns_32: return with(conv_kernel<T, Tiles32, vectors>);
    case TileChoice::columns_64: return with(conv_kernel<T, Tiles64, vectors>);
    case TileChoice::columns_128: return with(conv_kernel<T, Tiles128, vectors>);
    case TileChoice::columns_256:
      if constexpr (has_tile<T, vectors>(TileChoice::columns_256)) return with(conv_kernel<T, Tiles256, vectors>);
      break;
  }
  return Status::bad_value;
}

extern template Status launch_tiles<Half, true>(const ConvPlan&, cudaStream_t);
extern template Status launch_tiles<Half, false>(const ConvPlan&, cudaStream_t);
extern template Status launch_tiles<float, true>(const ConvPlan&, cudaStream_t);
extern template Status launch_tiles<float, false>(const ConvPlan&, cudaStream_t);

}  // namespace edgeskip::cuda
