// What the kernel tests share: checks that count, and memory that faults when it is overrun.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cmath>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "kernels/kernels.h"

namespace edgeskip::testing {

struct Report {
  int64_t checks = 0;
  int64_t failures = 0;
  std::string context;  // level, test, case and seed: printed with a failure
};

inline Report& report() {
  static Report instance;
  return instance;
}

__attribute__((format(printf, 2, 3))) inline bool expect(bool ok, const char* format, ...) {
  Report& r = report();
  ++r.checks;
  if (ok) return true;
  if (++r.failures <= 20) {
    std::printf("FAILED [%s] ", r.context.c_str());
    va_list arguments;
    va_start(arguments, format);
    std::vprintf(format, arguments);
    va_end(arguments);
    std::printf("\n");
  }
  return false;
}

inline uint32_t bits_of(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  return bits;
}

constexpr float sentinel = -7.7777e33f;

// Memory whose last page is inaccessible, kept for the next user of the same size: mapping costs
// more than most tests.
class GuardedPages {
 public:
  static char* acquire(size_t pages) {
    std::vector<char*>& unused = pool()[pages];
    if (unused.empty()) return map(pages);
    char* base = unused.back();
    unused.pop_back();
    return base;
  }
  static void release(char* base, size_t pages) { pool()[pages].push_back(base); }
  static size_t page_size() { return static_cast<size_t>(sysconf(_SC_PAGESIZE)); }

 private:
  static std::map<size_t, std::vector<char*>>& pool() {
    static std::map<size_t, std::vector<char*>> instance;
    return instance;
  }
  static char* map(size_t pages) {
    const size_t bytes = pages * page_size();
    void* base = mmap(nullptr, bytes + page_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED) std::abort();
    if (mprotect(static_cast<char*>(base) + bytes, page_size(), PROT_NONE) != 0) std::abort();
    return static_cast<char*>(base);
  }
};

// Floats that end where an inaccessible page begins: reading or writing behind the last one kills
// the test, also where a sanitizer cannot see it (masked vector instructions). In front of them lie
// sentinels, which intact() checks.
class GuardedFloats {
 public:
  explicit GuardedFloats(size_t size, float value = sentinel) : size_(size) {
    const size_t page = GuardedPages::page_size();
    pages_ = ((size + front) * sizeof(float) + page - 1) / page;
    base_ = GuardedPages::acquire(pages_);
    data_ = reinterpret_cast<float*>(base_ + pages_ * page) - size;
    for (float* p = data_ - front; p < data_; ++p) *p = sentinel;
    for (float* p = data_; p < data_ + size; ++p) *p = value;
  }
  GuardedFloats(GuardedFloats&& other) noexcept { swap(other); }
  GuardedFloats& operator=(GuardedFloats&& other) noexcept {
    swap(other);
    return *this;
  }
  ~GuardedFloats() {
    if (base_) GuardedPages::release(base_, pages_);
  }

  float* data() const { return data_; }
  size_t size() const { return size_; }
  float& operator[](size_t i) const { return data_[i]; }
  bool intact() const {
    for (const float* p = data_ - front; p < data_; ++p) {
      if (bits_of(*p) != bits_of(sentinel)) return false;
    }
    return true;
  }

 private:
  static constexpr size_t front = 16;
  void swap(GuardedFloats& other) {
    std::swap(base_, other.base_);
    std::swap(pages_, other.pages_);
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
  }
  char* base_ = nullptr;
  size_t pages_ = 0, size_ = 0;
  float* data_ = nullptr;
};

// The same for bytes, which lie at any address.
class GuardedBytes {
 public:
  explicit GuardedBytes(size_t size, uint8_t value = 0x5a)
      : memory_((size + sizeof(float) - 1) / sizeof(float)), size_(size) {
    data_ = reinterpret_cast<uint8_t*>(memory_.data() + memory_.size()) - size;
    std::memset(memory_.data(), 0x5a, memory_.size() * sizeof(float));
    std::memset(data_, value, size);
  }
  uint8_t* data() const { return data_; }
  size_t size() const { return size_; }
  uint8_t& operator[](size_t i) const { return data_[i]; }
  bool intact() const {
    for (const uint8_t* p = reinterpret_cast<const uint8_t*>(memory_.data()); p < data_; ++p) {
      if (*p != 0x5a) return false;
    }
    return memory_.intact();
  }

 private:
  GuardedFloats memory_;
  size_t size_;
  uint8_t* data_;
};

class Random {
 public:
  explicit Random(uint32_t seed) : engine_(seed) {}
  float uniform(float low = -1.0f, float high = 1.0f) {
    return std::uniform_real_distribution<float>(low, high)(engine_);
  }
  int below(int limit) { return static_cast<int>(engine_() % static_cast<uint32_t>(limit)); }
  template <class T, size_t size>
  T pick(const T (&choices)[size]) { return choices[below(size)]; }
  // 0 .. count - 1 in any order
  std::vector<int> order(int count) {
    std::vector<int> result(count);
    for (int i = 0; i < count; ++i) {
      result[i] = i;
      std::swap(result[i], result[below(i + 1)]);
    }
    return result;
  }
  GuardedFloats floats(size_t size, float low = -1.0f, float high = 1.0f) {
    GuardedFloats result(size);
    for (size_t i = 0; i < size; ++i) result[i] = uniform(low, high);
    return result;
  }

 private:
  std::mt19937 engine_;
};

// A list of rows, each in memory of its own.
struct Rows {
  std::vector<GuardedFloats> rows;
  Rows() = default;
  Rows(Random& random, int count, int channels, float low = -1.0f, float high = 1.0f) {
    for (int p = 0; p < count; ++p) rows.push_back(random.floats(channels, low, high));
  }
  Rows(int count, int channels) {
    for (int p = 0; p < count; ++p) rows.emplace_back(channels);
  }
  std::vector<const float*> inputs() const {
    const std::vector<float*> rows = outputs();
    return {rows.begin(), rows.end()};
  }
  std::vector<float*> outputs() const {
    std::vector<float*> result;
    for (const GuardedFloats& row : rows) result.push_back(row.data());
    return result;
  }
  bool intact() const {
    for (const GuardedFloats& row : rows) {
      if (!row.intact()) return false;
    }
    return true;
  }
};

// 2^k times 1, 2, 3, each with its neighbours
constexpr int sizes[] = {1,  2,  3,  4,  5,  6,  7,  8,  9,  11, 12, 13, 15, 16, 17, 23, 24,
                         25, 31, 32, 33, 47, 48, 49, 63, 64, 65, 95, 96, 97, 127, 128, 129};

constexpr double epsilon = 1.0 / (1 << 24);  // half a unit in the last place of 1.0f

// rounding errors of a sum of `terms` products whose absolute values add up to `magnitude`
inline double sum_tolerance(int terms, double magnitude) {
  return epsilon * magnitude * std::fmin(terms + 2.0, 8.0 + 4.0 * std::sqrt(terms)) + 1e-37;
}

// both NaN, the same infinity, or within the tolerance
inline bool close(double value, double expected, double tolerance) {
  if (std::isnan(expected) || std::isnan(value)) return std::isnan(expected) && std::isnan(value);
  return value == expected || std::fabs(value - expected) <= tolerance;
}

inline bool same_bits(const float* a, const float* b, size_t size) {
  return std::memcmp(a, b, size * sizeof(float)) == 0;
}


// Output i of pixel p of a multiplication (GemmArgs) against a naive sum in double precision.
template <class Case>
void check_product(const Case& c, int p, int i, float value) {
  double sum = c.bias ? c.biases[i] : 0.0;
  double magnitude = std::fabs(sum);
  for (int t = 0; t < c.taps; ++t) {
    for (int k = 0; k < c.channels; ++k) {
      const double product = static_cast<double>(c.rows[t * c.count + p][k]) *
                             c.weights[(static_cast<size_t>(i) * c.channels + k) * c.taps + t];
      sum += product;
      magnitude += std::fabs(product);
    }
  }
  const double tolerance = sum_tolerance(c.taps * c.channels, magnitude);
  expect(close(value, sum, tolerance), "pixel %d channel %d: %.9g, expected %.9g +- %.2g", p, i, value, sum, tolerance);
}

void test_gemm(const KernelTable&);
void test_gemm_bf16();  // on every kernel there is, and emulated
void test_dot(const KernelTable&);
void test_depthwise(const KernelTable&);
void test_depthwise_runs(const KernelTable&);
void test_offsets(const KernelTable&);
void test_epilogue(const KernelTable&);
void test_activations(const KernelTable&);
void test_binary(const KernelTable&);
void test_planes(const KernelTable&);
void test_pool(const KernelTable&);
void test_rows(const KernelTable&);  // blend, gather, softmax, gates on rows
void test_gate(const KernelTable&);
void test_sieve(const KernelTable&);
void test_resize(const KernelTable&);

}  // namespace edgeskip::testing
