// A_t: the pixels of a skip convolution that are computed in a frame (architecture.md section 2).
#include <algorithm>
#include <cmath>

#include "conv.h"

namespace edgeskip {

namespace {

bool unknown(const float* row, int channels) {
  int found = 0;  // not a bool, or compilers add up one by one
  for (int c = 0; c < channels; ++c) found |= row[c] != row[c];
  return found;
}

}  // namespace

std::vector<uint64_t> unreached_pixels(Size in, Size out, const Window& window) {
  std::vector<uint64_t> input(static_cast<size_t>(in.height) * words_of(in.width));
  std::vector<uint64_t> output(static_cast<size_t>(out.height) * words_of(out.width));
  std::vector<uint64_t> scratch(scatter_scratch_words(in.width, out.width, window));
  const MaskView all(input.data(), in.height, in.width);
  const MaskView reached(output.data(), out.height, out.width);
  fill(all);
  scatter_mask(all, reached, window, scratch.data());
  if (count(reached) == out.pixels()) return {};
  for (int y = 0; y < out.height; ++y) {
    for (int i = 0; i < reached.words; ++i) reached.row(y)[i] = ~reached.row(y)[i];
    clip_row(reached.row(y), out.width);
  }
  return output;
}

ActiveSet::ActiveSet(const Plan& plan, const ConvSpec& spec, int block)
    : mask_x_(spec.mask_x),
      mask_z_(spec.mask_z),
      gate_(spec.gate),
      pending_(spec.pending),
      known_(spec.known),
      y_(spec.y),
      in_(plan.masks()[spec.mask_x]),
      out_(plan.masks()[spec.mask_y]),
      window_(spec.window),
      transposed_(spec.transposed),
      // a learned gate alone decides; beside it no other pixel may be touched
      block_(spec.gate >= 0 ? 1 : block) {
  pointwise_ = in_ == out_ && window_.kernel[0] == 1 && window_.kernel[1] == 1 && window_.pads[0] == 0 &&
               window_.pads[1] == 0 && window_.strides[0] == 1 && window_.strides[1] == 1;
  copies_mask_ = pointwise_ && block_ <= 1 && gate_ < 0 && mask_z_ < 0 && mask_x_ != spec.mask_y && !transposed_;
  if (transposed_ && gate_ < 0) unreached_ = unreached_pixels(in_, out_, window_);
}

int64_t ActiveSet::geometry_words() const {
  return transposed_ ? scatter_scratch_words(in_.width, out_.width, window_)
                     : pool_scratch_words(in_.height, out_.width, window_);
}

size_t ActiveSet::scratch_bytes() const {
  const int64_t words = int64_t{out_.height} * words_of(out_.width);
  return 2 * arena_bytes<uint64_t>(words) + arena_bytes<uint64_t>(geometry_words());
}

void ActiveSet::find_candidates(Frame& frame, const MaskView& out, uint64_t* scratch) const {
  const MaskView& mask_x = frame.mask(mask_x_);
  if (pointwise_ || frame.empty(mask_x_)) {
    clear(out);
    if (pointwise_) unite(mask_x, out);
  } else if (transposed_) {
    scatter_mask(mask_x, out, window_, scratch);
  } else {
    pool_mask(mask_x, out, window_, scratch);
  }
  if (mask_z_ >= 0) unite(frame.mask(mask_z_), out);
  for (size_t i = 0; i < unreached_.size(); ++i) out.bits[i] |= unreached_[i];
}

// Where the gate is closed y is looked at once, until it is computed again: only then can it become unknown.
void ActiveSet::apply_gate(Frame& frame, const MaskView& active) const {
  const MaskView &gate = frame.mask(gate_), &pending = frame.output_mask(pending_), &known = frame.output_mask(known_);
  const TensorView& y = frame.tensor(y_);
  for (int row = 0; row < active.height; ++row)
    for (int i = 0; i < active.words; ++i) {
      const uint64_t wanted = active.row(row)[i] | pending.row(row)[i];
      uint64_t allowed = wanted & gate.row(row)[i];
      for (uint64_t rest = wanted & ~allowed & ~known.row(row)[i]; rest; rest &= rest - 1)
        if (unknown(y.row(row, i * 64 + __builtin_ctzll(rest)), y.channels)) allowed |= rest & (~rest + 1);
      active.row(row)[i] = allowed;
      known.row(row)[i] = (known.row(row)[i] | wanted) & ~allowed;
      pending.row(row)[i] = wanted & ~allowed;
    }
}

bool ActiveSet::find(Frame& frame, Arena& arena, MaskView* active, MaskView* computed) const {
  if (copies_mask_) {
    *active = *computed = frame.mask(mask_x_);
    return true;
  }
  const int64_t words = int64_t{out_.height} * words_of(out_.width);
  *active = MaskView(arena.take<uint64_t>(words), out_.height, out_.width);
  *computed = *active;
  uint64_t* rounded = arena.take<uint64_t>(words);
  find_candidates(frame, *active, arena.take<uint64_t>(geometry_words()));
  if (gate_ >= 0) apply_gate(frame, *active);
  if (!any(*active)) return false;
  if (block_ > 1) {
    *computed = MaskView(rounded, out_.height, out_.width);
    std::copy_n(active->bits, words, rounded);
    round_to_blocks(*computed, block_);
  }
  return true;
}

}  // namespace edgeskip
