// SkipConv: indirect GEMM over the active pixels, part by part, with everything that follows fused.
#include "conv.h"

#include <algorithm>

namespace edgeskip {

namespace {

constexpr double kFlopsPerNs = 40;       // roughly, to tell whether a layer is worth splitting
constexpr double kPixelOverheadNs = 10;  // list, pointers, comparison
constexpr int kPanelsPerChunk = 8;
constexpr int kLongestChunk = 512;
constexpr double kSmallestChunkNs = 10e3;

// Scattered rows are unknown to the processor's own prefetching: all of a chunk's are asked for at once.
void fetch(const float* row, int channels) {
  for (int c = 0; c < channels; c += 16) __builtin_prefetch(row + c);
}

constexpr int64_t kChunkFloats = 6144;  // of results, so that they stay in the first cache until they are compared
constexpr int64_t kCheapPixel = 16384;  // multiply-adds beside which pointers to the taps cost something

}  // namespace

struct ConvOperation::Views {
  const KernelTable& kernels;
  TensorView x, y, z;
  MaskView active, mask_y;
};

ConvOperation::ConvOperation(const BuildContext& context, std::shared_ptr<const ConvSpec> spec)
    : spec_(std::move(spec)),
      active_set_(context.plan, *spec_, context.block > 0 ? context.block : spec_->block),
      activation_(spec_->activation.kind, spec_->activation.alpha, spec_->activation.beta,
                  context.plan.channels_of(spec_->y)),
      norm_(Check(context.plan, "add_conv", "").norm(spec_->norm)),
      panel_rows_(context.panel_rows > 0 ? context.panel_rows : context.kernels.gemm_rows),
      chunk_limit_(context.panel_rows),
      in_channels_(context.plan.channels_of(spec_->x)),
      out_channels_(context.plan.channels_of(spec_->y)),
      taps_(make_tap_sets(context, *spec_)),
      zero_row_(in_channels_) {
  const GroupShape shape = group_shape(*spec_);
  const int64_t last_group = int64_t{shape.outputs} * (shape.groups - 1);
  const int64_t columns =
      shape.depthwise() ? out_channels_ : last_group + context.kernels.packed_columns(shape.outputs);
  out_stride_ = (columns + 15) / 16 * 16;
}

int64_t ConvOperation::weight_bytes() const {
  int64_t bytes = 0;
  for (const TapSet& taps : taps_) bytes += static_cast<int64_t>(taps.weights.bytes());
  return bytes;
}

ScratchNeeds ConvOperation::scratch() const {
  int most_taps = 0;
  for (const TapSet& taps : taps_) most_taps = std::max(most_taps, taps.count());
  const int64_t pixels = chunk_limit_ > 0 ? chunk_limit_ : std::max(kLongestChunk, kPanelsPerChunk * panel_rows_);
  ScratchNeeds needs;
  needs.shared = active_set_.scratch_bytes();
  needs.per_thread = arena_bytes<const float*>(pixels * most_taps) + arena_bytes<float>(pixels * out_stride_) +
                     3 * arena_bytes<const float*>(pixels) + arena_bytes<Pixel>(pixels) + arena_bytes<uint8_t>(pixels);
  return needs;
}

int ConvOperation::chunk_pixels(int64_t count, int threads, const TapSet& taps) const {
  if (chunk_limit_ > 0) return chunk_limit_;
  const double pixel_ns = 2.0 * static_cast<double>(taps.multiply_adds) / kFlopsPerNs + kPixelOverheadNs;
  const int64_t worthwhile = static_cast<int64_t>(kSmallestChunkNs / pixel_ns) + 1;
  const int64_t fair = threads > 1 ? (count + threads - 1) / threads : count;
  const int64_t panels = int64_t{kPanelsPerChunk} * panel_rows_;
  const int64_t longest = std::clamp<int64_t>(worthwhile, panels, std::max(panels, kChunkFloats / out_stride_));
  const int64_t pixels = std::max(std::min(longest, fair), std::min({worthwhile, longest, fair}));
  const int64_t rounded = (pixels + panel_rows_ - 1) / panel_rows_ * panel_rows_;
  const int64_t most = std::max(kLongestChunk / panel_rows_, 1) * int64_t{panel_rows_};
  return static_cast<int>(std::min(rounded, most));
}

int64_t ConvOperation::run(Frame& frame) const {
  Arena arena = frame.shared_arena();
  MaskView active, computed;
  const bool work = active_set_.find(frame, arena, &active, &computed);
  Views views{frame.kernels(), frame.tensor(spec_->x), frame.tensor(spec_->y), {}, active,
              frame.output_mask(spec_->mask_y)};
  if (spec_->z >= 0) views.z = frame.tensor(spec_->z);
  clear(views.mask_y);
  if (!work) return 0;
  int64_t total = 0;
  for (const TapSet& taps : taps_) {
    PixelList list{frame.list_memory(), 0};
    list.count = taps.column_bits.empty()
                     ? list_pixels(computed, frame.list_memory())
                     : list_pixels(computed, taps.step[0], taps.phase[0], taps.column_bits.data(), frame.list_memory());
    if (list.count == 0) continue;
    total += list.count;
    const double cost_ns = 2.0 * static_cast<double>(taps.multiply_adds) / kFlopsPerNs + kPixelOverheadNs;
    frame.for_chunks(list, chunk_pixels(list.count, frame.pool().threads(), taps), cost_ns,
                     [&](const Pixel* pixels, int count, Arena part) { compute(views, taps, pixels, count, part); });
  }
  return total;
}

void ConvOperation::compute(const Views& views, const TapSet& taps, const Pixel* listed, int count,
                            Arena arena) const {
  const float** rows = arena.take<const float*>(int64_t{count} * taps.count());
  float* out = arena.take<float>(count * out_stride_);
  float** y = arena.take<float*>(count);
  const float** z = arena.take<const float*>(count);
  const float** corners = arena.take<const float*>(count);
  Pixel* pixels = arena.take<Pixel>(count);
  uint8_t* changed = arena.take<uint8_t>(count);
  int inner = inner_first(views.x, taps, listed, count, pixels, corners);
  // two passes over the weights of a heavy layer cost more than its pointers
  if (inner < count && taps.multiply_adds > kCheapPixel) inner = 0;
  for (int p = 0; p < count; ++p) {
    y[p] = views.y.row(pixels[p]);
    fetch(y[p], out_channels_);
  }
  if (views.z.data)
    for (int p = 0; p < count; ++p) {
      z[p] = views.z.row(pixels[p]);
      fetch(z[p], out_channels_);
    }
  if (inner > 0) accumulate(views.kernels, taps, corners, taps.offsets.data(), out, inner);
  if (inner < count) {
    point_to_taps(views.x, taps, pixels + inner, count - inner, rows);
    accumulate(views.kernels, taps, rows, nullptr, out + inner * out_stride_, count - inner);
  }
  EpilogueArgs epilogue{};
  epilogue.acc = out;
  epilogue.acc_stride = out_stride_;
  epilogue.y = y;
  epilogue.z = views.z.data ? z : nullptr;
  epilogue.channel_weight = spec_->channel_weight.empty() ? nullptr : spec_->channel_weight.data();
  epilogue.changed = changed;
  epilogue.activation = activation_.kernel();
  epilogue.norm = norm_;
  epilogue.threshold = spec_->threshold;
  epilogue.count = count;
  epilogue.channels = out_channels_;
  views.kernels.epilogue(epilogue);
  publish(views, pixels, count, changed);
}

namespace {

// The input pixel that an output pixel's taps are counted from.
int origin(int position, const TapSet& taps, int axis) {
  return taps.divide[axis] == 1 ? position * taps.multiply[axis] : position / taps.divide[axis];
}

}  // namespace

// Sorts the pixels: first those whose taps all lie inside the input, with the corners that the taps are
// counted from; returns how many these are.
int ConvOperation::inner_first(const TensorView& x, const TapSet& taps, const Pixel* pixels, int count,
                               Pixel* sorted, const float** corners) const {
  const int first_row = -taps.least[0], rows = x.height - taps.most[0] + taps.least[0];
  const int first_column = -taps.least[1], columns = x.width - taps.most[1] + taps.least[1];
  int inner = 0, outer = count;
  for (int p = 0; p < count; ++p) {
    const int top = origin(row_of(pixels[p]), taps, 0), left = origin(column_of(pixels[p]), taps, 1);
    const int row = top - first_row, column = left - first_column;
    const bool inside = row >= 0 && row < rows && column >= 0 && column < columns;
    if (!inside) {
      sorted[--outer] = pixels[p];
      continue;
    }
    const float* corner = x.row(top, left);
    sorted[inner] = pixels[p];
    corners[inner++] = corner;
    // the other taps are mostly those of pixels before it
    if (taps.depthwise || taps.count() == 1) fetch(corner + taps.offsets.back(), in_channels_);
  }
  return inner;
}

// rows [taps][count]: where each tap of each pixel reads, zeros outside.
void ConvOperation::point_to_taps(const TensorView& x, const TapSet& taps, const Pixel* pixels, int count,
                                  const float** rows) const {
  for (int p = 0; p < count; ++p) {
    const int top = origin(row_of(pixels[p]), taps, 0), left = origin(column_of(pixels[p]), taps, 1);
    for (int t = 0; t < taps.count(); ++t) {
      const int row = top + taps.row[t], column = left + taps.column[t];
      const bool real = row >= 0 && row < x.height && column >= 0 && column < x.width;
      rows[int64_t{t} * count + p] = real ? x.row(row, column) : zero_row_.data();
    }
  }
}

// rows: of point_to_taps, or with offsets the corners.
void ConvOperation::accumulate(const KernelTable& kernels, const TapSet& taps, const float** rows,
                               const int64_t* offsets, float* out, int count) const {
  if (taps.depthwise) {
    kernels.depthwise({rows, taps.weights.as<float>(), out, out_stride_, count, taps.count(), out_channels_, offsets});
    return;
  }
  const GroupShape shape = group_shape(*spec_);
  const int64_t pointers = offsets ? count : int64_t{count} * taps.count();
  // group after group: what gemm writes behind a group's channels is overwritten by the next
  for (int group = 0; group < shape.groups; ++group) {
    if (group > 0)
      for (int64_t i = 0; i < pointers; ++i) rows[i] += shape.inputs;
    GemmArgs gemm{};
    gemm.rows = rows;
    gemm.weights = taps.weights.as<float>() + taps.group_weights * group;
    gemm.out = out + int64_t{group} * shape.outputs;
    gemm.out_stride = out_stride_;
    gemm.count = count;
    gemm.taps = taps.count();
    gemm.channels = shape.inputs;
    gemm.n = shape.outputs;
    gemm.offsets = offsets;
    kernels.gemm(gemm);
  }
}

void ConvOperation::publish(const Views& views, const Pixel* pixels, int count, const uint8_t* changed) const {
  const int words = views.mask_y.words;
  int64_t word = -1;
  uint64_t bits = 0;
  const auto flush = [&] {
    // parts of the list that other threads work on may share the word
    if (bits) __atomic_fetch_or(views.mask_y.bits + word, bits & views.active.bits[word], __ATOMIC_RELAXED);
  };
  for (int p = 0; p < count; ++p) {
    const int column = column_of(pixels[p]);
    const int64_t index = int64_t{row_of(pixels[p])} * words + column / 64;
    if (index != word) {
      flush();
      word = index;
      bits = 0;
    }
    bits |= uint64_t{changed[p] != 0} << (column % 64);
  }
  flush();
}

}  // namespace edgeskip
