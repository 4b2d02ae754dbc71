// Tile registers in plain C++, so that the loop over tiles is tested on every machine. As the manual has it: products
// of a row with fused additions, the first values of all pairs apart from the second ones, then both sums together and
// onto the old one; to nearest even, no denormal in or out (Intel SDM, TDPBF16PS).
#pragma once

#include "base/bf16.h"

namespace edgeskip {
namespace {

struct EmulatedTiles {
  struct Tile {
    int rows, row_bytes;
    unsigned char data[16][64];
  };
  static Tile* tiles() {
    static Tile registers[8];
    return registers;
  }
  static bool& configured() {
    static bool state = false;
    return state;
  }

  template <class Config>
  static void configure(const Config& config) {
    static_assert(sizeof(Config) == 64, "64 bytes by the manual");
    const unsigned char* bytes = reinterpret_cast<const unsigned char*>(&config);
    if (bytes[0] != 1) __builtin_trap();
    for (int i = 0; i < 8; ++i) {
      Tile& tile = tiles()[i];
      tile.row_bytes = bytes[16 + 2 * i] + 256 * bytes[17 + 2 * i];
      tile.rows = bytes[48 + i];
      if (tile.rows < 1 || tile.rows > 16 || tile.row_bytes < 1 || tile.row_bytes > 64) __builtin_trap();
      __builtin_memset(tile.data, 0, sizeof tile.data);
    }
    configured() = true;
  }
  static void release() { configured() = false; }

  template <int tile>
  static void load(const void* rows, int64_t stride) {
    Tile& target = used<tile>();
    __builtin_memset(target.data, 0, sizeof target.data);
    for (int i = 0; i < target.rows; ++i)
      __builtin_memcpy(target.data[i], static_cast<const unsigned char*>(rows) + i * stride, target.row_bytes);
  }
  template <int tile>
  static void store(void* rows, int64_t stride) {
    const Tile& source = used<tile>();
    for (int i = 0; i < source.rows; ++i)
      __builtin_memcpy(static_cast<unsigned char*>(rows) + i * stride, source.data[i], source.row_bytes);
  }
  template <int sum, int factors, int weights>
  static void dot() {
    Tile &c = used<sum>(), &a = used<factors>(), &b = used<weights>();
    // what the processor refuses
    if (c.rows != a.rows || c.row_bytes != b.row_bytes || a.row_bytes != 4 * b.rows) __builtin_trap();
    for (int m = 0; m < c.rows; ++m)
      for (int n = 0; n < c.row_bytes / 4; ++n) {
        float part[2] = {0, 0}, old;
        for (int k = 0; k < b.rows; ++k)
          for (int half = 0; half < 2; ++half)
            part[half] = fma_bf16(value(a, m, 2 * k + half), value(b, k, 2 * n + half), part[half]);
        __builtin_memcpy(&old, c.data[m] + 4 * n, 4);
        old = without_denormal(without_denormal(old) + without_denormal(part[0] + part[1]));
        __builtin_memcpy(c.data[m] + 4 * n, &old, 4);
      }
  }

 private:
  template <int tile>
  static Tile& used() {
    if (!configured()) __builtin_trap();
    return tiles()[tile];
  }
  static Bf16 value(const Tile& tile, int row, int column) {
    Bf16 result;
    __builtin_memcpy(&result, tile.data[row] + 2 * column, sizeof result);
    return result;
  }
};

}  // namespace
}  // namespace edgeskip
