// The bfloat16 matrix kernel on vectors: a panel of pixels times a few vectors of output channels stays in registers
// while the pairs of values run in order, one accumulator per output. `Format`: base/bf16_*.h.
#pragma once

#include "kernels/gemm/pack.h"
#include "kernels/gemm_bf16/gemm_bf16.h"
#include "kernels/gemm_bf16/pack.h"

namespace edgeskip {
namespace {

struct Bf16PanelArgs {
  const Bf16* factors;
  int64_t pitch, pairs;
  const float* weights;  // of the column block
  float* out;
  int64_t out_stride;
};

template <class Format, int rows, int vectors>
void bf16_panel(const Bf16PanelArgs& a) {
  using V = typename Format::Vec;
  constexpr int width = vectors * V::lanes;
  V sum[rows][vectors];
  unroll<rows * vectors>([&](auto i) EDGESKIP_INLINE_LAMBDA {
    sum[i / vectors][i % vectors] = V::load(a.weights + i % vectors * V::lanes);
  });
  const float* weights = a.weights + width;
  const Bf16* factors = a.factors;
  for (int64_t k = 0; k < a.pairs; ++k, weights += width, factors += 2) {
    V w[vectors];
    unroll<vectors>([&](auto j) EDGESKIP_INLINE_LAMBDA { w[j] = V::load(weights + j * V::lanes); });
    unroll<rows>([&](auto p) EDGESKIP_INLINE_LAMBDA {
      const V x = Format::pair(factors + p * a.pitch);
      unroll<vectors>([&](auto j) EDGESKIP_INLINE_LAMBDA { sum[p][j] = Format::dot(sum[p][j], x, w[j]); });
    });
  }
  unroll<rows * vectors>([&](auto i) EDGESKIP_INLINE_LAMBDA {
    sum[i / vectors][i % vectors].store(a.out + i / vectors * a.out_stride + i % vectors * V::lanes);
  });
}

using Bf16PanelFunction = void (*)(const Bf16PanelArgs&);

// What the registers hold: as PanelTable (kernels/gemm/generic.h).
template <class Format, int max_rows, int max_vectors, int max_sums>
struct Bf16PanelTable {
  static constexpr int row_limit(int vectors) { return max_rows * vectors < max_sums ? max_rows : max_sums / vectors; }

  Bf16PanelFunction panels[max_rows * max_vectors];

  template <int rows, int vectors>
  static constexpr Bf16PanelFunction panel() {
    if constexpr (rows <= row_limit(vectors)) return bf16_panel<Format, rows, vectors>;
    return nullptr;
  }
  template <int... cells>
  static constexpr Bf16PanelTable make(std::integer_sequence<int, cells...>) {
    return {{panel<cells / max_vectors + 1, cells % max_vectors + 1>()...}};
  }
  static constexpr Bf16PanelTable make() { return make(std::make_integer_sequence<int, max_rows * max_vectors>{}); }

  Bf16PanelFunction get(int rows, int vectors) const { return panels[(rows - 1) * max_vectors + vectors - 1]; }
};

// Column blocks outside, panels of nearly equal size inside, as gemm.
template <class Format, int max_rows, int max_vectors, int max_sums>
void multiply_factors(const GemmArgs& a, int64_t pairs, const Bf16* factors, int first, int count) {
  using V = typename Format::Vec;
  using Table = Bf16PanelTable<Format, max_rows, max_vectors, max_sums>;
  static constexpr Table table = Table::make();
  const int columns = packed_columns<V>(a.n);
  const int64_t pitch = factor_pitch(pairs);
  const float* weights = a.weights;
  for (int column = 0, width = 0; column < columns; column += width) {
    width = block_width<V, max_vectors>(column, columns);
    const int vectors = width / V::lanes, limit = Table::row_limit(vectors);
    const int panels = (count + limit - 1) / limit;
    Bf16PanelArgs panel{factors, pitch, pairs, weights, a.out + first * a.out_stride + column, a.out_stride};
    for (int i = 0; i < panels; ++i) {
      const int rows = count / panels + (i < count % panels);
      table.get(rows, vectors)(panel);
      panel.factors += rows * pitch;
      panel.out += rows * a.out_stride;
    }
    weights += packed_bf16_size(pairs, width);
  }
}

template <class Format>
int64_t bf16_weights_size(int taps, int channels, int n) {
  return packed_bf16_size(factor_pairs(taps, channels, 1), packed_columns<typename Format::Vec>(n));
}

template <class Format, int vectors>
void pack_bf16(const float* weights, const float* bias, int taps, int channels, int n, float* packed) {
  using V = typename Format::Vec;
  const int columns = packed_columns<V>(n);
  for (int first = 0, width = 0; first < columns; first += width) {
    width = block_width<V, vectors>(first, columns);
    packed = pack_bf16_block(weights, bias, taps, channels, n, factor_pairs(taps, channels, 1), first, width, packed);
  }
}

template <int max_rows>
int64_t bf16_scratch_bytes(int taps, int channels) {
  return factor_bytes(factor_pairs(taps, channels, 1), max_rows);
}

template <class Format, int max_rows, int max_vectors, int max_sums>
void gemm_bf16(const GemmArgs& a, void* scratch) {
  const int64_t pairs = factor_pairs(a.taps, a.channels, 1);
  Bf16* factors = static_cast<Bf16*>(scratch);
  for_factor_blocks<Format>(a, pairs, max_rows, factors, [&](int first, int count) {
    multiply_factors<Format, max_rows, max_vectors, max_sums>(a, pairs, factors, first, count);
  });
}

template <class Format, int max_rows, int max_vectors, int max_sums>
constexpr Bf16Gemm make_bf16_gemm(const char* name) {
  static_assert(KernelTable::column_block % (max_vectors * Format::Vec::lanes) == 0, "a column block ends there");
  return {name, max_rows, bf16_weights_size<Format>, pack_bf16<Format, max_vectors>, bf16_scratch_bytes<max_rows>,
          gemm_bf16<Format, max_rows, max_vectors, max_sums>};
}

}  // namespace
}  // namespace edgeskip
