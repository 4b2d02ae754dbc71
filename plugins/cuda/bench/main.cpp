// Times layers at several active shares.
//   device_bench [--csv FILE] [--json FILE] [--dense FILE] [--runs N] [--tile N] [--block N] [--threshold X]
//                [--type float16|float32] [--list] [text]
// --dense: a CSV of name,ms (bench/cudnn_dense.py writes one); adds the ratio and the break-even share.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <sstream>

#include "bench/timing.h"
#include "tests/device/memory.h"

namespace edgeskip::cuda {

namespace {

constexpr double kShares[] = {1.0, 0.5, 0.25, 0.1, 0.03};

struct BenchOptions {
  std::string csv, json, dense, filter;
  int runs = 20;
  bool list = false;
  ConvRules rules;
};

struct BenchRow {
  BenchLayer layer;
  BenchResult result;
  double dense_ms;    // 0: not known
  double break_even;  // share below which skipping wins; -1: not known
};

bool parse(int argc, char** argv, BenchOptions* options) {
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--list") {
      options->list = true;
    } else if (name.rfind("--", 0) != 0) {
      options->filter = name;
    } else if (i + 1 == argc) {
      return false;
    } else {
      const std::string value = argv[++i];
      if (name == "--csv") options->csv = value;
      else if (name == "--json") options->json = value;
      else if (name == "--dense") options->dense = value;
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

// Where the time by active share, straight between the measured shares, meets the dense time.
double break_even(const std::vector<BenchResult>& results, double dense_ms) {
  if (dense_ms <= 0.0) return -1.0;
  if (results.front().ms_median <= dense_ms) return 1.0;
  for (size_t i = 1; i < results.size(); ++i) {
    const BenchResult &more = results[i - 1], &less = results[i];
    if (less.ms_median > dense_ms) continue;
    return less.active + (more.active - less.active) * (dense_ms - less.ms_median) / (more.ms_median - less.ms_median);
  }
  return 0.0;
}

std::string csv_of(const std::vector<BenchRow>& rows) {
  std::ostringstream out;
  out << "name,batch,height,width,in_channels,out_channels,kernel,stride,active,ms,spread_ms,tflops,dense_ms,ratio,"
         "break_even\n";
  for (const BenchRow& row : rows) {
    const ConvShape& s = row.layer.shape;
    out << row.layer.name << ',' << s.batch << ',' << s.in_height << ',' << s.in_width << ',' << s.in_channels << ','
        << s.out_channels << ',' << s.kernel[0] << ',' << s.strides[0] << ',' << row.result.active << ','
        << row.result.ms_median << ',' << row.result.ms_spread << ',' << row.result.tflops << ',';
    if (row.dense_ms > 0.0) out << row.dense_ms << ',' << row.dense_ms / row.result.ms_median << ',' << row.break_even;
    else out << ",,";
    out << '\n';
  }
  return out.str();
}

std::string json_of(const std::vector<BenchRow>& rows, const cudaDeviceProp& device, const BenchOptions& options) {
  std::ostringstream out;
  out << "{\"device\": \"" << device.name << "\", \"capability\": " << 10 * device.major + device.minor
      << ", \"type\": \"" << (options.rules.type == ElementType::float16 ? "float16" : "float32")
      << "\", \"block\": " << options.rules.block << ", \"threshold\": " << options.rules.threshold << ", \"rows\": [";
  for (size_t i = 0; i < rows.size(); ++i) {
    const BenchRow& row = rows[i];
    out << (i ? ",\n  " : "\n  ") << "{\"name\": \"" << row.layer.name << "\", \"active\": " << row.result.active
        << ", \"ms\": " << row.result.ms_median << ", \"spread_ms\": " << row.result.ms_spread
        << ", \"tflops\": " << row.result.tflops;
    if (row.dense_ms > 0.0) out << ", \"dense_ms\": " << row.dense_ms << ", \"break_even\": " << row.break_even;
    out << '}';
  }
  out << "]}\n";
  return out.str();
}

bool write_whole(const std::string& path, const std::string& text) {
  if (path.empty()) return true;
  const std::string temporary = path + ".tmp";
  std::ofstream file(temporary);
  file << text;
  file.close();
  return file.good() && std::rename(temporary.c_str(), path.c_str()) == 0;
}

void list_layers() {
  for (const BenchLayer& layer : bench_layers()) {
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
    if (layer.name.find(options.filter) == std::string::npos) continue;
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
    for (const BenchResult& r : results) rows.push_back({layer, r, dense_ms, break_even(results, dense_ms)});
    if (dense_ms > 0.0)
      std::printf("%-30s break-even at %.0f%% active\n", layer.name.c_str(), 100 * rows.back().break_even);
  }
  const bool written =
      write_whole(options.csv, csv_of(rows)) && write_whole(options.json, json_of(rows, device, options));
  if (!written) std::fprintf(stderr, "could not write the results\n");
  return written ? 0 : 2;
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
  edgeskip::cuda::list_layers();
  return 0;
}
