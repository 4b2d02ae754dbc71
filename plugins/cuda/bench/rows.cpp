#include "bench/rows.h"

#include <algorithm>
#include <sstream>

namespace edgeskip::cuda {

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
  out << "name,batch,height,width,in_channels,out_channels,kernel,stride,share,active,ms,spread_ms,tflops,dense_ms,"
         "ratio,break_even\n";
  for (const BenchRow& row : rows) {
    const ConvShape& s = row.layer.shape;
    out << row.layer.name << ',' << s.batch << ',' << s.in_height << ',' << s.in_width << ',' << s.in_channels << ','
        << s.out_channels << ',' << s.kernel[0] << ',' << s.strides[0] << ',' << row.share << ',' << row.result.active << ','
        << row.result.ms_median << ',' << row.result.ms_spread << ',' << row.result.tflops << ',';
    if (row.dense_ms > 0.0) out << row.dense_ms << ',' << row.dense_ms / row.result.ms_median << ',' << row.break_even;
    else out << ",,";
    out << '\n';
  }
  return out.str();
}

std::string json_of(const std::vector<BenchRow>& rows, const cudaDeviceProp& device, const ConvRules& rules) {
  std::ostringstream out;
  out << "{\"device\": \"" << device.name << "\", \"capability\": " << 10 * device.major + device.minor
      << ", \"type\": \"" << (rules.type == ElementType::float16 ? "float16" : "float32")
      << "\", \"block\": " << rules.block << ", \"threshold\": " << rules.threshold << ", \"rows\": [";
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

std::string layer_times_of(const std::vector<BenchRow>& rows, const cudaDeviceProp& device, ElementType type) {
  std::string name = device.name;
  std::replace(name.begin(), name.end(), ',', ' ');
  std::ostringstream out;
  out << "# active: share of output pixels. plugin_us: the whole layer; tensorrt_us: cuDNN's dense convolution and our "
         "gate behind it.\n"
         "capability,precision,kernel,stride,group,in_channels,out_channels,height,width,streams,active,plugin_us,"
         "tensorrt_us,source\n";
  for (const BenchRow& row : rows) {
    if (row.dense_ms <= 0.0) continue;
    const ConvShape& s = row.layer.shape;
    out << device.major << '.' << device.minor << ',' << (type == ElementType::float16 ? "fp16" : "fp32") << ','
        << s.kernel[0] << 'x' << s.kernel[1] << ',' << s.strides[0] << ',' << s.group << ',' << s.in_channels << ','
        << s.out_channels << ',' << s.out_height << ',' << s.out_width << ',' << s.batch << ',' << row.result.active
        << ',' << 1e3 * row.result.ms_median << ',' << 1e3 * (row.dense_ms + row.gate_ms) << ',' << name
        << " plugins/cuda/bench; dense by cuDNN\n";
  }
  return out.str();
}

}  // namespace edgeskip::cuda
