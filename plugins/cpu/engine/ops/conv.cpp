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
                     2 * arena_bytes<const float*>(pixels) + arena_bytes<uint8_t>(pixels);
  return needs;
}

int ConvOperation::chunk_pixels(int64_t count, int threads, const TapSet& taps) const {
  if (chunk_limit_ > 0) return chunk_limit_;
  const double pixel_ns = 2.0 * static_cast<double>(taps.multiply_adds) / kFlopsPerNs + kPixelOverheadNs;
  const int64_t worthwhile = static_cast<int64_t>(kSmallestChunkNs / pixel_ns) + 1;
  const int64_t fair = threads > 1 ? (count + threads - 1) / threads : count;
  const int64_t longest = std::max<int64_t>(worthwhile, int64_t{kPanelsPerChunk} * panel_rows_);
  const int64_t pixels = std::max(std::min(longest, fair), std::min(worthwhile, fair));
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

void ConvOperation::compute(const Views& views, const TapSet& taps, const Pixel* pixels, int count,
                            Arena arena) const {
  const float** rows = arena.take<const float*>(int64_t{count} * taps.count());
  float* out = arena.take<float>(count * out_stride_);
  float** y = arena.take<float*>(count);
  const float** z = arena.take<const float*>(count);
  uint8_t* changed = arena.take<uint8_t>(count);
  point_to_taps(views, taps, pixels, count, rows, z);  // the list z is free until then
  accumulate(views.kernels, taps, rows, out, count);
  for (int p = 0; p < count; ++p) y[p] = views.y.row(pixels[p]);
  if (views.z.data)
    for (int p = 0; p < count; ++p) z[p] = views.z.row(pixels[p]);
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

void ConvOperation::point_to_taps(const Views& views, const TapSet& taps, const Pixel* pixels, int count,
                                  const float** rows, const float** corners) const {
  const TensorView& x = views.x;
  const int number = taps.count();
  const bool whole = taps.divide[0] == 1 && taps.divide[1] == 1;
  bool all_inside = true;
  for (int p = 0; p < count; ++p) {
    const int top = whole ? row_of(pixels[p]) * taps.multiply[0] : row_of(pixels[p]) / taps.divide[0];
    const int left = whole ? column_of(pixels[p]) * taps.multiply[1] : column_of(pixels[p]) / taps.divide[1];
    const bool inside = top >= -taps.least[0] && top < x.height - taps.most[0] && left >= -taps.least[1] &&
                        left < x.width - taps.most[1];
    corners[p] = inside ? x.row(top, left) : nullptr;
    all_inside &= inside;
    if (inside) continue;
    for (int t = 0; t < number; ++t) {
      const int row = top + taps.row[t], column = left + taps.column[t];
      const bool real = row >= 0 && row < x.height && column >= 0 && column < x.width;
      rows[int64_t{t} * count + p] = real ? x.row(row, column) : zero_row_.data();
    }
  }
  for (int t = 0; t < number; ++t) {
    const float** tap = rows + int64_t{t} * count;
    const int64_t distance = x.pixel(taps.row[t], taps.column[t]) * x.stride;
    if (all_inside)
      for (int p = 0; p < count; ++p) tap[p] = corners[p] + distance;
    else
      for (int p = 0; p < count; ++p)
        if (corners[p]) tap[p] = corners[p] + distance;
  }
}

void ConvOperation::accumulate(const KernelTable& kernels, const TapSet& taps, const float** rows, float* out,
                               int count) const {
  if (taps.depthwise) {
    kernels.depthwise({rows, taps.weights.as<float>(), out, out_stride_, count, taps.count(), out_channels_});
    return;
  }
  const GroupShape shape = group_shape(*spec_);
  // group after group: what gemm writes behind a group's channels is overwritten by the next
  for (int group = 0; group < shape.groups; ++group) {
    if (group > 0)
      for (int64_t i = 0; i < int64_t{count} * taps.count(); ++i) rows[i] += shape.inputs;
    GemmArgs gemm{};
    gemm.rows = rows;
    gemm.weights = taps.weights.as<float>() + taps.group_weights * group;
    gemm.out = out + int64_t{group} * shape.outputs;
    gemm.out_stride = out_stride_;
    gemm.count = count;
    gemm.taps = taps.count();
    gemm.channels = shape.inputs;
    gemm.n = shape.outputs;
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
