// The norm gate (docs/contract.md, SkipGate). Pictures of few channels are decided by the gate kernel in
// parts, then the reference follows: a part's halo still needs the old one. Vectors of many channels
// without a window go pixel by pixel, where x changed.
//
// A gate may take a network's input in by itself: `offer` decides, and `run` copies what changed, so that what
// comes in is never stored as a whole, and a frame that is refused has changed nothing. Of a camera's pictures it keeps
// the bytes too (picture_reference.h), which are sifted first: most of a still picture ends there.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>

#include "../check.h"
#include "ops.h"
#include "row_ops.h"

namespace edgeskip {

namespace {

constexpr int kCountsSlack = 16;  // GateArgs::counts

// Of a gate that takes an input in: its number, and the mask that is decided before the op runs.
struct TakenIn {
  int input = -1, decided = -1;
};

class GateOperation : public Operation {
 public:
  GateOperation(const BuildContext& context, const GateSpec& spec, Norm norm, const TakenIn& taken_in)
      : spec_(spec), norm_(norm), taken_in_(taken_in), size_(context.plan.size_of(spec.y)),
        channels_(context.plan.channels_of(spec.y)) {
    if (spec.window == 1) {
      spec_.threshold = std::min(spec.threshold, spec.threshold_signed);
      spec_.threshold_signed = INFINITY;
    }
    pixelwise_ = spec.x >= 0 && spec.window == 1 && channels_ > kFewChannels;
    scratch_floats_ = context.kernels.gate_scratch(spec_.window, channels_);
    sieve_bytes_ = context.kernels.sieve_scratch(spec_.window, size_.width);
    group_words_ = words_of((size_.width + gate_group_columns - 1) / gate_group_columns);
    fours_ = context.plan.fours(spec.y) && (spec.x < 0 || context.plan.fours(spec.x));
    const int radius = spec_.window / 2;
    for (int c = 0; c < size_.width; ++c)
      counts_.push_back(static_cast<float>(std::min(c + radius, size_.width - 1) - std::max(c - radius, 0) + 1));
    counts_.resize(counts_.size() + kCountsSlack, 1.0f);
    const int parts = (size_.width + gate_part_columns - 1) / gate_part_columns;
    part_columns_ = words_of((size_.width + parts - 1) / parts) * 64;
  }

  ScratchNeeds scratch() const override {
    if (pixelwise_) {
      ScratchNeeds needs = pointer_needs(channels_, 2);
      needs.per_thread += arena_bytes<uint8_t>(row_chunk(channels_));
      return needs;
    }
    if (spec_.x >= 0) return {0, arena_bytes<float>(scratch_floats_)};
    const size_t sieved = arena_bytes<uint64_t>(int64_t{group_words_} * size_.height);
    return {sieved, arena_bytes<float>(scratch_floats_) + arena_bytes<uint8_t>(sieve_bytes_)};
  }

  int64_t run(Frame& frame) const override {
    if (spec_.x < 0) {
      take_in(frame);
      return size_.pixels();
    }
    const MaskView& mask = frame.output_mask(spec_.mask_y);
    if (pixelwise_) return run_pixels(frame, mask);
    run_windows(frame, mask);
    return size_.pixels();
  }

  bool offer(Frame& frame, const FrameInput& input) const override {
    GateArgs args = {};
    args.planes = input.planes, args.picture = &input.picture;
    PictureReference& reference = frame.picture_reference(taken_in_.input);
    SieveArgs sieve = {};
    if (!input.planes && reference.knows(input.picture)) {
      sieve = reference.sieve(input.picture,
                              {norm_, spec_.threshold, spec_.threshold_signed, spec_.window, counts_.data()});
      sieve.words = args.group_words = group_words_;
      args.groups = sieve.groups = frame.shared_arena().take<uint64_t>(int64_t{group_words_} * size_.height);
    }
    const bool finite = decide(frame, args, frame.output_mask(taken_in_.decided), sieve);
    frame.input(taken_in_.input) = finite ? input : FrameInput{};
    return finite;
  }

 private:
  static constexpr int kFewChannels = 4;  // a picture: many pixels to a vector

  double cost_ns() const { return size_.width * 0.4 * (channels_ + 1); }

  // What did not change is no further from the reference than before: only the pixels of x's mask are looked at.
  int64_t run_pixels(Frame& frame, const MaskView& mask) const {
    const PixelList list = candidates(frame, mask);
    clear(mask);
    const TensorView &x = frame.tensor(spec_.x), &y = frame.tensor(spec_.y);
    frame.for_chunks(list, row_chunk(channels_), row_cost_ns(channels_, 2),
                     [&](const Pixel* pixels, int count, Arena arena) {
                       const float** given = arena.take<const float*>(count);
                       float** kept = arena.take<float*>(count);
                       point_to_rows(x, pixels, count, given);
                       point_to_rows(y, pixels, count, kept);
                       uint8_t* opened = arena.take<uint8_t>(count);
                       frame.kernels().gate_rows({given, kept, opened, norm_, spec_.threshold, count, channels_});
                       for_each_word(mask, pixels, opened, count, set_shared);
                     });
    return list.count;
  }

  // Without a mask of x every pixel.
  PixelList candidates(Frame& frame, const MaskView& scratch) const {
    if (spec_.mask_x >= 0) return frame.pixels(spec_.mask_x);
    fill(scratch);
    return {frame.list_memory(), list_pixels(scratch, frame.list_memory())};
  }

  void run_windows(Frame& frame, const MaskView& mask) const {
    const TensorView &x = frame.tensor(spec_.x), &y = frame.tensor(spec_.y);
    GateArgs args = {};
    args.x = x.data, args.x_stride = x.stride;
    decide(frame, args, mask);
    frame.for_rows(size_.height, cost_ns(), [&](int begin, int end, Arena) {
      for (int row = begin; row < end; ++row) copy_changed(x, y, mask, row);
    });
  }

  // common: says where x comes from. sieve: says where the reference's bytes are, if they are known. Returns whether x
  // is finite.
  bool decide(Frame& frame, GateArgs common, const MaskView& mask, const SieveArgs& sieve = {}) const {
    const TensorView& y = frame.tensor(spec_.y);
    common.y = y.data, common.y_stride = y.stride, common.fours = fours_;
    common.height = size_.height, common.width = size_.width, common.channels = channels_;
    common.norm = norm_, common.window = spec_.window;
    common.threshold = spec_.threshold, common.threshold_signed = spec_.threshold_signed;
    common.counts = counts_.data(), common.mask = mask.bits, common.words = mask.words;
    std::atomic<bool> finite{true};
    frame.for_rows(size_.height, cost_ns(), [&](int begin, int end, Arena arena) {
      GateArgs args = common;
      args.first_row = begin, args.end_row = end;
      args.scratch = arena.take<float>(scratch_floats_);
      if (sieve.reference) {
        SieveArgs sieve_args = sieve;
        sieve_args.first_row = begin, sieve_args.end_row = end;
        sieve_args.scratch = arena.take<uint8_t>(sieve_bytes_);
        frame.kernels().sieve(sieve_args);
      }
      for (int column = 0; column < size_.width; column += part_columns_) {
        args.first_column = column, args.end_column = std::min(column + part_columns_, size_.width);
        if (!frame.kernels().gate(args)) finite.store(false, std::memory_order_relaxed);
      }
    });
    return finite;
  }

  void take_in(Frame& frame) const {
    FrameInput& input = frame.input(taken_in_.input);
    const MaskView& decided = frame.mask(taken_in_.decided);
    if (!input.given() || frame.empty(taken_in_.decided)) {
      frame.clear_mask(spec_.mask_y);
    } else {
      std::copy_n(decided.bits, decided.size(), frame.output_mask(spec_.mask_y).bits);
      const TensorView& y = frame.tensor(spec_.y);
      frame.for_rows(size_.height, cost_ns(), [&](int begin, int end, Arena) {
        for (int row = begin; row < end; ++row) take_row_in(frame.kernels(), input, y, decided, row);
      });
      frame.picture_reference(taken_in_.input).accept(input, decided);
    }
    input = {};
  }

  void take_row_in(const KernelTable& kernels, const FrameInput& input, const TensorView& y, const MaskView& mask,
                   int row) const {
    constexpr int bits = 64;
    float levels[3 * bits];
    float* const planes[3] = {levels, levels + bits, levels + 2 * bits};
    for (int i = 0; i < mask.words; ++i) {
      const uint64_t word = mask.row(row)[i];
      if (!word) continue;
      const int column = i * bits;
      const float* x = input.planes ? input.planes + int64_t{row} * size_.width + column : levels;
      const int64_t stride = input.planes ? size_.pixels() : bits;
      if (!input.planes)
        kernels.normalise_row(input.picture, row, column, std::min(column + bits, size_.width), planes);
      float* out = y.row(row, column);
      if (word == ~uint64_t{0})
        kernels.write_planes({x, stride, out, y.stride, fours_, bits, channels_});
      else
        for_each_bit(&word, 1, [&](int bit) {
          for (int c = 0; c < channels_; ++c) out[bit * y.stride + c] = x[c * stride + bit];
        });
    }
  }

  void copy_changed(const TensorView& x, const TensorView& y, const MaskView& mask, int row) const {
    const auto copy = [&](auto channels) {
      const int count = channels.value ? channels.value : channels_;
      for_each_bit(mask.row(row), mask.words,
                   [&](int column) { std::copy_n(x.row(row, column), count, y.row(row, column)); });
    };
    channels_ == 3 ? copy(std::integral_constant<int, 3>()) : copy(std::integral_constant<int, 0>());
  }

  GateSpec spec_;
  Norm norm_;
  TakenIn taken_in_;
  Size size_;
  int channels_, part_columns_, group_words_;
  bool pixelwise_, fours_;
  int64_t scratch_floats_, sieve_bytes_;
  std::vector<float> counts_;  // columns of the window in the picture, per column
};

}  // namespace

int add_gate(Plan& plan, const std::string& name, const GateSpec& spec) {
  const Check check(plan, "add_gate", name);
  check.tensor("y", spec.y);
  if (spec.x != -1) {
    check.tensor("x", spec.x);
    check.size("y", plan.size_of(spec.y), plan.size_of(spec.x));
    check.channels("y", plan.channels_of(spec.y), plan.channels_of(spec.x));
    check.apart("x", spec.x, spec.y);
  }
  check.mask_of("mask_y", spec.mask_y, spec.y);
  check.threshold("threshold", spec.threshold);
  check.threshold("threshold_signed", spec.threshold_signed);
  check.require(spec.window >= 1 && spec.window % 2 == 1, "window must be odd: " + std::to_string(spec.window));
  check.require(spec.window <= 255, "window must be at most 255: " + std::to_string(spec.window));
  const Norm norm = check.norm(spec.norm);
  MaskUse masks;
  if (spec.mask_x != -1) {
    check.require(spec.x != -1 && spec.window == 1, "mask_x is for a tensor x and a window of 1");
    check.mask_of("mask_x", spec.mask_x, spec.x);
    // what did not change is no further from the reference than before
    masks = {{spec.mask_x}, {spec.mask_y}};
  }
  TakenIn taken_in;
  if (spec.x == -1) {
    const Size size = plan.size_of(spec.y);
    taken_in.decided = plan.add_mask(size.height, size.width);
    taken_in.input = plan.add_input(size, plan.channels_of(spec.y));
  }
  const auto build = [=](const BuildContext& context) {
    return std::make_unique<GateOperation>(context, spec, norm, taken_in);
  };
  return plan.add_operation(name, build, std::move(masks));
}

}  // namespace edgeskip
