// Active pixels of many convolutions in one launch:
//
//   count[l] = number of output pixels of layer l with  (any of mask_x in the window | mask_z | pending_before) & ~pending_after
//
// which is A of docs/contract.md: pending_next = (pending | c) & ~A, so A is what was wanted and is no longer pending.
#pragma once

#include "base/geometry.h"
#include "edgeskip/host_api.h"

namespace edgeskip::cuda {

constexpr int kCountThreads = 256;

struct CountArgs {
  const EdgeskipCountItem* items;  // device memory
  int items_count, batch, blocks_per_item;
  int32_t* counts;  // zeroed before
};

EDGESKIP_HD bool counts_as_active(const EdgeskipCountItem& item, const Pixel& p) {
  const MaskView pending_after = {item.pending_after, item.out_height, item.out_width};
  if (item.pending_after && mask_bit(pending_after, p.picture, p.y, p.x)) return false;
  const MaskView pending_before = {item.pending_before, item.out_height, item.out_width};
  if (item.pending_before && mask_bit(pending_before, p.picture, p.y, p.x)) return true;
  const MaskView mask_z = {item.mask_z, item.z_height, item.z_width};
  if (item.mask_z && mask_bit(mask_z, p.picture, p.y, p.x)) return true;
  const Window window = {{item.kernel_height, item.kernel_width}, {item.stride_height, item.stride_width},
                         {item.pad_top, item.pad_left}, {item.dilation_height, item.dilation_width}};
  const MaskView mask_x = {item.mask_x, item.in_height, item.in_width};
  return window_holds(mask_x, window, item.in_height, item.in_width, p.picture, p.y, p.x);
}

// Blocks [l * blocks_per_item, (l + 1) * blocks_per_item) count layer l. Every warp adds once.
template <class Execution>
EDGESKIP_BODY void count_body(const Execution& e, const CountArgs& a) {
  const int layer = e.block() / a.blocks_per_item, part = e.block() % a.blocks_per_item;
  const EdgeskipCountItem item = a.items[layer];
  const int total = a.batch * item.out_height * item.out_width;
  const int step = a.blocks_per_item * kCountThreads;
  int found = 0;
  // whole warps go through the loop together
  for (int first = part * kCountThreads + e.warp() * 32; first < total; first += step) {
    const int index = first + e.lane();
    const bool active = index < total && counts_as_active(item, pixel_at(item.out_height, item.out_width, index));
    found += count_bits(e.ballot(active));
  }
  if (e.lane() == 0 && found > 0) e.add(a.counts + layer, found);
}

}  // namespace edgeskip::cuda
