// The norm gate (architecture.md section 2): box means as sums along rows, then over rows. Each sum is
// formed anew in a fixed order, so that a pixel's decision depends on its window alone. A mean is not
// divided: its sum is compared with threshold x pixels of the window.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "../check.h"
#include "gate_rows.h"
#include "ops.h"
#include "row_ops.h"

namespace edgeskip {

namespace {

class GateOperation : public Operation {
 public:
  GateOperation(const BuildContext& context, const GateSpec& spec, Norm norm)
      : spec_(spec), norm_(norm), radius_(spec.window / 2), size_(context.plan.size_of(spec.x)),
        channels_(context.plan.channels_of(spec.x)) {
    // a term whose threshold is infinite is off, save on unknown, which the other term also sees
    signed_term_ = std::isfinite(spec.threshold_signed) && spec.window > 1;
    norm_term_ = std::isfinite(spec.threshold) || !signed_term_;
    if (spec.window == 1) spec_.threshold = std::min(spec.threshold, spec.threshold_signed);
    for (int x = 0; x < size_.width; ++x) column_counts_.push_back(static_cast<float>(within(x, size_.width)));
  }

  ScratchNeeds scratch() const override {
    ScratchNeeds needs;
    if (spec_.window > 1)
      needs.shared = arena_bytes<float>(norm_term_ ? size_.pixels() : 0) +
                     arena_bytes<float>(signed_term_ ? size_.pixels() * channels_ : 0);
    const size_t planes = arena_bytes<float>(line_width() * channels_);
    const size_t lines = 3 * arena_bytes<float>(line_width()) + arena_bytes<uint8_t>(words_of(size_.width) * 64);
    const size_t lists = 2 * arena_bytes<const float*>(size_.width);
    needs.per_thread = planes + lines + lists;
    return needs;
  }

  int64_t run(Frame& frame) const override {
    const MaskView& mask = frame.output_mask(spec_.mask_y);
    if (spec_.window == 1)
      run_pixels(frame, mask);
    else
      run_windows(frame, mask);
    return size_.pixels();
  }

 private:
  static constexpr int kFewChannels = 4;  // a picture: without the kernels' lists of rows

  int within(int position, int size) const {
    return std::min(position + radius_, size - 1) - std::max(position - radius_, 0) + 1;
  }
  int64_t line_width() const { return size_.width + int64_t{2} * radius_; }
  double cost_ns() const { return size_.width * (2.0 + 0.2 * channels_ * (spec_.window + 1)); }

  void run_pixels(Frame& frame, const MaskView& mask) const {
    frame.for_rows(size_.height, cost_ns(), [&](int begin, int end, Arena arena) {
      for (int row = begin; row < end; ++row) {
        Arena rest = arena;
        float* norms = rest.take<float>(size_.width);
        pixel_norms(frame, row, norms, rest);
        std::memset(mask.row(row), 0, sizeof(uint64_t) * mask.words);
        mark(norms, spec_.threshold, 1, mask.row(row), rest);
        copy_changed(frame, mask, row);
      }
    });
  }

  void pixel_norms(Frame& frame, int row, float* norms, Arena arena) const {
    const TensorView &x = frame.tensor(spec_.x), &y = frame.tensor(spec_.y);
    if (channels_ <= kFewChannels) {
      float* planes = arena.take<float>(line_width() * channels_);
      subtract_to_planes(x.row(row, 0), x.stride, y.row(row, 0), y.stride, size_.width, channels_, planes,
                         line_width());
      return norm_of_planes(planes, line_width(), size_.width, channels_, norm_, norms);
    }
    const float** first = arena.take<const float*>(size_.width);
    const float** second = arena.take<const float*>(size_.width);
    for (int column = 0; column < size_.width; ++column) {
      first[column] = x.row(row, column);
      second[column] = y.row(row, column);
    }
    frame.kernels().difference({first, second, norms, norm_, size_.width, channels_});
  }

  void run_windows(Frame& frame, const MaskView& mask) const {
    Arena shared = frame.shared_arena();
    float* norm_sums = shared.take<float>(norm_term_ ? size_.pixels() : 0);
    float* signed_sums = shared.take<float>(signed_term_ ? size_.pixels() * channels_ : 0);
    frame.for_rows(size_.height, cost_ns(), [&](int begin, int end, Arena arena) {
      for (int row = begin; row < end; ++row) sum_along_row(frame, row, norm_sums, signed_sums, arena);
    });
    frame.for_rows(size_.height, cost_ns(), [&](int begin, int end, Arena arena) {
      for (int row = begin; row < end; ++row) {
        std::memset(mask.row(row), 0, sizeof(uint64_t) * mask.words);
        if (norm_term_) mark_norms(norm_sums, row, mask, arena);
        if (signed_term_) mark_signed(signed_sums, row, mask, arena);
        copy_changed(frame, mask, row);
      }
    });
  }

  // norm_sums [row][x] and signed_sums [row][channel][x]: sums over the window's columns, with zeros
  // for what lies outside the picture.
  void sum_along_row(Frame& frame, int row, float* norm_sums, float* signed_sums, Arena arena) const {
    const TensorView &x = frame.tensor(spec_.x), &y = frame.tensor(spec_.y);
    const int width = size_.width;
    float* planes = arena.take<float>(line_width() * channels_);
    std::fill_n(planes, line_width() * channels_, 0.0f);
    subtract_to_planes(x.row(row, 0), x.stride, y.row(row, 0), y.stride, width, channels_, planes + radius_,
                       line_width());
    for (int c = 0; signed_term_ && c < channels_; ++c)
      sum_window(planes + c * line_width(), width, spec_.window,
                 signed_sums + (int64_t{row} * channels_ + c) * width);
    if (!norm_term_) return;
    float* norms = arena.take<float>(line_width());
    std::fill_n(norms, line_width(), 0.0f);
    norm_of_planes(planes + radius_, line_width(), width, channels_, norm_, norms + radius_);
    sum_window(norms, width, spec_.window, norm_sums + int64_t{row} * width);
  }

  // out = the window's sum over rows of `values` values each; returns how many rows it has.
  int sum_rows(const float* sums, int row, int64_t values, float* out) const {
    const int first = std::max(row - radius_, 0), last = std::min(row + radius_, size_.height - 1);
    std::copy_n(sums + first * values, values, out);
    for (int source = first + 1; source <= last; ++source) {
      const float* line = sums + source * values;
      for (int64_t i = 0; i < values; ++i) out[i] += line[i];
    }
    return last - first + 1;
  }

  void mark_norms(const float* sums, int row, const MaskView& mask, Arena arena) const {
    float* totals = arena.take<float>(size_.width);
    const int rows = sum_rows(sums, row, size_.width, totals);
    mark(totals, spec_.threshold, rows, mask.row(row), arena);
  }

  void mark_signed(const float* sums, int row, const MaskView& mask, Arena arena) const {
    float* totals = arena.take<float>(line_width() * channels_);
    float* norms = arena.take<float>(size_.width);
    const int rows = sum_rows(sums, row, int64_t{size_.width} * channels_, totals);
    norm_of_planes(totals, size_.width, size_.width, channels_, norm_, norms);
    mark(norms, spec_.threshold_signed, rows, mask.row(row), arena);
  }

  void mark(const float* totals, float threshold, int rows, uint64_t* row, Arena arena) const {
    float* limits = arena.take<float>(size_.width);
    const float row_limit = threshold * static_cast<float>(rows);
    for (int x = 0; x < size_.width; ++x) limits[x] = row_limit * column_counts_[x];
    mark_above(totals, limits, size_.width, arena.take<uint8_t>(int64_t{words_of(size_.width)} * 64), row);
  }

  void copy_changed(Frame& frame, const MaskView& mask, int row) const {
    const TensorView &x = frame.tensor(spec_.x), &y = frame.tensor(spec_.y);
    for_each_bit(mask.row(row), mask.words,
                 [&](int column) { std::copy_n(x.row(row, column), channels_, y.row(row, column)); });
  }

  GateSpec spec_;
  Norm norm_;
  int radius_;
  Size size_;
  int channels_;
  bool norm_term_, signed_term_;
  std::vector<float> column_counts_;  // of the window, per column
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
