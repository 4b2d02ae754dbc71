// A chain of element-wise ops in one pass over the active pixels: what lies between stays in the
// first-level cache and needs no buffer. Gates on its result compare it while it is still there.
#include "../check.h"
#include "ops.h"
#include "row_ops.h"

namespace edgeskip {

namespace {

constexpr int kMostValues = 64;           // operands and steps
constexpr int kFloatsBetween = 16 << 10;  // bytes of values between, four bytes each

struct Step {
  bool unary;
  BinaryKind kind;
  int a, b;
  int slot;  // of the values between; -1: y
  OwnedActivation activation;
};

struct Comparison {
  int y, mask_y;
  Norm norm;
  float threshold;
};

struct Chain {
  std::vector<ChainOperand> operands;
  std::vector<Step> steps;
  std::vector<Comparison> gates;
  int y, slots, channels;

  int part_pixels() const {
    return std::clamp(kFloatsBetween / static_cast<int>(sizeof(float)) / (channels * std::max(slots, 1)), 4, 64);
  }

  ScratchNeeds needs() const {
    const int64_t pixels = part_pixels(), values = static_cast<int64_t>(operands.size() + steps.size());
    const size_t compared = gates.empty() ? 0 : arena_bytes<float*>(pixels) + arena_bytes<uint8_t>(pixels);
    return {0, values * arena_bytes<float*>(pixels) + slots * arena_bytes<float>(pixels * channels) + compared};
  }

  void run(Frame& frame, const Pixel* pixels, int count, Arena arena) const {
    for (int p = 0; p < count; p += part_pixels())
      run_part(frame, pixels + p, std::min(part_pixels(), count - p), arena);
  }

  void run_part(Frame& frame, const Pixel* pixels, int count, Arena arena) const {
    float** values[kMostValues];
    float* between[kMostValues];
    for (int slot = 0; slot < slots; ++slot) between[slot] = arena.take<float>(int64_t{count} * channels);
    int value = 0, slot = 0;
    for (const ChainOperand& operand : operands) {
      values[value] = arena.take<float*>(count);
      point_to(frame.tensor(operand.tensor), operand, pixels, count, values[value]);
      if (frame.tensor(operand.tensor).channels != channels) spread(values[value], count, between[slot++]);
      ++value;
    }
    for (const Step& step : steps) {
      float** out = values[value++] = arena.take<float*>(count);
      if (step.slot < 0)
        point_to_rows(frame.tensor(y), pixels, count, out);
      else
        for (int p = 0; p < count; ++p) out[p] = between[step.slot] + int64_t{p} * channels;
      if (step.unary)
        frame.kernels().unary({values[step.a], out, step.activation.kernel(), count, channels});
      else
        frame.kernels().binary(
            {values[step.a], values[step.b], out, step.kind, step.activation.kernel(), count, channels});
    }
    if (!gates.empty()) compare(frame, pixels, values[value - 1], count, arena);
  }

  void compare(Frame& frame, const Pixel* pixels, float* const* rows, int count, Arena arena) const {
    float** kept = arena.take<float*>(count);
    uint8_t* opened = arena.take<uint8_t>(count);
    for (const Comparison& gate : gates) {
      point_to_rows(frame.tensor(gate.y), pixels, count, kept);
      frame.kernels().gate_rows({rows, kept, opened, gate.norm, gate.threshold, count, channels});
      for_each_word(frame.mask(gate.mask_y), pixels, opened, count, set_shared);
    }
  }

  static void point_to(const TensorView& tensor, const ChainOperand& operand, const Pixel* pixels, int count,
                       float** rows) {
    if (!operand.rows.empty())
      for (int p = 0; p < count; ++p)
        rows[p] = tensor.row(operand.rows[row_of(pixels[p])], operand.columns[column_of(pixels[p])]);
    else if (tensor.height == 1 && tensor.width == 1)
      std::fill_n(rows, count, tensor.data);
    else
      point_to_rows(tensor, pixels, count, rows);
  }

  // One channel to all.
  void spread(float** rows, int count, float* memory) const {
    for (int p = 0; p < count; ++p, memory += channels) {
      std::fill_n(memory, channels, *rows[p]);
      rows[p] = memory;
    }
  }
};

void check_operand(const Check& check, const ChainOperand& operand, int y) {
  const Plan& plan = check.plan();
  check.tensor("an operand", operand.tensor);
  check.apart("an operand", operand.tensor, y);
  const Size in = plan.size_of(operand.tensor), out = plan.size_of(y);
  const int channels = plan.channels_of(operand.tensor);
  if (channels != 1) check.channels("an operand", channels, plan.channels_of(y));
  const auto axis = [&](const char* what, const std::vector<int32_t>& reads, int outputs, int inputs) {
    check.require(static_cast<int>(reads.size()) == outputs,
                  std::string(what) + " have " + std::to_string(reads.size()) + " entries, expected " +
                      std::to_string(outputs));
    for (const int32_t index : reads)
      check.require(index >= 0 && index < inputs, std::string(what) + " read " + std::to_string(index) + " of " +
                                                      std::to_string(inputs));
  };
  if (!operand.rows.empty() || !operand.columns.empty()) {
    axis("an operand's rows", operand.rows, out.height, in.height);
    axis("an operand's columns", operand.columns, out.width, in.width);
  } else if (!in.single()) {
    check.size("an operand", in, out);
  }
}

// A slot for each value between: free again behind the last step that reads it.
void choose_slots(Chain& chain) {
  const int operands = static_cast<int>(chain.operands.size()), steps = static_cast<int>(chain.steps.size());
  std::vector<int> last(steps, -1), free;
  for (int i = 0; i < steps; ++i)
    for (const int read : {chain.steps[i].a, chain.steps[i].b})
      if (read >= operands) last[read - operands] = i;
  for (int i = 0; i < steps; ++i) {
    chain.steps[i].slot = -1;
    if (i == steps - 1) return;
    if (free.empty()) free.push_back(chain.slots++);
    chain.steps[i].slot = free.back();
    free.pop_back();
    for (int value = 0; value <= i; ++value)
      if (last[value] <= i && last[value] >= 0 && chain.steps[value].slot >= 0) {
        free.push_back(chain.steps[value].slot);
        last[value] = -1;
      }
  }
}

}  // namespace

int add_chain(Plan& plan, const std::string& name, const std::vector<ChainOperand>& operands,
              const std::vector<ChainStep>& steps, int y, int mask, const std::vector<ChainGate>& gates) {
  const Check check(plan, "add_chain", name);
  check.tensor("y", y);
  check.mask_of("mask", mask, y);
  check.require(!operands.empty() && !steps.empty(), "operands or steps are empty");
  check.require(operands.size() + steps.size() <= kMostValues, "more than 64 operands and steps");
  Chain chain{operands, {}, {}, y, 0, plan.channels_of(y)};
  for (const ChainOperand& operand : operands) {
    check_operand(check, operand, y);
    chain.slots += plan.channels_of(operand.tensor) != chain.channels;
  }
  for (const ChainStep& step : steps) {
    const int known = static_cast<int>(operands.size() + chain.steps.size());
    const bool unary = step.kind == "unary";
    for (const int read : {step.a, unary ? step.a : step.b})
      check.require(read >= 0 && read < known, "a step reads value " + std::to_string(read) + " of " +
                                                   std::to_string(known));
    check.activation(step.activation.kind, step.activation.alpha, chain.channels, unary);
    chain.steps.push_back({unary, unary ? BinaryKind::add : check.binary(step.kind), step.a, unary ? step.a : step.b,
                           -1, OwnedActivation(step.activation.kind, step.activation.alpha, step.activation.beta,
                                               chain.channels)});
  }
  choose_slots(chain);
  MaskUse masks;
  for (const ChainGate& gate : gates) {
    check.tensor("a gate's y", gate.y);
    check.size("a gate's y", plan.size_of(gate.y), plan.size_of(y));
    check.channels("a gate's y", plan.channels_of(gate.y), chain.channels);
    check.apart("a gate's y", gate.y, y);
    check.mask_of("a gate's mask", gate.mask_y, gate.y);
    check.threshold("a gate's threshold", gate.threshold);
    chain.gates.push_back({gate.y, gate.mask_y, check.norm(gate.norm), gate.threshold});
    masks.reads = {mask};
    masks.writes.push_back(gate.mask_y);
  }
  const int reads = static_cast<int>(operands.size() + steps.size() + gates.size());
  const auto run = [chain, mask, reads](Frame& frame) {
    for (const Comparison& gate : chain.gates) clear(frame.output_mask(gate.mask_y));
    return for_mask(frame, mask, chain.channels, reads, [&](const Pixel* pixels, int count, Arena arena) {
      chain.run(frame, pixels, count, arena);
    });
  };
  return add_row_operation(plan, name, chain.needs(), run, std::move(masks));
}

}  // namespace edgeskip
