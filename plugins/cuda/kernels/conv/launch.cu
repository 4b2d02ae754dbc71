// A layer: copy (out of place), list, products, and where channels are spread over blocks, publication.
#include "edgeskip/conv.h"
#include "kernels/conv/tiles.cuh"
#include "kernels/depthwise/body.h"

namespace edgeskip::cuda {

namespace {

template <class T>
__global__ void __launch_bounds__(kListThreads) mark_kernel(const __grid_constant__ ListArgs args) {
  mark_body<T>(Device(), args);
}

__global__ void __launch_bounds__(kListThreads) write_kernel(const __grid_constant__ ListArgs args) {
  write_body(Device(), args);
}

template <class T>
__global__ void __launch_bounds__(kDepthwiseThreads) depthwise_kernel(const __grid_constant__ ConvArgs args) {
  depthwise_body<T>(Device(), args);
}

template <class T>
__global__ void __launch_bounds__(kPublishThreads) publish_kernel(const __grid_constant__ ConvArgs args) {
  publish_body<T>(Device(), args);
}

template <class T>
Status launch_products(const ConvPlan& plan, cudaStream_t stream) {
  if (!plan.depthwise) return plan.vectors ? launch_tiles<T, true>(plan, stream) : launch_tiles<T, false>(plan, stream);
  return start<const ConvArgs>(depthwise_kernel<T>, plan.conv_blocks, plan.conv_threads, plan.conv_shared, stream,
                               plan.args);
}

template <class T>
Status launch_plan(const ConvPlan& plan, cudaStream_t stream) {
  const ListArgs& list = plan.args.list;
  if (plan.copy_bytes > 0) {
    const cudaError_t error = cudaMemcpyAsync(plan.args.y.data, plan.args.y_prev.data, plan.copy_bytes,
                                              cudaMemcpyDeviceToDevice, stream);
    if (error != cudaSuccess) return status_of(error);
  }
  Status status = start<const ListArgs>(mark_kernel<T>, list.chunks, kListThreads, kListShared, stream, list);
  if (status == Status::ok)
    status = start<const ListArgs>(write_kernel, list.chunks, kListThreads, kListShared, stream, list);
  if (status == Status::ok) status = launch_products<T>(plan, stream);
  if (status != Status::ok || plan.publish_blocks == 0) return status;
  return start<const ConvArgs>(publish_kernel<T>, plan.publish_blocks, kPublishThreads, 0, stream, plan.args);
}

}  // namespace

Status launch_conv(const ConvShape& shape, const ConvRules& rules, const ConvBuffers& buffers, void* workspace,
                   size_t workspace_bytes, cudaStream_t stream) noexcept {
  DeviceLimits limits;
  ConvPlan plan;
  Status status = device_limits(&limits);
  if (status == Status::ok) status = plan_conv(shape, rules, buffers, workspace, workspace_bytes, limits, &plan);
  if (status != Status::ok) return status;
  return rules.type == ElementType::float16 ? launch_plan<Half>(plan, stream) : launch_plan<float>(plan, stream);
}

int conv_tile_choice(const ConvShape& shape, const ConvRules& rules, const ConvBuffers& buffers) noexcept {
  (void)buffers;
  return is_depthwise(shape) ? -1 : static_cast<int>(choose_tile(shape, rules));
}

}  // namespace edgeskip::cuda
