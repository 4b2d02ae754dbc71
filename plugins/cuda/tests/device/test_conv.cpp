#include <cmath>
#include <cstdio>

#include "tests/common/conv_table.h"
#include "tests/device/memory.h"
#include "tests/device/tests.h"

namespace edgeskip::cuda {

namespace {

std::string detail_of(const ConvErrors& errors) {
  char text[200];
  std::snprintf(text, sizeof text, "relative error %.2e, %lld published, %lld wrong %s", errors.relative,
                static_cast<long long>(errors.published), static_cast<long long>(errors.wrong), errors.first.c_str());
  return text;
}

}  // namespace

void run_conv_tests(DeviceTests& tests) {
  for (const ConvCase& c : conv_table(tests.few)) {
    const std::string name = "conv " + c.name();
    if (!tests.wants(name)) continue;
    ConvData before = conv_data(c), after = before;
    DeviceCopies copies;
    const ConvBuffers buffers =
        conv_buffers(c, after, [&](void* host, size_t bytes) { return copies.add(host, bytes); });
    const size_t bytes = conv_workspace_bytes(c.shape, c.rules, buffers.channel_weight != nullptr);
    const Status status = launch_conv(c.shape, c.rules, buffers, copies.add_poisoned(bytes), bytes, nullptr);
    if (status == Status::bad_value && c.rules.tile == conv_tile_count() - 1) continue;  // not gathered by vectors
    must(cudaDeviceSynchronize(), name.c_str());
    copies.fetch();
    const ConvErrors errors = compare_conv(c, before, after);
    const bool good = status == Status::ok && errors.wrong == 0 && errors.relative <= conv_tolerance(c.rules.type);
    tests.finish(name, good, status == Status::ok ? detail_of(errors) : status_text(status));
  }
}

void run_capture_test(DeviceTests& tests) {
  ConvCase c = conv_case(2, 40, 50, 64, 64);
  c.rules.threshold = 0.2f;
  const std::string name = "conv in a CUDA graph";
  if (!tests.wants(name)) return;
  ConvData before = conv_data(c), after = before;
  DeviceCopies copies;
  const ConvBuffers buffers = conv_buffers(c, after, [&](void* host, size_t bytes) { return copies.add(host, bytes); });
  const size_t bytes = conv_workspace_bytes(c.shape, c.rules, false);
  void* workspace = copies.add_poisoned(bytes);
  cudaStream_t stream;
  cudaGraph_t graph;
  cudaGraphExec_t executable;
  must(cudaStreamCreate(&stream), "cudaStreamCreate");
  must(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal), "begin capture");
  const Status status = launch_conv(c.shape, c.rules, buffers, workspace, bytes, stream);
  must(cudaStreamEndCapture(stream, &graph), "end capture");
  must(cudaGraphInstantiate(&executable, graph, 0), "cudaGraphInstantiate");
  bool good = status == Status::ok;
  for (int frame = 0; frame < 3; ++frame) {
    // another active set each time; what was published is the next frame's y_prev
    for (size_t i = 0; i < after.mask_x.size(); ++i)
      after.mask_x[i] = static_cast<int>((i * 31 + frame * 7) % 97) < 10 * (frame + 1);
    before = after;
    must(cudaMemcpy(const_cast<int32_t*>(buffers.mask_x.data), after.mask_x.data(), after.mask_x.size() * 4,
                    cudaMemcpyHostToDevice), "mask");
    must(cudaGraphLaunch(executable, stream), "cudaGraphLaunch");
    must(cudaStreamSynchronize(stream), "graph");
    copies.fetch();
    const ConvErrors errors = compare_conv(c, before, after);
    good = good && errors.wrong == 0 && errors.relative <= conv_tolerance(c.rules.type);
  }
  cudaGraphExecDestroy(executable), cudaGraphDestroy(graph), cudaStreamDestroy(stream);
  tests.finish(name, good, "3 frames");
}

}  // namespace edgeskip::cuda
