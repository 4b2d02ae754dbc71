// Indirect GEMM: out[p][n] = sum over t, c of rows[t][p][c] * w[t][c][n], + bias[n].
//
// A panel of a few arbitrary pixels times a few vectors of output channels stays in registers while
// t and c run in order: one accumulator per output, whatever the panel, so that a pixel's result
// does not depend on its neighbours.
#pragma once

#include "kernels/gemm/pack.h"

namespace edgeskip {
namespace {

struct PanelArgs {
  const float* const* rows;  // of the panel's first pixel
  int64_t tap_stride;        // pointers from one tap to the next; 0 with offsets
  const int64_t* offsets;    // floats from rows[p] to each tap's row, or null
  const float* weights;      // of the column block
  float* out;
  int64_t out_stride;
  int taps, channels;
};

template <class V, int vectors>
EDGESKIP_INLINE void load_vectors(V (&target)[vectors], const float* p) {
  unroll<vectors>([&](auto j) EDGESKIP_INLINE_LAMBDA { target[j] = V::load(p + j * V::lanes); });
}

// sum[p] += x[p][c] * w: one channel
template <class V, int rows, int vectors>
EDGESKIP_INLINE void step(V (&sum)[rows][vectors], const float* const (&x)[rows], int64_t c, const float* weights) {
  V w[vectors];
  load_vectors(w, weights);
  unroll<rows>([&](auto p) EDGESKIP_INLINE_LAMBDA {
    const V value = V::broadcast(x[p][c]);
    unroll<vectors>([&](auto j) EDGESKIP_INLINE_LAMBDA { sum[p][j] = fma(value, w[j], sum[p][j]); });
  });
}

// `lane_group` channels, where the multiply-add can take a factor from one lane of a register
template <class V, int rows, int vectors>
EDGESKIP_INLINE void step_group(V (&sum)[rows][vectors], const float* const (&x)[rows], int c, const float* weights) {
  V group[rows];
  unroll<rows>([&](auto p) EDGESKIP_INLINE_LAMBDA { group[p] = V::load(x[p] + c); });
  unroll<V::lane_group>([&](auto lane) EDGESKIP_INLINE_LAMBDA {
    V w[vectors];
    load_vectors(w, weights + lane * vectors * V::lanes);
    unroll<rows>([&](auto p) EDGESKIP_INLINE_LAMBDA {
      unroll<vectors>([&](auto j) EDGESKIP_INLINE_LAMBDA {
        sum[p][j] = V::template fma_lane<decltype(lane)::value>(w[j], group[p], sum[p][j]);
      });
    });
  });
}

// Products per partial sum. The rounding error of a float sum grows with its length, so long sums
// are made of partial ones, of nearly equal length; up to 192, their upkeep costs 2 % of the work.
inline int partial_length(int taps, int channels) {
  const int products = taps * channels;
  const int parts = (products + 191) / 192;
  return (products + parts - 1) / parts;
}

// The panel's accumulators, and the total of the partial sums in `out`.
template <class V, int rows, int vectors>
struct PanelSum {
  V sum[rows][vectors];
  bool has_total = false;

  EDGESKIP_INLINE void clear() {
    unroll<rows * vectors>([&](auto i) EDGESKIP_INLINE_LAMBDA { sum[i / vectors][i % vectors] = V::broadcast(0.0f); });
  }

  // out += sum; sum = 0
  EDGESKIP_INLINE void add_to(const PanelArgs& a) {
    unroll<rows * vectors>([&](auto i) EDGESKIP_INLINE_LAMBDA {
      float* out = a.out + i / vectors * a.out_stride + i % vectors * V::lanes;
      const V value = sum[i / vectors][i % vectors];
      (has_total ? V::load(out) + value : value).store(out);
    });
    has_total = true;
    clear();
  }

  // out = total + bias; the bias comes last, since a folded batch norm's can be far larger than the partial sums
  EDGESKIP_INLINE void finish(const PanelArgs& a, const float* bias) {
    unroll<rows * vectors>([&](auto i) EDGESKIP_INLINE_LAMBDA {
      float* out = a.out + i / vectors * a.out_stride + i % vectors * V::lanes;
      const V value = sum[i / vectors][i % vectors];
      ((has_total ? V::load(out) + value : value) + V::load(bias + i % vectors * V::lanes)).store(out);
    });
  }
};

// sum += x[c] * w over channels begin <= c < end; returns the weights behind them
template <class V, int rows, int vectors>
EDGESKIP_INLINE const float* steps(V (&sum)[rows][vectors], const float* const (&x)[rows], int c, int end,
                                   const float* weights) {
  constexpr int width = vectors * V::lanes;
  if constexpr (V::lane_group > 1) {
    for (; c + V::lane_group <= end; c += V::lane_group, weights += V::lane_group * width) {
      step_group(sum, x, c, weights);
    }
  }
  for (; c < end; ++c, weights += width) step(sum, x, c, weights);
  return weights;
}

// The taps of a picture: a few channels each, so that loading pointers per tap would cost as much as the sums.
template <class V, int rows, int vectors, int channels>
EDGESKIP_INLINE void sum_offset_taps(const PanelArgs& a, PanelSum<V, rows, vectors>& panel) {
  constexpr int width = vectors * V::lanes;
  const float* weights = a.weights + width;
  const float* x[rows];
  unroll<rows>([&](auto p) EDGESKIP_INLINE_LAMBDA { x[p] = a.rows[p]; });
  const int length = partial_length(a.taps, channels);
  int room = length;
  for (int t = 0; t < a.taps; ++t, weights += channels * width) {
    const int64_t offset = a.offsets[t];
    unroll<channels>([&](auto c) EDGESKIP_INLINE_LAMBDA { step(panel.sum, x, offset + c, weights + c * width); });
    room -= channels;
    if (room <= 0 && t + 1 < a.taps) panel.add_to(a), room = length;
  }
}

// fixed_channels: 0, or the channel count when it is known (pictures: 3), which saves the loop
template <class V, int rows, int vectors, int fixed_channels>
void gemm_panel(const PanelArgs& a) {
  constexpr int width = vectors * V::lanes;
  const float* weights = a.weights + width;
  PanelSum<V, rows, vectors> panel;
  panel.clear();
  if constexpr (fixed_channels > 0) {
    if (a.offsets) {
      sum_offset_taps<V, rows, vectors, fixed_channels>(a, panel);
      return panel.finish(a, a.weights);
    }
  }
  const int length = partial_length(a.taps, a.channels);
  int room = length;
  for (int t = 0; t < a.taps; ++t) {
    const float* x[rows];
    const float* const* pixels = a.rows + t * a.tap_stride;
    const int64_t offset = a.offsets ? a.offsets[t] : 0;
    unroll<rows>([&](auto p) EDGESKIP_INLINE_LAMBDA { x[p] = pixels[p] + offset; });
    if constexpr (fixed_channels > 0) {
      unroll<fixed_channels>([&](auto c) EDGESKIP_INLINE_LAMBDA { step(panel.sum, x, c, weights + c * width); });
      weights += fixed_channels * width;
      room -= fixed_channels;
      if (room <= 0 && t + 1 < a.taps) panel.add_to(a), room = length;
      continue;
    }
    for (int c = 0; c < a.channels;) {
      const int end = c + room < a.channels ? c + room : a.channels;
      weights = steps(panel.sum, x, c, end, weights);
      room -= end - c;
      c = end;
      if (room == 0 && (t + 1 < a.taps || c < a.channels)) panel.add_to(a), room = length;
    }
  }
  panel.finish(a, a.weights);
}

using PanelFunction = void (*)(const PanelArgs&);

// What a level's registers hold: at most `rows` pixels, at most `vectors` vectors of output
// channels, and at most `sums` accumulators. Narrow column blocks take more pixels.
template <class V, int max_rows, int max_vectors, int max_sums>
struct PanelTable {
  static constexpr int row_limit(int vectors) { return max_rows * vectors < max_sums ? max_rows : max_sums / vectors; }

  PanelFunction any_channels[max_rows * max_vectors];
  PanelFunction three_channels[max_rows * max_vectors];

  template <int rows, int vectors, int fixed_channels>
  static constexpr PanelFunction panel() {
    if constexpr (rows <= row_limit(vectors)) return gemm_panel<V, rows, vectors, fixed_channels>;
    return nullptr;
  }
  template <int... cells>
  static constexpr PanelTable make(std::integer_sequence<int, cells...>) {
    return {{panel<cells / max_vectors + 1, cells % max_vectors + 1, 0>()...},
            {panel<cells / max_vectors + 1, cells % max_vectors + 1, 3>()...}};
  }
  static constexpr PanelTable make() { return make(std::make_integer_sequence<int, max_rows * max_vectors>{}); }

  PanelFunction get(int rows, int vectors, int channels) const {
    const int cell = (rows - 1) * max_vectors + vectors - 1;
    return channels == 3 ? three_channels[cell] : any_channels[cell];
  }
};

// Column blocks outside, panels inside: a block of weights is read from memory once and stays in
// the cache for all panels. Panels of nearly equal size: 13 pixels are 7 + 6, not 12 + 1.
template <class V, int max_rows, int max_vectors, int max_sums>
void gemm(const GemmArgs& a) {
  using Table = PanelTable<V, max_rows, max_vectors, max_sums>;
  static constexpr Table table = Table::make();
  const int columns = packed_columns<V>(a.n);
  const float* weights = a.weights;
  for (int first = 0, width = 0; first < columns; first += width) {
    width = block_width<V, max_vectors>(first, columns);
    const int vectors = width / V::lanes;
    const int limit = Table::row_limit(vectors);
    const int panels = (a.count + limit - 1) / limit;
    const int larger = a.count % panels;  // that many panels have one pixel more
    PanelArgs panel{a.rows, a.offsets ? 0 : a.count, a.offsets, weights, a.out + first, a.out_stride, a.taps, a.channels};
    for (int i = 0; i < panels; ++i) {
      const int rows = a.count / panels + (i < larger);
      table.get(rows, vectors, a.channels)(panel);
      panel.rows += rows;
      panel.out += rows * a.out_stride;
    }
    weights += width * (static_cast<int64_t>(a.taps) * a.channels + 1);
  }
}

}  // namespace
}  // namespace edgeskip
