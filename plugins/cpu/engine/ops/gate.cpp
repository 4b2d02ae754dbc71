// The norm gate (architecture.md section 2): box means as sums along rows, then over rows. Each sum is
// formed anew in a fixed order, so that a pixel's decision depends on its window alone.
#include <cmath>
#include <cstring>
#include <limits>

#include "../check.h"
#include "ops.h"
#include "row_norms.h"
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
    values_ = size_.width * channels_;
    zero_row_.resize(channels_);
  }

  ScratchNeeds scratch() const override {
    const int64_t line = values_ + int64_t{2} * radius_ * channels_;
    ScratchNeeds needs;
    if (spec_.window > 1)
      needs.shared = arena_bytes<float>(norm_term_ ? size_.pixels() : 0) +
                     arena_bytes<float>(signed_term_ ? size_.pixels() * channels_ : 0);
    needs.per_thread = 2 * arena_bytes<float>(line) + arena_bytes<float>(size_.width) +
                       row_norms_bytes(size_.width, channels_);
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
  int within(int position, int size) const {
    return std::min(position + radius_, size - 1) - std::max(position - radius_, 0) + 1;
  }

  double cost_ns(int passes) const { return size_.width * (3.0 + 0.3 * channels_ * passes); }

  void run_pixels(Frame& frame, const MaskView& mask) const {
    frame.for_rows(size_.height, cost_ns(2), [&](int begin, int end, Arena arena) {
      float* norms = arena.take<float>(size_.width);
      for (int row = begin; row < end; ++row) {
        input_norms(frame, row, norms, arena);
        std::memset(mask.row(row), 0, sizeof(uint64_t) * mask.words);
        mark(norms, spec_.threshold, mask.row(row));
        copy_changed(frame, mask, row);
      }
    });
  }

  void run_windows(Frame& frame, const MaskView& mask) const {
    Arena shared = frame.shared_arena();
    const int64_t height = size_.height;
    float* norm_sums = shared.take<float>(norm_term_ ? height * size_.width : 0);
    float* signed_sums = shared.take<float>(signed_term_ ? height * values_ : 0);
    frame.for_rows(size_.height, cost_ns(spec_.window), [&](int begin, int end, Arena arena) {
      for (int row = begin; row < end; ++row) {
        if (norm_term_) sum_norms(frame, row, norm_sums + int64_t{row} * size_.width, arena);
        if (signed_term_) sum_differences(frame, row, signed_sums + int64_t{row} * values_, arena);
      }
    });
    frame.for_rows(size_.height, cost_ns(spec_.window), [&](int begin, int end, Arena arena) {
      for (int row = begin; row < end; ++row) {
        std::memset(mask.row(row), 0, sizeof(uint64_t) * mask.words);
        if (norm_term_) mark_norms(norm_sums, row, mask, arena);
        if (signed_term_) mark_signed(frame, signed_sums, row, mask, arena);
        copy_changed(frame, mask, row);
      }
    });
  }

  void input_norms(Frame& frame, int row, float* norms, Arena arena) const {
    const TensorView &x = frame.tensor(spec_.x), &y = frame.tensor(spec_.y);
    row_norms(frame.kernels(), {x.row(row, 0), x.stride}, {y.row(row, 0), y.stride}, size_.width, channels_, norm_,
              norms, arena);
  }

  // sums[i] = the window's sum along a line of pixels with `channels` values each, zeros around it.
  void sum_line(const float* line, int channels, float* sums) const {
    const int values = size_.width * channels;
    std::copy_n(line, values, sums);
    for (int k = 1; k < spec_.window; ++k) {
      const float* shifted = line + k * channels;
      for (int i = 0; i < values; ++i) sums[i] += shifted[i];
    }
  }

  void sum_norms(Frame& frame, int row, float* sums, Arena arena) const {
    float* line = arena.take<float>(size_.width + int64_t{2} * radius_);
    std::fill_n(line, radius_, 0.0f);
    std::fill_n(line + radius_ + size_.width, radius_, 0.0f);
    input_norms(frame, row, line + radius_, arena);
    sum_line(line, 1, sums);
  }

  void sum_differences(Frame& frame, int row, float* sums, Arena arena) const {
    const TensorView &x = frame.tensor(spec_.x), &y = frame.tensor(spec_.y);
    const int halo = radius_ * channels_;
    float* line = arena.take<float>(values_ + 2 * int64_t{halo});
    std::fill_n(line, halo, 0.0f);
    std::fill_n(line + halo + values_, halo, 0.0f);
    float* out = line + halo;
    for (int column = 0; column < size_.width; ++column) {
      const float *a = x.row(row, column), *b = y.row(row, column);
      for (int c = 0; c < channels_; ++c) *out++ = a[c] - b[c];
    }
    sum_line(line, channels_, sums);
  }

  // The window's sum over rows; returns how many rows it has.
  int sum_rows(const float* sums, int row, int values, float* out) const {
    const int first = std::max(row - radius_, 0), last = std::min(row + radius_, size_.height - 1);
    std::copy_n(sums + int64_t{first} * values, values, out);
    for (int source = first + 1; source <= last; ++source) {
      const float* line = sums + int64_t{source} * values;
      for (int i = 0; i < values; ++i) out[i] += line[i];
    }
    return last - first + 1;
  }

  void mark_norms(const float* sums, int row, const MaskView& mask, Arena arena) const {
    float* means = arena.take<float>(size_.width);
    const float rows = static_cast<float>(sum_rows(sums, row, size_.width, means));
    for (int x = 0; x < size_.width; ++x) means[x] /= rows * column_counts_[x];
    mark(means, spec_.threshold, mask.row(row));
  }

  void mark_signed(Frame& frame, const float* sums, int row, const MaskView& mask, Arena arena) const {
    float* means = arena.take<float>(values_);
    float* norms = arena.take<float>(size_.width);
    const float rows = static_cast<float>(sum_rows(sums, row, values_, means));
    for (int x = 0; x < size_.width; ++x) {
      const float count = rows * column_counts_[x];
      for (int c = 0; c < channels_; ++c) means[int64_t{x} * channels_ + c] /= count;
    }
    row_norms(frame.kernels(), {means, channels_}, {zero_row_.data(), 0}, size_.width, channels_, norm_, norms, arena);
    mark(norms, spec_.threshold_signed, mask.row(row));
  }

  // Sets the bits where not(value <= limit), so also where the value is unknown.
  void mark(const float* values, float limit, uint64_t* row) const {
    for (int x = 0; x < size_.width; x += 64) {
      const int count = std::min(64, size_.width - x);
      uint64_t bits = 0;
      for (int i = 0; i < count; ++i) bits |= uint64_t{!(values[x + i] <= limit)} << i;
      row[x / 64] |= bits;
    }
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
  int channels_, values_;  // values of a row
  bool norm_term_, signed_term_;
  std::vector<float> column_counts_, zero_row_;
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
