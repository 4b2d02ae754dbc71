#include "kernels/conv/plan.h"

#include <algorithm>
#include <cstdint>

#include "kernels/common/layout.h"
#include "kernels/common/runs.h"
#include "kernels/conv/tile.h"
#include "kernels/depthwise/body.h"

namespace edgeskip::cuda {

namespace {

constexpr size_t kAlignment = 256;
constexpr int kMostStages = 4;
constexpr int kMostDepthwiseShared = 48 * 1024;
constexpr const char* kTileNames[kTileCount] = {"128x32 64x32", "128x64 64x64", "128x128 64x128", "128x256 64x256"};

size_t padded(size_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

bool each_value(const ConvRules& rules, bool has_channel_weight) {
  // a channel of weight 0 must not be stored where nothing else changed
  return rules.threshold <= 0.0f && !has_channel_weight;
}

int columns_of_tiles(const ConvShape& shape, TileChoice tile) {
  return shape.group * ceil_divide(shape.out_channels / shape.group, tile_columns(tile));
}

Publication publication(const ConvShape& shape, const ConvRules& rules, bool has_channel_weight) {
  if (each_value(rules, has_channel_weight)) return Publication::each_value;
  if (is_depthwise(shape) || columns_of_tiles(shape, choose_tile(shape, rules)) == 1) return Publication::whole_pixel;
  return Publication::later;
}

ListArgs list_args(const ConvShape& s, const ConvRules& r, const ConvBuffers& b, char* workspace,
                   const ConvWorkspace& parts) {
  ListArgs a = {};
  a.grid = block_grid(s.batch, s.out_height, s.out_width, r.block);
  a.window = {{s.kernel[0], s.kernel[1]}, {s.strides[0], s.strides[1]}, {s.pads[0], s.pads[1]},
              {s.dilations[0], s.dilations[1]}};
  a.in_height = s.in_height, a.in_width = s.in_width, a.out_channels = s.out_channels;
  a.rounds = chunk_rounds(a.grid.positions());
  a.chunks = chunk_count(a.grid.positions(), a.rounds);
  a.mask_x = b.mask_x, a.mask_z = b.mask_z, a.gate = b.gate, a.pending = b.pending, a.y_prev = b.y_prev;
  a.mask_y = b.mask_y, a.pending_next = b.pending_next;
  a.counts = reinterpret_cast<ConvCounts*>(workspace);
  a.chunk_counts = reinterpret_cast<ChunkCount*>(workspace + parts.chunk_counts);
  a.bits = reinterpret_cast<uint32_t*>(workspace + parts.bits);
  a.entries = reinterpret_cast<int32_t*>(workspace + parts.entries);
  return a;
}

void plan_depthwise(const ConvShape& s, const ConvRules& r, const DeviceLimits& limits, ConvPlan* plan) {
  ConvArgs& a = plan->args;
  a.lanes_per_pixel = depthwise_lanes(s.out_channels);
  const int64_t weights = int64_t{s.kernel[0]} * s.kernel[1] * padded_channels(a) * element_bytes(r.type);
  a.shared_weights = weights <= kMostDepthwiseShared;
  plan->conv_threads = kDepthwiseThreads;
  plan->conv_shared = a.shared_weights ? static_cast<int>(weights) : 0;
  const int pixels_at_once = kDepthwiseThreads / a.lanes_per_pixel;
  plan->conv_blocks = static_cast<int>(
      std::min<int64_t>(ceil_divide<int64_t>(a.positions, pixels_at_once), 8 * int64_t{limits.multiprocessors}));
}

template <class Pair>
void plan_pair(const DeviceLimits& limits, ConvPlan* plan) {
  using Large = typename Pair::Large;
  using Small = typename Pair::Small;
  const int most_blocks = Large::threads > 128 ? 1 : 2;
  const auto residence = [&](int head, int stage, int epilogue) {
    return tile_residence(head, stage, epilogue, most_blocks, limits);
  };
  const Residence large = residence(Large::head_bytes, Large::stage_bytes, Large::epilogue_bytes);
  const Residence small = residence(Small::head_bytes, Small::stage_bytes, Small::epilogue_bytes);
  ConvArgs& a = plan->args;
  a.large_stages = large.stages, a.small_stages = small.stages;
  plan->conv_threads = Large::threads;
  plan->conv_shared = std::max(large.stages ? shared_bytes<Large>(large.stages) : 0,
                               small.stages ? shared_bytes<Small>(small.stages) : 0);
  const int blocks = large.stages ? std::min(large.blocks, small.blocks) : small.blocks;
  a.slots = blocks * limits.multiprocessors;
  const int64_t tiles = int64_t{ceil_divide(a.positions, Small::rows)} * a.columns_of_tiles;
  plan->conv_blocks = static_cast<int>(std::min<int64_t>(tiles, a.slots));
}

void plan_tiles(const ConvShape& s, const DeviceLimits& limits, ConvPlan* plan) {
  plan->args.columns_of_tiles = columns_of_tiles(s, plan->tile);
  switch (plan->tile) {
    case TileChoice::columns_32: return plan_pair<Tiles32>(limits, plan);
    case TileChoice::columns_64: return plan_pair<Tiles64>(limits, plan);
    case TileChoice::columns_128: return plan_pair<Tiles128>(limits, plan);
    case TileChoice::columns_256: return plan_pair<Tiles256>(limits, plan);
  }
}

}  // namespace

bool is_depthwise(const ConvShape& shape) { return shape.group > 1 && shape.group == shape.in_channels; }

TileChoice choose_tile(const ConvShape& shape, const ConvRules& rules) {
  if (rules.tile >= 0) return static_cast<TileChoice>(rules.tile);
  const int channels = shape.out_channels / shape.group;
  // in tenths, what a column costs: a narrow tile loads more per product
  constexpr int weights[] = {14, 11, 10};
  int best = 0;
  int64_t best_cost = 0;
  for (int tile = 0; tile < 3; ++tile) {
    const int columns = tile_columns(static_cast<TileChoice>(tile));
    const int64_t cost = int64_t{round_up(channels, columns)} * weights[tile];
    if (tile == 0 || cost < best_cost) best = tile, best_cost = cost;
  }
  return static_cast<TileChoice>(best);
}

Residence tile_residence(int head_bytes, int stage_bytes, int epilogue_bytes, int most_blocks,
                         const DeviceLimits& limits) {
  constexpr int reserved = 1024;  // of each block, by the driver
  for (int blocks = most_blocks; blocks >= 1; --blocks) {
    const int room =
        std::min(limits.shared_per_block, limits.shared_per_multiprocessor / blocks - reserved) - head_bytes;
    const int stages = std::min(kMostStages, room / stage_bytes);
    if (stages >= 2 && epilogue_bytes <= room) return {stages, blocks};
  }
  return {0, 0};
}

ConvWorkspace conv_workspace(const ConvShape& shape, const ConvRules& rules, bool has_channel_weight) {
  const BlockGrid grid = block_grid(shape.batch, shape.out_height, shape.out_width, rules.block);
  const size_t positions = static_cast<size_t>(grid.positions());
  const int rounds = chunk_rounds(grid.positions());
  ConvWorkspace w = {};
  w.chunk_counts = kAlignment;
  w.bits = w.chunk_counts + padded(sizeof(ChunkCount) * kMostChunks);
  w.entries = w.bits + padded(size_t{4} * chunk_count(grid.positions(), rounds) * rounds * (kListThreads / 32));
  w.norm_parts = w.entries + padded(4 * static_cast<size_t>(grid.entries()));
  w.staged = w.total = w.norm_parts;
  if (publication(shape, rules, has_channel_weight) != Publication::later) return w;
  w.staged = w.norm_parts + padded(4 * positions * norm_groups(shape.group, shape.out_channels / shape.group));
  w.total = w.staged + padded(positions * round_up(shape.out_channels, 8) * element_bytes(rules.type));
  return w;
}

size_t conv_workspace_bytes(const ConvShape& s, const ConvRules& rules, bool has_channel_weight) noexcept {
  if (s.batch < 1 || s.out_height < 1 || s.out_width < 1 || s.out_channels < 1 || s.group < 1) return 0;
  return conv_workspace(s, rules, has_channel_weight).total;
}

int conv_tile_count() noexcept { return kTileCount; }

const char* conv_tile_name(int tile) noexcept {
  return tile >= 0 && tile < kTileCount ? kTileNames[tile] : "depthwise";
}

Status plan_conv(const ConvShape& s, const ConvRules& r, const ConvBuffers& b, void* workspace, size_t workspace_bytes,
                 const DeviceLimits& limits, ConvPlan* plan) {
  const Status status = check_conv(s, r, b);
  if (status != Status::ok) return status;
  const ConvWorkspace parts = conv_workspace(s, r, b.channel_weight != nullptr);
  if (reinterpret_cast<uintptr_t>(workspace) % 16 != 0 || !workspace) return Status::bad_pointer;
  if (workspace_bytes < parts.total) return Status::small_workspace;
  char* memory = static_cast<char*>(workspace);
  *plan = {};
  ConvArgs& a = plan->args;
  a.list = list_args(s, r, b, memory, parts);
  a.x = b.x, a.z = b.z, a.y_prev = b.y_prev, a.y = b.y, a.w = b.w, a.bias = b.bias;
  a.channel_weight = b.channel_weight, a.mask_y = b.mask_y;
  a.group = s.group, a.in_per_group = s.in_channels / s.group, a.out_per_group = s.out_channels / s.group;
  a.depth = s.kernel[0] * s.kernel[1] * a.in_per_group;
  a.activation = activation_args(r.activation, r.alpha, r.beta, b.prelu_alpha);
  a.threshold = r.threshold, a.norm = r.norm, a.sum_scale = r.x_scale * r.w_scale;
  a.publication = publication(s, r, b.channel_weight != nullptr);
  a.positions = static_cast<int>(a.list.grid.positions());
  a.norm_parts = reinterpret_cast<float*>(memory + parts.norm_parts), a.staged = memory + parts.staged;
  a.staged_channels = round_up(s.out_channels, 8);
  const bool even_groups = s.group == 1 || a.out_per_group % (16 / element_bytes(r.type)) == 0;
  plan->depthwise = is_depthwise(s);
  a.vectors_x = vector_layout(b.x, r.type);
  a.vectors_y = vector_layout(b.y, r.type) && vector_layout(b.y_prev, r.type) && (even_groups || plan->depthwise);
  a.vectors_z = b.z.data && vector_layout(b.z, r.type) && (even_groups || plan->depthwise);
  plan->vectors = a.vectors_x && a.in_per_group % (16 / element_bytes(r.type)) == 0 &&
                  reinterpret_cast<uintptr_t>(b.w) % 16 == 0;
  plan->tile = choose_tile(s, r);
  if (plan->tile == TileChoice::columns_256 && !(r.type == ElementType::float16 && plan->vectors))
    return Status::bad_value;
  plan->copy_bytes = b.y.data == b.y_prev.data ? 0 : s.batch * b.y.picture_stride * element_bytes(r.type);
  if (plan->depthwise)
    plan_depthwise(s, r, limits, plan);
  else
    plan_tiles(s, limits, plan);
  if (!plan->depthwise && a.small_stages == 0) return Status::no_device;
  const int64_t warps = std::min<int64_t>(a.positions, int64_t{limits.multiprocessors} * 32);
  plan->publish_blocks = a.publication == Publication::later ? static_cast<int>(ceil_divide<int64_t>(warps, 4)) : 0;
  return Status::ok;
}

}  // namespace edgeskip::cuda
