#include "bench/timing.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <random>

#include "base/element.h"
#include "base/geometry.h"
#include "edgeskip/gate.h"
#include "tests/device/memory.h"

namespace edgeskip::cuda {

namespace {

constexpr int kFramesPerGraph = 16;

// Values that repeat after a prime number of them: made in a moment, however large the tensor is.
std::vector<uint8_t> random_values(int64_t count, ElementType type, float scale, unsigned seed) {
  constexpr int64_t kPeriod = 1048583;
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> uniform(-scale, scale);
  const int64_t size = element_bytes(type), made = std::min(count, kPeriod) * size;
  std::vector<uint8_t> bytes(static_cast<size_t>(count * size));
  for (int64_t at = 0; at < made; at += size)
    if (type == ElementType::float16) {
      const Half value = to_half(uniform(random));
      std::memcpy(&bytes[at], &value, sizeof value);
    } else {
      const float value = uniform(random);
      std::memcpy(&bytes[at], &value, sizeof value);
    }
  for (int64_t at = made; at < count * size; at += made)
    std::memcpy(&bytes[at], bytes.data(), std::min(made, count * size - at));
  return bytes;
}

// Changed input pixels whose window reaches about `share` of the outputs: squares of a tenth of the picture's height.
std::vector<int32_t> patches(const ConvShape& s, double share) {
  std::vector<int32_t> mask(static_cast<size_t>(s.batch) * s.in_height * s.in_width, share >= 1.0);
  if (share >= 1.0) return mask;
  std::mt19937 random(11);
  const int side = std::max(s.in_height / 10, s.strides[0]);
  const Window window = {{s.kernel[0], s.kernel[1]},
                         {s.strides[0], s.strides[1]},
                         {s.pads[0], s.pads[1]},
                         {s.dilations[0], s.dilations[1]}};
  const int strides = s.strides[0] * s.strides[1];
  for (int n = 0; n < s.batch; ++n) {
    for (int64_t reached = 0; reached < share * s.out_height * s.out_width;) {
      // counting is slow: as many squares at once as half of what is missing wants
      const double missing = share * s.in_height * s.in_width - static_cast<double>(reached) * strides;
      const int squares = std::max(1, static_cast<int>(missing / 2 / (side * side)));
      for (int square = 0; square < squares; ++square) {
        const int top = static_cast<int>(random() % s.in_height), left = static_cast<int>(random() % s.in_width);
        for (int y = top; y < std::min(top + side, s.in_height); ++y)
          for (int x = left; x < std::min(left + side, s.in_width); ++x)
            mask[(n * s.in_height + y) * s.in_width + x] = 1;
      }
      reached = 0;
      for (int y = 0; y < s.out_height; ++y)
        for (int x = 0; x < s.out_width; ++x)
          reached += window_holds({mask.data(), s.in_height, s.in_width}, window, s.in_height, s.in_width, n, y, x);
    }
  }
  return mask;
}

double quantile(std::vector<double> values, double at) {
  std::sort(values.begin(), values.end());
  return values[static_cast<size_t>(at * (values.size() - 1) + 0.5)];
}

// Ms per frame of each run of a CUDA graph of frames; `enqueue` puts one frame into the stream.
std::vector<double> graph_times(const std::string& name, int runs,
                                const std::function<Status(int frame, cudaStream_t stream)>& enqueue) {
  cudaStream_t stream;
  cudaGraph_t graph;
  cudaGraphExec_t executable;
  cudaEvent_t begin, end;
  must(cudaStreamCreate(&stream), "cudaStreamCreate");
  must(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal), "begin capture");
  Status status = Status::ok;
  for (int frame = 0; frame < kFramesPerGraph && status == Status::ok; ++frame)
    status = enqueue(frame, stream);
  must(cudaStreamEndCapture(stream, &graph), "end capture");
  if (status != Status::ok) {
    std::fprintf(stderr, "%s: %s\n", name.c_str(), status_text(status));
    std::exit(2);
  }
  must(cudaGraphInstantiate(&executable, graph, 0), "cudaGraphInstantiate");
  must(cudaEventCreate(&begin), "cudaEventCreate"), must(cudaEventCreate(&end), "cudaEventCreate");
  std::vector<double> times;
  for (int run = -3; run < runs; ++run) {  // three to warm up
    must(cudaEventRecord(begin, stream), "cudaEventRecord");
    must(cudaGraphLaunch(executable, stream), "cudaGraphLaunch");
    must(cudaEventRecord(end, stream), "cudaEventRecord");
    must(cudaEventSynchronize(end), name.c_str());
    float ms = 0.0f;
    must(cudaEventElapsedTime(&ms, begin, end), "cudaEventElapsedTime");
    if (run >= 0) times.push_back(ms / kFramesPerGraph);
  }
  cudaEventDestroy(begin), cudaEventDestroy(end);
  cudaGraphExecDestroy(executable), cudaGraphDestroy(graph), cudaStreamDestroy(stream);
  return times;
}

}  // namespace

BenchResult time_layer(const BenchLayer& layer, const ConvRules& rules, double share, int runs) {
  const ConvShape& s = layer.shape;
  const int64_t inputs = int64_t{s.batch} * s.in_height * s.in_width * s.in_channels;
  const int64_t pixels = int64_t{s.batch} * s.out_height * s.out_width;
  DeviceCopies copies;
  const auto upload = [&](auto values) { return copies.add(values.data(), values.size() * sizeof(values[0])); };
  ConvBuffers buffers[2];
  ConvBuffers& b = buffers[0];
  b.x = channels_last(upload(random_values(inputs, rules.type, 1.0f, 1)), s.in_height, s.in_width, s.in_channels);
  b.mask_x = {static_cast<int32_t*>(upload(patches(s, share))), s.in_height, s.in_width};
  b.w = upload(random_values(int64_t{s.out_channels} * s.kernel[0] * s.kernel[1] * s.in_channels / s.group, rules.type,
                             0.05f, 2));
  b.bias = static_cast<float*>(upload(std::vector<float>(s.out_channels, 0.1f)));
  b.y_prev =
      channels_last(copies.add_poisoned(static_cast<size_t>(pixels * s.out_channels * element_bytes(rules.type))),
                    s.out_height, s.out_width, s.out_channels);
  b.y = b.y_prev;
  b.mask_y = static_cast<int32_t*>(copies.add_poisoned(static_cast<size_t>(pixels * 4)));
  buffers[1] = b;
  buffers[1].x.data = upload(random_values(inputs, rules.type, 1.0f, 3));
  const size_t bytes = conv_workspace_bytes(s, rules, false);
  void* workspace = copies.add_poisoned(bytes);

  const std::vector<double> times = graph_times(layer.name, runs, [&](int frame, cudaStream_t stream) {
    return launch_conv(s, rules, buffers[frame % 2], workspace, bytes, stream);
  });
  ConvCounts counts;
  must(cudaMemcpy(&counts, workspace, sizeof counts, cudaMemcpyDeviceToHost), "counts");
  const double median = quantile(times, 0.5);
  return {static_cast<double>(counts.active) / pixels, median, (quantile(times, 0.75) - quantile(times, 0.25)) / 2,
          counts.active * flops_per_pixel(s) / median * 1e-9};
}

double time_gate(const BenchLayer& layer, const ConvRules& rules, int runs) {
  const ConvShape& s = layer.shape;
  const int64_t pixels = int64_t{s.batch} * s.out_height * s.out_width;
  const int64_t values = pixels * s.out_channels;
  DeviceCopies copies;
  const auto picture = [&](unsigned seed) {
    auto made = random_values(values, rules.type, 1.0f, seed);
    return channels_last(copies.add(made.data(), made.size()), s.out_height, s.out_width, s.out_channels);
  };
  GateShape shape;
  shape.batch = s.batch, shape.height = s.out_height, shape.width = s.out_width, shape.channels = s.out_channels;
  GateRules gate;
  gate.type = rules.type;
  GateBuffers buffers[2];
  buffers[0].x = picture(5), buffers[0].ref = picture(6), buffers[0].y = buffers[0].ref;
  buffers[0].mask = static_cast<int32_t*>(copies.add_poisoned(static_cast<size_t>(pixels * 4)));
  buffers[1] = buffers[0];
  buffers[1].x = picture(7);
  return quantile(graph_times(layer.name + " gate", runs, [&](int frame, cudaStream_t stream) {
    return launch_gate(shape, gate, buffers[frame % 2], stream);
  }), 0.5);
}

}  // namespace edgeskip::cuda
