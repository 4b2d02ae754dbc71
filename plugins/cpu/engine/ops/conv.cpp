// SkipConv: indirect GEMM over the active pixels, part by part, with everything that follows fused.
#include "conv.h"

#include <algorithm>

namespace edgeskip {

namespace {

// Roughly, to tell what is worth splitting.
constexpr double kFlopsPerNs = 80, kDepthwiseFlopsPerNs = 12;
constexpr double kPixelOverheadNs = 8;  // list, pointers, comparison
constexpr double kChunkNs = 25e3;       // of work per task where threads share it
constexpr int kPanelsPerChunk = 8;
constexpr int kLongestChunk = 512;

constexpr int64_t kChunkFloats = 6144;  // of results, so that they stay in the first cache until they are compared
constexpr int64_t kCheapPixel = 16384;  // multiply-adds beside which pointers to the taps cost something

// Where few pixels use many weights, threads share the output channels: each reads its own weights only.
constexpr int kColumnPixels = 48;
constexpr int64_t kHeavyWeights = 256 << 10;  // bytes, a part of a second-level cache

void multiply(const KernelTable& kernels, const TapSet& taps, const GemmArgs& gemm, Arena arena) {
  if (taps.bf16)
    taps.bf16->gemm(gemm, arena.take<uint8_t>(taps.scratch_bytes));
  else
    (taps.dot ? kernels.dot : kernels.gemm)(gemm);
}

}  // namespace

ConvOperation::ConvOperation(const BuildContext& context, std::shared_ptr<const ConvSpec> spec)
    : spec_(std::move(spec)),
      active_set_(context.plan, *spec_, context.block > 0 ? context.block : spec_->block),
      activation_(spec_->activation.kind, spec_->activation.alpha, spec_->activation.beta,
                  context.plan.channels_of(spec_->y)),
      function_(spec_->function.kind, spec_->function.alpha, spec_->function.beta, context.plan.channels_of(spec_->y)),
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
  if (context.panel_rows == 0 && taps_.front().bf16) panel_rows_ = taps_.front().bf16->rows;
}

int64_t ConvOperation::weight_bytes() const {
  int64_t bytes = 0;
  for (const TapSet& taps : taps_) bytes += static_cast<int64_t>(taps.weights.bytes());
  return bytes;
}

ScratchNeeds ConvOperation::scratch() const {
  int most_taps = 0;
  int64_t kernel_bytes = 0;
  for (const TapSet& taps : taps_) {
    most_taps = std::max(most_taps, taps.count());
    kernel_bytes = std::max(kernel_bytes, taps.scratch_bytes);
  }
  const int64_t pixels = chunk_limit_ > 0 ? chunk_limit_ : std::max(kLongestChunk, kPanelsPerChunk * panel_rows_);
  const auto bytes = [&](int64_t count) {
    const int64_t scaled = spec_->scale < 0 ? 0 : count, activated = spec_->activated < 0 ? 0 : count;
    return arena_bytes<const float*>(count * most_taps) + arena_bytes<float>(count * out_stride_) +
           ConvPixels::scratch_bytes(count) + 2 * arena_bytes<float*>(scaled) + 2 * arena_bytes<float*>(activated) +
           arena_bytes<float>(scaled * scaled_stride());
  };
  ScratchNeeds needs;
  needs.shared = active_set_.scratch_bytes() + bytes(kColumnPixels);
  needs.per_thread = bytes(pixels) + arena_bytes<uint8_t>(kernel_bytes);
  return needs;
}

double ConvOperation::pixel_ns(const TapSet& taps) const {
  const double flops_per_ns = taps.depthwise ? kDepthwiseFlopsPerNs : kFlopsPerNs;
  return 2.0 * static_cast<double>(taps.multiply_adds) / flops_per_ns + kPixelOverheadNs;
}

// As many pixels as stay in the cache; where threads share them, a multiple of the threads' number of equal parts.
int ConvOperation::chunk_pixels(int64_t count, int threads, const TapSet& taps) const {
  if (chunk_limit_ > 0) return chunk_limit_;
  const int64_t panels = int64_t{kPanelsPerChunk} * panel_rows_;
  int64_t longest = std::max(panels, kChunkFloats / out_stride_);
  if (threads > 1) {
    const double share_ns = static_cast<double>(count) * pixel_ns(taps) / threads;
    const int64_t parts = threads * (static_cast<int64_t>(share_ns / kChunkNs) + 1);
    const int64_t fair = (count + parts - 1) / parts;
    // kernels make panels of equal size: only many of them are worth rounding
    if (fair < 4 * panel_rows_) return static_cast<int>(fair);
    longest = std::min(longest, fair);
  }
  const int64_t rounded = (longest + panel_rows_ - 1) / panel_rows_ * panel_rows_;
  const int64_t most = std::max(kLongestChunk / panel_rows_, 1) * int64_t{panel_rows_};
  return static_cast<int>(std::min(rounded, most));
}

bool ConvOperation::by_columns(int64_t count, int threads, const TapSet& taps) const {
  return threads > 1 && chunk_limit_ == 0 && count <= kColumnPixels && !taps.depthwise && spec_->group == 1 &&
         out_channels_ >= 2 * KernelTable::column_block && static_cast<int64_t>(taps.weights.bytes()) >= kHeavyWeights;
}

PixelList ConvOperation::list_of(Frame& frame, const MaskView& computed, const TapSet& taps) const {
  if (active_set_.copies_mask()) return frame.pixels(spec_->mask_x);  // shared by all that follow the same mask
  Pixel* const memory = frame.list_memory();
  if (taps.column_bits.empty()) return {memory, list_pixels(computed, memory)};
  return {memory, list_pixels(computed, taps.step[0], taps.phase[0], taps.column_bits.data(), memory)};
}

int64_t ConvOperation::run(Frame& frame) const {
  Arena arena = frame.shared_arena();
  MaskView active, computed;
  const bool work = active_set_.find(frame, arena, &active, &computed);
  ConvViews views{frame.tensor(spec_->x), frame.tensor(spec_->y), {}, {}, nullptr, active,
                  frame.output_mask(spec_->mask_y)};
  if (spec_->scale >= 0) views.scale = frame.tensor(spec_->scale).data;
  if (spec_->z >= 0) views.z = frame.tensor(spec_->z);
  if (spec_->activated >= 0) views.activated = frame.tensor(spec_->activated);
  clear(views.mask_y);
  if (!work) return 0;
  int64_t total = 0;
  for (const TapSet& taps : taps_) {
    const PixelList list = list_of(frame, computed, taps);
    if (list.count == 0) continue;
    total += list.count;
    const int threads = frame.pool().threads();
    if (by_columns(list.count, threads, taps)) {
      compute_by_columns(frame, views, taps, list, arena);
      continue;
    }
    frame.for_chunks(list, chunk_pixels(list.count, threads, taps), pixel_ns(taps),
                     [&](const Pixel* pixels, int count, Arena part) {
                       compute(frame.kernels(), views, taps, pixels, count, part);
                     });
  }
  return total;
}

void ConvOperation::compute(const KernelTable& kernels, const ConvViews& views, const TapSet& taps,
                            const Pixel* listed, int count, Arena arena) const {
  const ConvPixels pixels(views, taps, listed, count, arena);
  float* out = arena.take<float>(count * out_stride_);
  int inner = pixels.inner();
  // two passes over the weights of a heavy layer cost more than its pointers, save where each is used once a pixel
  if (inner < count && taps.multiply_adds > kCheapPixel && !taps.depthwise) inner = 0;
  if (views.scale) scale_rows(kernels, views.scale, pixels.corners(), inner, arena);
  if (inner > 0) accumulate(kernels, taps, pixels.corners(), taps.offsets.data(), out, inner, arena);
  if (inner < count) {
    const float** rows = arena.take<const float*>(int64_t{count - inner} * taps.count());
    pixels.point_to_taps(inner, zero_row_.data(), rows);
    accumulate(kernels, taps, rows, nullptr, out + inner * out_stride_, count - inner, arena);
  }
  finish(kernels, pixels, out, arena);
}

void ConvOperation::compute_by_columns(Frame& frame, const ConvViews& views, const TapSet& taps, const PixelList& list,
                                       Arena arena) const {
  const int count = static_cast<int>(list.count);
  const ConvPixels pixels(views, taps, list.pixels, count, arena);
  float* out = arena.take<float>(count * out_stride_);
  const float** rows = pixels.corners();
  if (views.scale) scale_rows(frame.kernels(), views.scale, rows, count, arena);
  const bool inside = pixels.inner() == count;
  if (!inside) {
    rows = arena.take<const float*>(int64_t{count} * taps.count());
    pixels.point_to_taps(0, zero_row_.data(), rows);
  }
  constexpr int width = KernelTable::column_block;
  const auto weights_size = taps.bf16 ? taps.bf16->weights_size : frame.kernels().gemm_weights_size;
  const int64_t block_weights = weights_size(taps.count(), in_channels_, width);
  frame.pool().run((out_channels_ + width - 1) / width, [&](int block, int thread) {
    const int first = block * width;
    multiply(frame.kernels(), taps,
             {rows, taps.weights.as<float>() + block * block_weights, out + first, out_stride_, count, taps.count(),
              in_channels_, std::min(width, out_channels_ - first), inside ? taps.offsets.data() : nullptr},
             frame.thread_arena(thread));
  });
  finish(frame.kernels(), pixels, out, arena);
}

void ConvOperation::finish(const KernelTable& kernels, const ConvPixels& pixels, float* out, Arena arena) const {
  compare(kernels, pixels, out);
  pixels.publish();
  if (spec_->activated >= 0) activate(kernels, pixels, arena);
}

void ConvOperation::compare(const KernelTable& kernels, const ConvPixels& pixels, float* out) const {
  EpilogueArgs epilogue{};
  epilogue.acc = out;
  epilogue.acc_stride = out_stride_;
  epilogue.y = pixels.y();
  epilogue.z = pixels.z();
  epilogue.channel_weight = spec_->channel_weight.empty() ? nullptr : spec_->channel_weight.data();
  epilogue.changed = pixels.changed();
  epilogue.activation = activation_.kernel();
  epilogue.norm = norm_;
  epilogue.threshold = spec_->threshold;
  epilogue.count = pixels.count();
  epilogue.channels = out_channels_;
  kernels.epilogue(epilogue);
}

void ConvOperation::activate(const KernelTable& kernels, const ConvPixels& pixels, Arena arena) const {
  const float** y = arena.take<const float*>(pixels.count());
  float** activated = arena.take<float*>(pixels.count());
  const int count = pixels.list_published(y, activated);
  kernels.unary({y, activated, function_.kernel(), count, out_channels_});
}

// Lets rows point to copies, times the scale, that stay in the second cache until they are multiplied.
void ConvOperation::scale_rows(const KernelTable& kernels, const float* scale, const float** rows, int count,
                               Arena& arena) const {
  const float** scales = arena.take<const float*>(count);
  float** scaled = arena.take<float*>(count);
  float* values = arena.take<float>(count * scaled_stride());
  std::fill_n(scales, count, scale);
  for (int p = 0; p < count; ++p) scaled[p] = values + p * scaled_stride();
  kernels.binary({rows, scales, scaled, BinaryKind::mul, {}, count, in_channels_});
  std::copy_n(scaled, count, rows);
}

// rows: of point_to_taps, or with offsets the corners.
void ConvOperation::accumulate(const KernelTable& kernels, const TapSet& taps, const float** rows,
                               const int64_t* offsets, float* out, int count, Arena arena) const {
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
    multiply(kernels, taps, gemm, arena);
  }
}

}  // namespace edgeskip
