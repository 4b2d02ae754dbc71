// Pictures, masks and weights on the host, in float64, for the references and the transfers.
#pragma once

#include <cuda_fp16.h>

#include <cstdint>
#include <limits>
#include <vector>

namespace check {

inline constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

struct Size {
  int n, h, w, c;
  int64_t count() const { return int64_t{1} * n * h * w * c; }
};

// Values [n][y][x][c], whatever the order of dimensions on the device.
struct Picture {
  Size size{};
  std::vector<double> values;

  Picture() = default;
  explicit Picture(Size of, double value = 0) : size(of), values(of.count(), value) {}
  double& at(int n, int y, int x, int c) { return values[((int64_t{n} * size.h + y) * size.w + x) * size.c + c]; }
  double at(int n, int y, int x, int c) const { return const_cast<Picture*>(this)->at(n, y, x, c); }
};

// int32 [n][y][x]; 1 x 1 masks broadcast.
struct Mask {
  int n = 0, h = 0, w = 0;
  std::vector<int32_t> bits;

  Mask() = default;
  Mask(int n_, int h_, int w_, int32_t value = 0) : n(n_), h(h_), w(w_), bits(int64_t{1} * n_ * h_ * w_, value) {}
  int32_t& at(int stream, int y, int x) {
    return bits[(int64_t{stream} * h + (h == 1 ? 0 : y)) * w + (w == 1 ? 0 : x)];
  }
  int32_t at(int stream, int y, int x) const { return const_cast<Mask*>(this)->at(stream, y, x); }
};

// The value after it was stored as float32 or float16.
inline double stored(double value, bool half) {
  float const single = static_cast<float>(value);
  return half ? __half2float(__float2half(single)) : single;
}

// The same numbers on every machine.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 2654435761u + 1) {}
  double uniform(double low, double high) {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return low + (high - low) * static_cast<double>(state_ >> 11) / 9007199254740992.0;
  }
  bool chance(double share) { return uniform(0, 1) < share; }

 private:
  uint64_t state_;
};

}  // namespace check
