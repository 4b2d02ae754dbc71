// Gumbel gates (docs/contract.md, "Learned gates"): the decision before the convolution, the reference after it.
// Where neither u nor the pending mask says otherwise u is u_ref, and the logit is the bias.
#include <algorithm>
#include <cmath>
#include <type_traits>

#include "../check.h"
#include "ops.h"
#include "row_ops.h"

namespace edgeskip {

namespace {

constexpr double kDecisionNs = 2.0;  // per pixel and channel, roughly

constexpr int kUsualChannels = 4;  // up to here the compiler knows their number

// body(std::integral_constant<int, channels>), 0 where they are more than usual.
template <int from = 1, class Body>
void with_channels(int channels, const Body& body) {
  if constexpr (from > kUsualChannels)
    body(std::integral_constant<int, 0>());
  else
    channels == from ? body(std::integral_constant<int, from>()) : with_channels<from + 1>(channels, body);
}

// u - u_ref of one channel, or the sum of |u - u_ref|
float change_of(const float* u, const float* u_ref, int channels, bool magnitude) {
  if (!magnitude) return u[0] - u_ref[0];
  float sum = 0;
  for (int c = 0; c < channels; ++c) sum += std::fabs(u[c] - u_ref[c]);
  return sum;
}

class DecisionOperation : public Operation {
 public:
  DecisionOperation(const Plan& plan, const GateDecisionSpec& spec)
      : spec_(spec), size_(plan.size_of(spec.u)), channels_(plan.channels_of(spec.u)) {}

  ScratchNeeds scratch() const override { return {}; }

  int64_t run(Frame& frame) const override {
    const MaskView &gate = frame.output_mask(spec_.gate), &moved = frame.output_mask(spec_.moved);
    clear(moved);
    unite(frame.mask(spec_.mask_u), moved);
    unite(frame.mask(spec_.pending), moved);
    spec_.bias > 0 ? fill(gate) : clear(gate);
    if (!any(moved)) return 0;
    const TensorView &u = frame.tensor(spec_.u), &u_ref = frame.tensor(spec_.u_ref);
    frame.for_rows(size_.height, size_.width * channels_ * kDecisionNs, [&](int begin, int end, Arena) {
      with_channels(channels_, [&](auto channels) {
        for (int row = begin; row < end; ++row) decide_row<channels()>(u, u_ref, moved, gate, row);
      });
    });
    if (spec_.block > 1) round_to_blocks(gate, spec_.block);
    return count(moved);
  }

 private:
  template <int usual_channels>
  void decide_row(const TensorView& u, const TensorView& u_ref, const MaskView& moved, const MaskView& gate,
                  int row) const {
    const int channels = usual_channels ? usual_channels : channels_;
    for (int i = 0; i < moved.words; ++i) {
      const uint64_t decided = moved.row(row)[i];
      if (!decided) continue;
      const float *first = u.row(row, i * 64), *first_ref = u_ref.row(row, i * 64);
      uint64_t open = 0;
      for_each_bit(&decided, 1, [&](int bit) {
        const float *value = first + bit * u.stride, *reference = first_ref + bit * u_ref.stride;
        open |= uint64_t{change_of(value, reference, channels, spec_.magnitude) + spec_.bias > 0} << bit;
      });
      uint64_t& word = gate.row(row)[i];
      word = (word & ~decided) | open;
    }
  }

  GateDecisionSpec spec_;
  Size size_;
  int channels_;
};

class ReferenceOperation : public Operation {
 public:
  ReferenceOperation(const Plan& plan, int u, int u_ref, int pending, int moved)
      : u_(u), u_ref_(u_ref), pending_(pending), moved_(moved), channels_(plan.channels_of(u)) {}

  ScratchNeeds scratch() const override { return {}; }

  int64_t run(Frame& frame) const override {
    const MaskView &pending = frame.mask(pending_), &moved = frame.mask(moved_);
    const TensorView &u = frame.tensor(u_), &u_ref = frame.tensor(u_ref_);
    with_channels(channels_, [&](auto usual) {
      const int channels = usual ? usual() : channels_;
      for (int row = 0; row < moved.height; ++row)
        for (int i = 0; i < moved.words; ++i) {
          const uint64_t settled = moved.row(row)[i] & ~pending.row(row)[i];
          const float* first = u.row(row, i * 64);
          float* reference = u_ref.row(row, i * 64);
          for_each_bit(&settled, 1, [&](int bit) {
            for (int c = 0; c < channels; ++c) reference[bit * u_ref.stride + c] = first[bit * u.stride + c];
          });
        }
    });
    return 0;
  }

 private:
  int u_, u_ref_, pending_, moved_, channels_;
};

void check_pair(const Check& check, int u, int u_ref) {
  check.tensor("u", u);
  check.tensor("u_ref", u_ref);
  check.size("u_ref", check.plan().size_of(u_ref), check.plan().size_of(u));
  check.channels("u_ref", check.plan().channels_of(u_ref), check.plan().channels_of(u));
  check.apart("u_ref", u_ref, u);
}

}  // namespace

int add_gate_decision(Plan& plan, const std::string& name, const GateDecisionSpec& spec) {
  const Check check(plan, "add_gate_decision", name);
  check_pair(check, spec.u, spec.u_ref);
  check.mask_of("mask_u", spec.mask_u, spec.u);
  check.mask_of("pending", spec.pending, spec.u);
  check.mask_of("gate", spec.gate, spec.u);
  check.mask_of("moved", spec.moved, spec.u);
  for (const int other : {spec.mask_u, spec.pending}) {
    check.require(spec.gate != other, "gate is also another mask of this op");
    check.require(spec.moved != other, "moved is also another mask of this op");
  }
  check.require(spec.gate != spec.moved, "gate and moved are the same mask");
  check.require(std::isfinite(spec.bias), "bias must be finite");
  check.require(spec.magnitude || plan.channels_of(spec.u) == 1, "without magnitude u must have 1 channel");
  check.require(spec.block == 1 || spec.block == 2 || spec.block == 4 || spec.block == 8,
                "block must be 1, 2, 4 or 8: " + std::to_string(spec.block));
  MaskUse masks{{spec.mask_u, spec.pending}, {spec.gate, spec.moved}};
  // then the gate is open wherever nothing moved
  if (spec.bias > 0) masks.reads.clear();
  const auto build = [spec](const BuildContext& context) {
    return std::make_unique<DecisionOperation>(context.plan, spec);
  };
  return plan.add_operation(name, build, std::move(masks));
}

int add_gate_reference(Plan& plan, const std::string& name, int u, int u_ref, int pending, int moved) {
  const Check check(plan, "add_gate_reference", name);
  check_pair(check, u, u_ref);
  check.mask_of("pending", pending, u);
  check.mask_of("moved", moved, u);
  check.require(pending != moved, "pending and moved are the same mask");
  const auto build = [=](const BuildContext& context) {
    return std::make_unique<ReferenceOperation>(context.plan, u, u_ref, pending, moved);
  };
  return plan.add_operation(name, build, {{moved}, {}});
}

}  // namespace edgeskip
