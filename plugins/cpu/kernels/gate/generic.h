// The norm gate's decision over a picture of few channels (contract: docs/contract.md, SkipGate).
//
// A part of the picture is walked from top to bottom. Of the last `window` rows the signed differences
// and their norms are kept as planes, so that all of them stay in the first cache; box sums are columns
// first, then rows, each formed anew in a fixed order: a pixel's decision depends on its window alone.
// A mean is not divided: its sum is compared with threshold x pixels of the window.
//
// What can't exceed a threshold is not summed. No mean of norms exceeds the largest norm, and by the triangle
// inequality no norm of a mean exceeds the mean of the norms; a margin far above the rounding errors
// keeps the decisions those of the full sums. Groups of 16 columns are told apart by one bit each. Where a sieve
// (sieve.h) has found the groups that may open, only these and what their windows reach are loaded.
#pragma once

#include "base/vec_math.h"
#include "kernels/kernels.h"
#include "kernels/norm.h"
#include "kernels/picture/bytes.h"

namespace edgeskip {
namespace {

constexpr float gate_margin = 0.999f;
constexpr int group_columns = gate_group_columns;

// Columns kept beside a part, so that its rows start on a vector's boundary.
EDGESKIP_INLINE int gate_halo(int window) { return (window / 2 + 15) / 16 * 16; }
// Halo on both sides, and a whole vector behind.
EDGESKIP_INLINE int gate_row_length(int window) { return gate_part_columns + 2 * gate_halo(window) + 32; }

// Floats: a ring of `window` rows per plane, a line per plane for sums, a line per channel of a camera's picture,
// and behind these the ring's groups, two floats for the 64 bits of a row.
inline int64_t gate_scratch_size(int window, int channels) {
  return int64_t{gate_row_length(window)} * ((channels + 1) * (window + 1) + 3) + 2 * window;
}

// The first `count` floats, zeros behind; count may be any number.
template <class V>
EDGESKIP_INLINE V load_some(const float* p, int count) {
  if (count >= V::lanes) return V::load(p);
  if constexpr (V::lanes > 1) {
    if (count > 0) return V::load_first(p, count);
  }
  return V::broadcast(0.0f);
}

template <class V, Norm norm>
EDGESKIP_INLINE V add_to_norm(V sum, V d) {
  if constexpr (norm == Norm::l2) return fma(d, d, sum);
  if constexpr (norm == Norm::l1) return sum + edgeskip::abs(d);
  return max_nan(sum, edgeskip::abs(d));
}

template <class V, Norm norm>
EDGESKIP_INLINE V finish_norm(V sum, V inverse_channels) {
  if constexpr (norm == Norm::l2) return sqrt(sum * inverse_channels);
  if constexpr (norm == Norm::l1) return sum * inverse_channels;
  return sum;
}

// channels: 1 or 3, or 0 for any number.
template <class V, Norm norm, int fixed_channels>
class GatePart {
 public:
  explicit GatePart(const GateArgs& args)
      : a(args), radius(args.window / 2), halo(gate_halo(args.window)), length(gate_row_length(args.window)),
        inverse_channels(V::broadcast(1.0f / static_cast<float>(args.channels))),
        origin(args.first_column - halo), with_signed(args.threshold_signed < infinity()),
        quiet(gate_margin * (args.threshold_signed < args.threshold ? args.threshold_signed : args.threshold)) {
    const int64_t plane = int64_t{length} * a.window;
    norms = a.scratch;
    differences = norms + plane;
    lines = differences + plane * channels();
    levels = lines + int64_t{length} * (channels() + 1);
    lively = reinterpret_cast<uint64_t*>(levels + int64_t{length} * 3);
  }

  // Whether what was read is finite.
  bool run() {
    int loaded = a.first_row - radius > 0 ? a.first_row - radius : 0;
    int last_lively = -1 - a.window;
    for (int row = a.first_row; row < a.end_row; ++row) {
      const int last = row + radius < a.height ? row + radius : a.height - 1;
      for (; loaded <= last; ++loaded)
        if (load_row(loaded, wanted(loaded))) last_lively = loaded;
      uint64_t* bits = a.mask + int64_t{row} * a.words;
      for (int word = a.first_column / 64; word * 64 < a.end_column; ++word) bits[word] = 0;
      const int first = row - radius > 0 ? row - radius : 0;
      if (last_lively >= first) decide_groups(first, last, marked(row), bits);
    }
    return !any(is_nan(doubt));
  }

 private:
  static EDGESKIP_INLINE float infinity() { return __builtin_inff(); }
  EDGESKIP_INLINE int channels() const { return fixed_channels ? fixed_channels : a.channels; }
  EDGESKIP_INLINE float* norm_row(int row) const { return norms + int64_t{row % a.window} * length; }
  EDGESKIP_INLINE float* difference_row(int c, int row) const {
    return differences + (int64_t{c} * a.window + row % a.window) * length;
  }

  EDGESKIP_INLINE int halo_groups() const { return halo / group_columns; }

  // The groups of a row that may open, a bit each, counted from origin.
  EDGESKIP_INLINE uint64_t marked(int row) const {
    if (!a.groups) return ~uint64_t{0};
    const uint64_t* words = a.groups + int64_t{row} * a.group_words;
    const int first = origin / group_columns;  // may be negative, by less than a word
    if (first < 0) return words[0] << -first;
    const int word = first / 64, shift = first % 64;
    const uint64_t next = shift && word + 1 < a.group_words ? words[word + 1] << (64 - shift) : 0;
    return word < a.group_words ? words[word] >> shift | next : 0;
  }

  // The groups of a row that the windows of marked ones reach.
  uint64_t wanted(int row) const {
    if (!a.groups) return ~uint64_t{0};
    const int first = row - radius > a.first_row ? row - radius : a.first_row;
    const int end = row + radius + 1 < a.end_row ? row + radius + 1 : a.end_row;
    uint64_t seen = 0;
    for (int r = first; r < end; ++r) seen |= marked(r);
    return spread(seen);
  }

  EDGESKIP_INLINE uint64_t spread(uint64_t groups) const {
    uint64_t reached = groups;
    for (int step = 1; step <= halo_groups(); ++step) reached |= groups << step | groups >> step;
    return reached;
  }

  // Differences and norms of wanted groups of the part and its halo, with zeros for what lies outside the
  // picture; returns whether a norm is large enough to matter.
  bool load_row(int row, uint64_t groups) {
    const int reach = a.end_column + radius;
    lively[row % a.window] = 0;
    for (int column = origin; column < reach && groups;) {
      const int skipped = count_zeros(groups);
      column += skipped * group_columns, groups >>= skipped;
      const int length_of_run = count_zeros(~groups);
      if (column >= reach) break;
      const int end = length_of_run < 64 && column + length_of_run * group_columns < reach
                          ? column + length_of_run * group_columns : reach;
      load_run(row, column, end);
      column = end;
      groups = length_of_run < 64 ? groups >> length_of_run : 0;
    }
    return lively[row % a.window] != 0;
  }

  static EDGESKIP_INLINE int count_zeros(uint64_t bits) { return bits ? __builtin_ctzll(bits) : 64; }

  // Columns from .. wanted - 1; `from` is the first of a group.
  void load_run(int row, int from, int wanted) {
    const int begin = from > 0 ? from : 0;
    const int end = wanted < a.width ? wanted : a.width;
    // found once: a division per vector would cost as much as the vector
    float* const norm_line = norm_row(row) - origin;
    difference_line = difference_row(0, row) - origin;
    const V limit = V::broadcast(quiet);
    uint64_t groups = 0;
    if (from < 0) clear(row, from, wanted < 0 ? wanted : 0);
    const auto load_columns = [&](auto subtract_columns) EDGESKIP_INLINE_LAMBDA {
      int column = begin;
      for (; column < end; column += V::lanes) {
        V sum = V::broadcast(0.0f);
        subtract_columns(column, end - column, sum);
        const V value = finish_norm<V, norm>(sum, inverse_channels);
        groups |= static_cast<uint64_t>(exceeds(value, limit) != 0) << ((column - origin) / group_columns);
        value.store(norm_line + column);
      }
      // not into the next run, which may be loaded already
      clear(row, column, wanted < a.end_column + radius ? wanted : wanted + V::lanes);
    };
    if (a.x) {
      load_columns([&](int column, int count, V& sum)
                       EDGESKIP_INLINE_LAMBDA { subtract(row, column, count, sum); });
    } else {
      const float* line = a.planes + int64_t{row} * a.width;
      int64_t stride = int64_t{a.height} * a.width;
      if (!a.planes) line = normalise(row, begin, end), stride = length;
      load_columns([&](int column, int count, V& sum)
                       EDGESKIP_INLINE_LAMBDA { subtract_planes(row, column, count, line + column, stride, sum); });
    }
    lively[row % a.window] |= groups;
  }

  // A row of the camera's picture as planes, counted from column 0.
  const float* normalise(int row, int begin, int end) {
    float* const planes[3] = {levels, levels + length, levels + 2 * int64_t{length}};
    normalise_row<V>(*a.picture, row, begin, end, planes);
    return levels - begin;
  }

  EDGESKIP_INLINE void clear(int row, int begin, int end) {
    for (int plane = -1; plane < channels(); ++plane) {
      float* const line = (plane < 0 ? norm_row(row) : difference_row(plane, row)) - origin;
      for (int column = begin; column < end; ++column) line[column] = 0.0f;
    }
  }

  EDGESKIP_INLINE void keep(int c, int column, V d, V& sum) {
    d.store(difference_line + int64_t{c} * a.window * length + column);
    sum = add_to_norm<V, norm>(sum, d);
  }

  EDGESKIP_INLINE void subtract(int row, int column, int count, V& sum) {
    const float* x = a.x + (int64_t{row} * a.width + column) * a.x_stride;
    const float* y = a.y + (int64_t{row} * a.width + column) * a.y_stride;
    if (fixed_channels == 1 && a.x_stride == 1 && a.y_stride == 1)
      return keep(0, column, load_some<V>(x, count) - load_some<V>(y, count), sum);
    if (fixed_channels == 3 && a.fours) return subtract_fours(column, count, x, y, sum);
    for (int c = 0; c < channels(); ++c) {
      float values[V::lanes] = {};
      for (int i = 0; i < V::lanes && i < count; ++i) values[i] = x[i * a.x_stride + c] - y[i * a.y_stride + c];
      keep(c, column, V::load(values), sum);
    }
  }

  // x: the first channel's values at `column`.
  EDGESKIP_INLINE void subtract_planes(int row, int column, int count, const float* x, int64_t stride, V& sum) {
    const float* y = a.y + (int64_t{row} * a.width + column) * a.y_stride;
    if (fixed_channels == 1 && a.y_stride == 1) {
      const V value = load_some<V>(x, count);
      doubt = add_doubt(doubt, value);
      return keep(0, column, value - load_some<V>(y, count), sum);
    }
    if (fixed_channels == 3 && a.fours) return subtract_planes_fours(column, count, x, stride, y, sum);
    for (int c = 0; c < channels(); ++c) {
      const V value = load_some<V>(x + c * stride, count);
      doubt = add_doubt(doubt, value);
      float reference[V::lanes] = {};
      for (int i = 0; i < V::lanes && i < count; ++i) reference[i] = y[i * a.y_stride + c];
      keep(c, column, value - V::load(reference), sum);
    }
  }

  EDGESKIP_INLINE void subtract_planes_fours(int column, int count, const float* x, int64_t stride, const float* y,
                                             V& sum) {
    V d[4];
    unroll<4>([&](auto i) EDGESKIP_INLINE_LAMBDA {
      const int at = i * V::lanes;
      d[i] = count >= V::lanes ? V::load(y + at) : load_some<V>(y + at, 4 * count - at);
    });
    // the next row: a part's rows lie apart, so that the processor alone would begin anew with each
    for (int i = 0; i < 4 * V::lanes; i += 16) __builtin_prefetch(y + int64_t{a.width} * 4 + i);
    for (int c = 0; c < 3; ++c) __builtin_prefetch(x + c * stride + a.width);
    transpose_fours(d[0], d[1], d[2], d[3]);
    unroll<3>([&](auto c) EDGESKIP_INLINE_LAMBDA {
      const V value = load_some<V>(x + c * stride, count);
      doubt = add_doubt(doubt, value);
      keep(c, column, value - d[c], sum);
    });
  }

  EDGESKIP_INLINE void subtract_fours(int column, int count, const float* x, const float* y, V& sum) {
    V d[4];
    unroll<4>([&](auto i) EDGESKIP_INLINE_LAMBDA {
      const int at = i * V::lanes;
      d[i] = count >= V::lanes ? V::load(x + at) - V::load(y + at)
                               : load_some<V>(x + at, 4 * count - at) - load_some<V>(y + at, 4 * count - at);
    });
    transpose_fours(d[0], d[1], d[2], d[3]);
    // the fourth value of a pixel is nobody's
    unroll<3>([&](auto c) EDGESKIP_INLINE_LAMBDA { keep(c, column, d[c], sum); });
  }

  // Decides runs of groups whose windows hold a large norm.
  void decide_groups(int first, int last, uint64_t marked_groups, uint64_t* bits) {
    uint64_t seen = 0;
    for (int row = first; row <= last; ++row) seen |= lively[row % a.window];
    uint64_t reached = (spread(seen) & marked_groups) >> halo_groups();
    for (int column = a.first_column; column < a.end_column && reached;) {
      int length_of_run = 0;
      while (reached >> length_of_run & 1) ++length_of_run;
      const int end = column + length_of_run * group_columns;
      if (length_of_run) decide(first, last, column, end < a.end_column ? end : a.end_column, bits);
      // the group behind a run is quiet
      column = end + group_columns;
      reached >>= length_of_run, reached >>= 1;
    }
  }

  void decide(int first, int last, int begin, int end, uint64_t* bits) {
    sum_columns(norm_row(0), first, last, begin, end, lines);
    const float rows = static_cast<float>(last - first + 1);
    const V limit = V::broadcast(a.threshold * rows), possible = V::broadcast(gate_margin * a.threshold_signed * rows);
    int from = end, to = begin;
    for (int column = begin; column < end; column += V::lanes) {
      const V total = sum_row(lines, column), count = V::load(a.counts + column);
      mark(bits, column, exceeds(total, limit * count));
      if (with_signed && exceeds(total, possible * count)) {
        if (from > column) from = column;
        to = column + V::lanes;
      }
    }
    if (from < to) decide_signed(first, last, from, to < end ? to : end, bits);
  }

  void decide_signed(int first, int last, int begin, int end, uint64_t* bits) {
    for (int c = 0; c < channels(); ++c)
      sum_columns(difference_row(c, 0), first, last, begin, end, lines + int64_t{c} * length);
    const V limit = V::broadcast(a.threshold_signed * static_cast<float>(last - first + 1));
    for (int column = begin; column < end; column += V::lanes) {
      V sum = V::broadcast(0.0f);
      if constexpr (fixed_channels != 0)
        unroll<fixed_channels>([&](auto c) EDGESKIP_INLINE_LAMBDA {
          sum = add_to_norm<V, norm>(sum, sum_row(lines + int64_t{c} * length, column));
        });
      else
        for (int c = 0; c < a.channels; ++c)
          sum = add_to_norm<V, norm>(sum, sum_row(lines + int64_t{c} * length, column));
      mark(bits, column, exceeds(finish_norm<V, norm>(sum, inverse_channels), limit * V::load(a.counts + column)));
    }
  }

  EDGESKIP_INLINE void mark(uint64_t* bits, int column, uint32_t lanes) const {
    const int valid = a.end_column - column;
    if (valid < V::lanes) lanes &= (1u << valid) - 1u;
    bits[column / 64] |= static_cast<uint64_t>(lanes) << (column % 64);
  }

  // out = sums over the rows first .. last, for the columns begin - radius .. end + radius.
  EDGESKIP_INLINE void sum_columns(const float* plane, int first, int last, int begin, int end, float* out) const {
    if (last - first == 4) return sum_columns<5>(plane, first, 5, begin, end, out);
    if (last - first == 2) return sum_columns<3>(plane, first, 3, begin, end, out);
    sum_columns<0>(plane, first, last - first + 1, begin, end, out);
  }

  template <int fixed_rows>
  EDGESKIP_INLINE void sum_columns(const float* plane, int first, int rows, int begin, int end, float* out) const {
    const float* sources[fixed_rows ? fixed_rows : 255];
    for (int k = 0; k < (fixed_rows ? fixed_rows : rows); ++k)
      sources[k] = plane + int64_t{(first + k) % a.window} * length;
    const int from = begin - halo - origin, to = end + radius - origin;
    for (int i = from; i < to; i += V::lanes) {
      V sum = V::load(sources[0] + i);
      if constexpr (fixed_rows != 0)
        unroll<fixed_rows - 1>([&](auto k) EDGESKIP_INLINE_LAMBDA { sum = sum + V::load(sources[k + 1] + i); });
      else
        for (int k = 1; k < rows; ++k) sum = sum + V::load(sources[k] + i);
      sum.store(out + i);
    }
  }

  EDGESKIP_INLINE V sum_row(const float* line, int column) const {
    const float* first = line - origin + column - radius;
    V sum = V::load(first);
    if (a.window == 5)
      unroll<4>([&](auto k) EDGESKIP_INLINE_LAMBDA { sum = sum + V::load(first + k + 1); });
    else
      for (int k = 1; k < a.window; ++k) sum = sum + V::load(first + k);
    return sum;
  }

  const GateArgs& a;
  const int radius, halo, length;
  const V inverse_channels;
  const int origin;  // column of a row's first float
  const bool with_signed;
  const float quiet;  // norms up to here can't open the gate
  V doubt = V::broadcast(0.0f);  // NaN as soon as a value of planes was not finite
  float *norms, *differences, *lines, *levels;
  float* difference_line;  // of the row that is being loaded, first channel, counted from column 0
  uint64_t* lively;  // of each row of the ring, a bit per group that holds a large norm, counted from origin
};

template <class V>
bool gate(const GateArgs& args) {
  bool finite = true;
  with_norm(args.norm, [&](auto tag) {
    constexpr Norm norm = decltype(tag)::norm;
    if (args.channels == 3)
      finite = GatePart<V, norm, 3>(args).run();
    else if (args.channels == 1)
      finite = GatePart<V, norm, 1>(args).run();
    else
      finite = GatePart<V, norm, 0>(args).run();
  });
  return finite;
}

}  // namespace
}  // namespace edgeskip
