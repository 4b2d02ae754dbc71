// Active pixels of several layers in one launch, against plain loops: windows, strides, broadcast, pending, several pictures.
#include <random>
#include <string>
#include <vector>

#include "kernels/count/body.h"
#include "tests/host/check.h"
#include "tests/host/emulation.h"
#include "tests/host/tests.h"

namespace edgeskip::cuda {

namespace {

struct CountingHost : Emulated {
  explicit CountingHost(const Emulated& e) : Emulated(e) {}
  void add(int32_t* sum, int value) const { *sum += value; }
};

struct Layer {
  int in[2], out[2], kernel[2], strides[2], pads[2], dilations[2], z[2];
  bool gated;
};

const Layer kLayers[] = {
    {{9, 11}, {9, 11}, {1, 1}, {1, 1}, {0, 0}, {1, 1}, {0, 0}, false},
    {{9, 11}, {9, 11}, {3, 3}, {1, 1}, {1, 1}, {1, 1}, {9, 11}, false},
    {{33, 17}, {17, 9}, {3, 3}, {2, 2}, {1, 1}, {1, 1}, {1, 1}, false},
    {{20, 31}, {12, 27}, {5, 3}, {1, 1}, {0, 0}, {2, 2}, {0, 0}, true},
    {{1, 1}, {1, 1}, {1, 1}, {1, 1}, {0, 0}, {1, 1}, {0, 0}, false},
    {{64, 48}, {32, 24}, {2, 2}, {2, 2}, {0, 0}, {1, 1}, {32, 24}, true},
};

std::vector<int32_t> random_mask(std::mt19937& random, int batch, const int (&size)[2], int one_in) {
  std::vector<int32_t> mask(batch * size[0] * size[1]);
  for (int32_t& bit : mask) bit = random() % one_in == 0 ? 1 + static_cast<int>(random() % 2) : 0;
  return mask;
}

struct Masks {
  std::vector<int32_t> x, z, before, after;
};

bool wanted(const Layer& l, const Masks& m, int picture, int y, int x) {
  const int index = (picture * l.out[0] + y) * l.out[1] + x;
  if (l.gated && m.after[index]) return false;
  bool found = l.gated && m.before[index];
  if (l.z[0]) found = found || m.z[(picture * l.z[0] + (l.z[0] > 1 ? y : 0)) * l.z[1] + (l.z[1] > 1 ? x : 0)];
  for (int ky = 0; ky < l.kernel[0]; ++ky)
    for (int kx = 0; kx < l.kernel[1]; ++kx) {
      const int row = y * l.strides[0] - l.pads[0] + ky * l.dilations[0];
      const int column = x * l.strides[1] - l.pads[1] + kx * l.dilations[1];
      if (row < 0 || row >= l.in[0] || column < 0 || column >= l.in[1]) continue;
      found = found || m.x[(picture * l.in[0] + row) * l.in[1] + column];
    }
  return found;
}

EdgeskipCountItem item_of(const Layer& l, const Masks& m) {
  return {m.x.data(), l.z[0] ? m.z.data() : nullptr, l.gated ? m.before.data() : nullptr,
          l.gated ? m.after.data() : nullptr, l.in[0], l.in[1], l.z[0], l.z[1], l.out[0], l.out[1], l.kernel[0],
          l.kernel[1], l.strides[0], l.strides[1], l.pads[0], l.pads[1], l.dilations[0], l.dilations[1]};
}

}  // namespace

void test_count() {
  std::mt19937 random(3);
  for (const int batch : {1, 3})
    for (const int one_in : {1, 4, 50, 1 << 30}) {
      std::vector<Masks> masks;
      std::vector<EdgeskipCountItem> items;
      for (const Layer& l : kLayers)
        masks.push_back({random_mask(random, batch, l.in, one_in), random_mask(random, batch, l.z, 3 * one_in),
                         random_mask(random, batch, l.out, 3 * one_in), random_mask(random, batch, l.out, 3)});
      const int layers = static_cast<int>(masks.size());
      for (int i = 0; i < layers; ++i) items.push_back(item_of(kLayers[i], masks[i]));
      std::vector<int32_t> counts(layers, 0);
      const CountArgs args = {items.data(), layers, batch, 2, counts.data()};
      emulate(2 * layers, kCountThreads, 0, {Fibers::Order::descending},
              [&](const Emulated& e) { count_body(CountingHost(e), args); });
      for (int i = 0; i < layers; ++i) {
        int expected = 0;
        for (int p = 0; p < batch; ++p)
          for (int y = 0; y < kLayers[i].out[0]; ++y)
            for (int x = 0; x < kLayers[i].out[1]; ++x) expected += wanted(kLayers[i], masks[i], p, y, x);
        EDGESKIP_CHECK(counts[i] == expected, "count of layer " + std::to_string(i) + ", batch " + std::to_string(batch) +
                                                  ": " + std::to_string(counts[i]) + ", not " + std::to_string(expected));
      }
    }
}

}  // namespace edgeskip::cuda
