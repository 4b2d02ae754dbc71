// The norm gate (docs/contract.md, SkipGate). Pictures of few channels are decided by the gate kernel in
// parts, then the reference follows: a part's halo still needs the old one. Vectors of many channels
// without a window go through the kernel for differences.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "../check.h"
#include "ops.h"
#include "row_ops.h"

namespace edgeskip {

namespace {

constexpr int kCountsSlack = 16;  // GateArgs::counts

class GateOperation : public Operation {
 public:
  GateOperation(const BuildContext& context, const GateSpec& spec, Norm norm)
      : spec_(spec), norm_(norm), size_(context.plan.size_of(spec.x)), channels_(context.plan.channels_of(spec.x)) {
    if (spec.window == 1) {
      spec_.threshold = std::min(spec.threshold, spec.threshold_signed);
      spec_.threshold_signed = INFINITY;
    }
    pixelwise_ = spec.window == 1 && channels_ > kFewChannels;
    scratch_floats_ = context.kernels.gate_scratch(spec_.window, channels_);
    fours_ = context.plan.fours(spec.x) && context.plan.fours(spec.y);
    const int radius = spec_.window / 2;
    for (int c = 0; c < size_.width; ++c)
      counts_.push_back(static_cast<float>(std::min(c + radius, size_.width - 1) - std::max(c - radius, 0) + 1));
    counts_.resize(counts_.size() + kCountsSlack, 1.0f);
    const int parts = (size_.width + gate_part_columns - 1) / gate_part_columns;
    part_columns_ = words_of((size_.width + parts - 1) / parts) * 64;
  }

  ScratchNeeds scratch() const override {
    const size_t lists = arena_bytes<float>(size_.width) + 2 * arena_bytes<const float*>(size_.width);
    return {0, pixelwise_ ? lists : arena_bytes<float>(scratch_floats_)};
  }

  int64_t run(Frame& frame) const override {
    const MaskView& mask = frame.output_mask(spec_.mask_y);
    if (pixelwise_)
      run_pixels(frame, mask);
    else
      run_windows(frame, mask);
    return size_.pixels();
  }

 private:
  static constexpr int kFewChannels = 4;  // a picture: many pixels to a vector

  double cost_ns() const { return size_.width * (pixelwise_ ? 5.0 + 0.2 * channels_ : 0.4 * (channels_ + 1)); }

  void run_pixels(Frame& frame, const MaskView& mask) const {
    const TensorView &x = frame.tensor(spec_.x), &y = frame.tensor(spec_.y);
    frame.for_rows(size_.height, cost_ns(), [&](int begin, int end, Arena arena) {
      float* norms = arena.take<float>(size_.width);
      const float** first = arena.take<const float*>(size_.width);
      const float** second = arena.take<const float*>(size_.width);
      for (int row = begin; row < end; ++row) {
        for (int column = 0; column < size_.width; ++column) {
          first[column] = x.row(row, column);
          second[column] = y.row(row, column);
        }
        frame.kernels().difference({first, second, norms, norm_, size_.width, channels_});
        std::memset(mask.row(row), 0, sizeof(uint64_t) * mask.words);
        for (int column = 0; column < size_.width; ++column)
          if (!(norms[column] <= spec_.threshold)) mask.set(row, column);
        copy_changed(x, y, mask, row);
      }
    });
  }

  void run_windows(Frame& frame, const MaskView& mask) const {
    const TensorView &x = frame.tensor(spec_.x), &y = frame.tensor(spec_.y);
    const KernelTable& kernels = frame.kernels();
    frame.for_rows(size_.height, cost_ns(), [&](int begin, int end, Arena arena) {
      GateArgs args = {};
      args.x = x.data, args.x_stride = x.stride, args.y = y.data, args.y_stride = y.stride, args.fours = fours_;
      args.height = size_.height, args.width = size_.width, args.channels = channels_;
      args.norm = norm_, args.window = spec_.window;
      args.threshold = spec_.threshold, args.threshold_signed = spec_.threshold_signed;
      args.counts = counts_.data(), args.mask = mask.bits, args.words = mask.words;
      args.first_row = begin, args.end_row = end;
      args.scratch = arena.take<float>(scratch_floats_);
      for (int column = 0; column < size_.width; column += part_columns_) {
        args.first_column = column, args.end_column = std::min(column + part_columns_, size_.width);
        kernels.gate(args);
      }
    });
    frame.for_rows(size_.height, cost_ns(), [&](int begin, int end, Arena) {
      for (int row = begin; row < end; ++row) copy_changed(x, y, mask, row);
    });
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
  Size size_;
  int channels_, part_columns_;
  bool pixelwise_, fours_;
  int64_t scratch_floats_;
  std::vector<float> counts_;  // columns of the window in the picture, per column
};

}  // namespace

int add_gate(Plan& plan, const std::string& name, const GateSpec& spec) {
  const Check check(plan, "add_gate", name);
  check.tensor("x", spec.x);
  check.tensor("y", spec.y);
  check.size("y", plan.size_of(spec.y), plan.size_of(spec.x));
  check.channels("y", plan.channels_of(spec.y), plan.channels_of(spec.x));
  check.apart("x", spec.x, spec.y);
  check.mask_of("mask_y", spec.mask_y, spec.y);
  check.threshold("threshold", spec.threshold);
  check.threshold("threshold_signed", spec.threshold_signed);
  check.require(spec.window >= 1 && spec.window % 2 == 1, "window must be odd: " + std::to_string(spec.window));
  check.require(spec.window <= 255, "window must be at most 255: " + std::to_string(spec.window));
  const Norm norm = check.norm(spec.norm);
  return plan.add_operation(
      name, [spec, norm](const BuildContext& context) { return std::make_unique<GateOperation>(context, spec, norm); });
}

}  // namespace edgeskip
