// GFLOP/s of the matrix, dot and depthwise kernels, per level, for a few layers of real networks, and what one core
// reads from memory.
//
// usage: bench [level | bf16 | memory]. Pixels are apart from each other, the taps of one pixel neighbours. Median of
// several runs, with the range from the 25th to the 75th percentile.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "kernels/gemm_bf16/gemm_bf16.h"
#include "kernels/kernels.h"

namespace {

using namespace edgeskip;

struct Layer {
  const char* name;
  int taps, channels, n;  // n = 0: depthwise
};

constexpr Layer layers[] = {
    {"3x3 3->32", 9, 3, 32},     {"3x3 16->16", 9, 16, 16},    {"3x3 64->64", 9, 64, 64},
    {"3x3 128->256", 9, 128, 256}, {"1x1 64->256", 1, 64, 256},  {"1x1 24->72", 1, 24, 72},
    {"3x3 32->1", 9, 32, 1},     {"1x1 64->4", 1, 64, 4},
    {"depthwise 3x3 64", 9, 64, 0}, {"depthwise 3x3 256", 9, 256, 0},
};
constexpr int counts[] = {1, 3, 12, 96, 960};

// On a cache line, as the engine keeps its buffers: a 64-byte load that straddles two lines costs two.
class AlignedFloats {
 public:
  void resize(size_t size) {
    storage_.assign(size + 16, 0.0f);
    const size_t address = reinterpret_cast<size_t>(storage_.data());
    data_ = storage_.data() + (64 - address % 64) % 64 / sizeof(float);
    size_ = size;
  }
  float* data() { return data_; }
  float* begin() { return data_; }
  float* end() { return data_ + size_; }

 private:
  std::vector<float> storage_;
  float* data_ = nullptr;
  size_t size_ = 0;
};

class Case {
 public:
  // bf16: the kernel to take instead of the level's, or null
  Case(const KernelTable& table, const Bf16Gemm* bf16, const Layer& layer, int count)
      : table_(table),
        bf16_(bf16),
        layer_(layer),
        count_(count),
        dot_(!bf16 && layer.n && table.prefers_dot(layer.taps, layer.channels, layer.n)) {
    std::mt19937 random(1);
    std::uniform_real_distribution<float> uniform(-1, 1);
    picture_.resize(static_cast<size_t>(pixels_) * layer.channels);
    for (float& x : picture_) x = uniform(random);
    for (int i = 0; i < layer.taps * count; ++i) {
      rows_.push_back(picture_.data() + static_cast<size_t>((i % count * 7 + i / count) % pixels_) * layer.channels);
    }
    std::vector<float> weights(static_cast<size_t>(layer.taps) * layer.channels * std::max(layer.n, 1));
    for (float& w : weights) w = uniform(random);
    if (bf16) {
      packed_.resize(bf16->weights_size(layer.taps, layer.channels, layer.n));
      bf16->pack(weights.data(), nullptr, layer.taps, layer.channels, layer.n, packed_.data());
      scratch_.resize(bf16->scratch_bytes(layer.taps, layer.channels) / sizeof(float));
      out_stride_ = table.packed_columns(layer.n);
    } else if (dot_) {
      packed_.resize(table.dot_weights_size(layer.taps, layer.channels, layer.n));
      table.pack_dot(weights.data(), nullptr, layer.taps, layer.channels, layer.n, packed_.data());
      out_stride_ = table.packed_columns(layer.n);
    } else if (layer.n) {
      packed_.resize(table.gemm_weights_size(layer.taps, layer.channels, layer.n));
      table.pack_gemm(weights.data(), nullptr, layer.taps, layer.channels, layer.n, packed_.data());
      out_stride_ = table.packed_columns(layer.n);
    } else {
      packed_.resize(table.depthwise_weights_size(layer.taps, layer.channels));
      table.pack_depthwise(weights.data(), nullptr, layer.taps, layer.channels, packed_.data());
      out_stride_ = layer.channels;
    }
    out_.resize(static_cast<size_t>(count) * out_stride_);
  }

  double flops() const {
    return 2.0 * count_ * layer_.taps * layer_.channels * std::max(layer_.n, 1);
  }

  void run() {
    const GemmArgs gemm{rows_.data(), packed_.data(),  out_.data(), out_stride_,
                        count_,       layer_.taps, layer_.channels, layer_.n};
    if (bf16_) {
      bf16_->gemm(gemm, scratch_.data());
    } else if (layer_.n) {
      (dot_ ? table_.dot : table_.gemm)(gemm);
    } else {
      table_.depthwise(DepthwiseArgs{rows_.data(), packed_.data(), out_.data(), out_stride_, count_, layer_.taps,
                                     layer_.channels});
    }
  }

 private:
  static constexpr int pixels_ = 2000;
  const KernelTable& table_;
  const Bf16Gemm* bf16_;
  Layer layer_;
  int count_;
  bool dot_;  // few output channels
  int64_t out_stride_ = 0;
  AlignedFloats picture_, packed_, out_, scratch_;
  std::vector<const float*> rows_;
};

double seconds(Case& work, int repeats) {
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < repeats; ++i) work.run();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void measure(const KernelTable& table, const Bf16Gemm* bf16, const Layer& layer, int count) {
  Case work(table, bf16, layer, count);
  const std::string name = bf16 ? std::string("bf16 ") + bf16->name : table.name;
  int repeats = 1;
  while (seconds(work, repeats) < 1e-3) repeats *= 2;
  std::vector<double> gflops;
  for (int i = 0; i < 31; ++i) gflops.push_back(work.flops() * repeats / seconds(work, repeats) / 1e9);
  std::sort(gflops.begin(), gflops.end());
  std::printf("%-12s %-18s %5d pixels  %7.1f GFLOP/s  (%.1f .. %.1f)\n", name.c_str(), layer.name, count, gflops[15],
              gflops[8], gflops[23]);
}

// Read: a sum over memory that no cache holds. Update: values that are read and written back, so their bytes count twice.
void measure_memory() {
  constexpr size_t count = size_t{1} << 26;  // 256 MiB
  std::vector<float> x(count, 1.0f), y(count, 2.0f);
  std::vector<double> read, update;
  float total = 0.0f;
  for (int i = 0; i < 9; ++i) {
    const auto start = std::chrono::steady_clock::now();
    float sums[64] = {};
    for (size_t at = 0; at < count; at += 64)
      for (int k = 0; k < 64; ++k) sums[k] += x[at + k];
    for (const float sum : sums) total += sum;
    const auto middle = std::chrono::steady_clock::now();
    for (size_t at = 0; at < count; ++at) y[at] = 1.5f * y[at];
    const auto end = std::chrono::steady_clock::now();
    read.push_back(count * sizeof(float) / std::chrono::duration<double>(middle - start).count() / 1e9);
    update.push_back(2.0 * count * sizeof(float) / std::chrono::duration<double>(end - middle).count() / 1e9);
  }
  std::sort(read.begin(), read.end()), std::sort(update.begin(), update.end());
  std::printf("memory       read %5.1f GB/s  (at best %.1f)   update %5.1f GB/s  (at best %.1f)%s\n", read[4], read[8],
              update[4], update[8], total < 0 ? "!" : "");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2 || std::strcmp(argv[1], "memory") == 0) measure_memory();
  for (const Level level : {Level::avx512, Level::avx2, Level::neon, Level::scalar}) {
    const KernelTable* table = kernel_table(level);
    if (!table || (argc > 1 && std::strcmp(argv[1], table->name) != 0)) continue;
    for (const Layer& layer : layers) {
      for (const int count : counts) measure(*table, nullptr, layer, count);
    }
  }
  for (const Bf16Kind kind : {Bf16Kind::amx, Bf16Kind::avx512}) {
    const Bf16Gemm* kernel = bf16_gemm(kind);
    if (!kernel || (argc > 1 && std::strcmp(argv[1], "bf16") != 0)) continue;
    for (const Layer& layer : layers) {
      for (const int count : counts)
        if (layer.n) measure(*kernel_table(Level::avx512), kernel, layer, count);
    }
  }
  return 0;
}
