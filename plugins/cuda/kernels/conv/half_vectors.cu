#include "kernels/conv/tiles.cuh"

namespace edgeskip::cuda {
template Status launch_tiles<Half, true>(const ConvPlan&, cudaStream_t);
}  // namespace edgeskip::cuda
