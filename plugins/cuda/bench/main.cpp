// Times layers at several active shares.
//   device_bench [--csv FILE] [--json FILE] [--dense FILE] [--layer-times FILE] [--runs N] [--tile N] [--block N]
//                [--threshold X] [--type float16|float32] [--short] [--list] [text]
// --dense: a CSV of name,ms (bench/cudnn_dense.py writes one); adds the ratio and the break-even share.
// --layer-times: with --dense, the table that `edgeskip build --layer-times` decides by.
// --short: one picture at a time, five runs. --list: the layers, as cudnn_dense.py reads them, and no GPU needed.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>

#include "bench/rows.h"
#include "tests/device/memory.h"

namespace edgeskip::cuda {

namespace {

constexpr double kShares[] = {1.0, 0.5, 0.25, 0.1, 0.03};

struct BenchOptions {
  std::string csv, json, dense, filter, layer_times;
  int runs = 20;
  bool list = false, few = false;
  ConvRules rules;
};

bool parse(int argc, char** argv, BenchOptions* options) {
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--list") {
      options->list = true;
    } else if (name == "--short") {
      options->few = true, options->runs = 5;
    } else if (name.rfind("--", 0) != 0) {
      options->filter = name;
    } else if (i + 1 == argc) {
      return false;
    } else {
      const std::string value = argv[++i];
      if (name == "--csv") options->csv = value;
      else if (name == "--json") options->json = value;
      else if (name == "--dense") options->dense = value;
      else if (name == "--layer-times") options->layer_times = value;
      else if (name == "--runs") options->runs = std::max(1, std::atoi(value.c_str()));
      else if (name == "--tile") options->rules.tile = std::atoi(value.c_str());
      else if (name == "--block") options->rules.block = std::atoi(value.c_str());
      else if (name == "--threshold") options->rules.threshold = std::strtof(value.c_str(), nullptr);
      else if (name == "--type") options->rules.type = value == "float32" ? ElementType::float32 : ElementType::float16;
      else return false;
    }
  }
  return true;
}

std::map<std::string, double> read_dense(const std::string& path) {
  std::map<std::string, double> times;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const size_t comma = line.find(',');
    if (comma != std::string::npos) times[line.substr(0, comma)] = std::strtod(line.c_str() + comma + 1, nullptr);
  }
  return times;
}

bool write_whole(const std::string& path, const std::string& text) {
  if (path.empty()) return true;
  const std::string temporary = path + ".tmp";
  std::ofstream file(temporary);
  file << text;
  file.close();
  return file.good() && std::rename(temporary.c_str(), path.c_str()) == 0;
}

// After each layer, so that what was measured is there whatever becomes of the next one.
bool write_all(const std::vector<BenchRow>& rows, const cudaDeviceProp& device, const BenchOptions& options) {
  return write_whole(options.csv, csv_of(rows)) && write_whole(options.json, json_of(rows, device, options.rules)) &&
         write_whole(options.layer_times, layer_times_of(rows, device, options.rules.type));
}

bool wanted(const BenchLayer& layer, const BenchOptions& options) {
  return layer.name.find(options.filter) != std::string::npos && !(options.few && layer.shape.batch > 1);
}

void list_layers(const BenchOptions& options) {
  for (const BenchLayer& layer : bench_layers()) {
    if (!wanted(layer, options)) continue;
    const ConvShape& s = layer.shape;
    std::printf("%s,%d,%d,%d,%d,%d,%d,%d\n", layer.name.c_str(), s.batch, s.in_height, s.in_width, s.in_channels,
                s.out_channels, s.kernel[0], s.strides[0]);
  }
}

int run(const BenchOptions& options) {
  cudaDeviceProp device;
  must(cudaGetDeviceProperties(&device, 0), "no CUDA device");
  const std::map<std::string, double> dense = read_dense(options.dense);
  std::vector<BenchRow> rows;
  std::printf("%s\n%-30s %8s %10s %10s %9s %9s %s\n", device.name, "layer", "active", "ms", "spread", "TFLOP/s",
              "x dense", "tile");
  for (const BenchLayer& layer : bench_layers()) {
    if (!wanted(layer, options)) continue;
    const auto known = dense.find(layer.name);
    const double dense_ms = known == dense.end() ? 0.0 : known->second;
    std::vector<BenchResult> results;
    for (const double share : kShares) {
      results.push_back(time_layer(layer, options.rules, share, options.runs));
      const BenchResult& r = results.back();
      std::printf("%-30s %7.1f%% %10.4f %10.4f %9.2f %9.2f %s\n", layer.name.c_str(), 100 * r.active, r.ms_median,
                  r.ms_spread, r.tflops, dense_ms / r.ms_median,
                  conv_tile_name(conv_tile_choice(layer.shape, options.rules, {})));
      std::fflush(stdout);
    }
    const double gate_ms = dense_ms > 0.0 ? time_gate(layer, options.rules, options.runs) : 0.0;
    for (size_t i = 0; i < results.size(); ++i)
      rows.push_back({layer, kShares[i], results[i], dense_ms, gate_ms, break_even(results, dense_ms)});
    if (dense_ms > 0.0)
      std::printf("%-30s break-even at %.0f%% active\n", layer.name.c_str(), 100 * rows.back().break_even);
    if (!write_all(rows, device, options)) return std::fprintf(stderr, "could not write the results\n"), 2;
  }
  return 0;
}

}  // namespace

}  // namespace edgeskip::cuda

int main(int argc, char** argv) {
  edgeskip::cuda::BenchOptions options;
  if (!edgeskip::cuda::parse(argc, argv, &options)) {
    std::fprintf(stderr, "usage: see the head of bench/main.cpp\n");
    return 2;
  }
  if (!options.list) return edgeskip::cuda::run(options);
  edgeskip::cuda::list_layers(options);
  return 0;
}
