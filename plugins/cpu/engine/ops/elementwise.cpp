// Binary and unary ops, and softmax, on the active pixels.
#include "../check.h"
#include "ops.h"
#include "row_ops.h"

namespace edgeskip {

namespace {

void check_operand(const Check& check, const char* what, int operand, int y) {
  const Plan& plan = check.plan();
  check.tensor(what, operand);
  if (!plan.size_of(operand).single()) check.size(what, plan.size_of(operand), plan.size_of(y));
  const int channels = plan.channels_of(operand);
  if (channels != 1) check.channels(what, channels, plan.channels_of(y));
  // an operand that is broadcast is read by many pixels: it must stay as it is while y is written
  if (plan.size_of(operand) == plan.size_of(y) && channels == plan.channels_of(y))
    check.apart_or_same(what, operand, y);
  else
    check.apart(what, operand, y);
}

// x and y of one size, y maybe in x's place.
void check_alike(const Check& check, int x, int y, int mask) {
  const Plan& plan = check.plan();
  check.tensor("x", x);
  check.tensor("y", y);
  check.size("x", plan.size_of(x), plan.size_of(y));
  check.channels("x", plan.channels_of(x), plan.channels_of(y));
  check.apart_or_same("x", x, y);
  check.mask_of("mask", mask, y);
}

// Rows of an operand, broadcast to y's pixels and channels; `values` has room for count x channels.
void operand_rows(const TensorView& operand, int channels, const Pixel* pixels, int count, const float** rows,
                  float* values) {
  const bool single = operand.height == 1 && operand.width == 1;
  for (int p = 0; p < count; ++p) rows[p] = single ? operand.data : operand.row(pixels[p]);
  if (operand.channels == channels) return;
  const int distinct = single ? 1 : count;
  for (int p = 0; p < distinct; ++p) std::fill_n(values + int64_t{p} * channels, channels, *rows[p]);
  for (int p = 0; p < count; ++p) rows[p] = values + (single ? 0 : int64_t{p} * channels);
}

}  // namespace

int add_binary(Plan& plan, const std::string& name, const std::string& kind, int a, int b, int y, int mask,
               const ActivationSpec& activation) {
  const Check check(plan, "add_binary", name);
  check.tensor("y", y);
  check_operand(check, "a", a, y);
  check_operand(check, "b", b, y);
  check.mask_of("mask", mask, y);
  const BinaryKind operation = check.binary(kind);
  const int channels = plan.channels_of(y);
  check.activation(activation.kind, activation.alpha, channels, false);
  ScratchNeeds needs = pointer_needs(channels, 3);
  needs.per_thread += 2 * arena_bytes<float>(int64_t{row_chunk(channels)} * channels);
  const OwnedActivation act(activation.kind, activation.alpha, activation.beta, channels);
  return add_row_operation(plan, name, needs, [=](Frame& frame) {
    return for_mask(frame, mask, channels, 3, [&](const Pixel* pixels, int count, Arena arena) {
      const float** first = arena.take<const float*>(count);
      const float** second = arena.take<const float*>(count);
      float** out = arena.take<float*>(count);
      operand_rows(frame.tensor(a), channels, pixels, count, first, arena.take<float>(int64_t{count} * channels));
      operand_rows(frame.tensor(b), channels, pixels, count, second, arena.take<float>(int64_t{count} * channels));
      point_to_rows(frame.tensor(y), pixels, count, out);
      frame.kernels().binary({first, second, out, operation, act.kernel(), count, channels});
    });
  });
}

int add_binary_constant(Plan& plan, const std::string& name, const std::string& kind, int a,
                        const std::vector<float>& b, bool reverse, int y, int mask, const ActivationSpec& activation) {
  const Check check(plan, "add_binary_constant", name);
  check.tensor("y", y);
  check_operand(check, "a", a, y);
  check.mask_of("mask", mask, y);
  const BinaryKind operation = check.binary(kind);
  const int channels = plan.channels_of(y);
  check.channels("b", static_cast<int>(b.size()), channels);
  check.activation(activation.kind, activation.alpha, channels, false);
  ScratchNeeds needs = pointer_needs(channels, 3);
  needs.per_thread += arena_bytes<float>(int64_t{row_chunk(channels)} * channels);
  const OwnedActivation act(activation.kind, activation.alpha, activation.beta, channels);
  return add_row_operation(plan, name, needs, [=](Frame& frame) {
    return for_mask(frame, mask, channels, 2, [&](const Pixel* pixels, int count, Arena arena) {
      const float** first = arena.take<const float*>(count);
      const float** second = arena.take<const float*>(count);
      float** out = arena.take<float*>(count);
      operand_rows(frame.tensor(a), channels, pixels, count, first, arena.take<float>(int64_t{count} * channels));
      std::fill_n(second, count, b.data());
      point_to_rows(frame.tensor(y), pixels, count, out);
      if (reverse) std::swap(first, second);
      frame.kernels().binary({first, second, out, operation, act.kernel(), count, channels});
    });
  });
}

int add_unary(Plan& plan, const std::string& name, int x, int y, int mask, const ActivationSpec& activation) {
  const Check check(plan, "add_unary", name);
  check_alike(check, x, y, mask);
  const int channels = plan.channels_of(y);
  check.activation(activation.kind, activation.alpha, channels, true);
  const OwnedActivation act(activation.kind, activation.alpha, activation.beta, channels);
  return add_row_operation(plan, name, pointer_needs(channels, 2), [=](Frame& frame) {
    return for_mask(frame, mask, channels, 4, [&](const Pixel* pixels, int count, Arena arena) {
      const float** in = arena.take<const float*>(count);
      float** out = arena.take<float*>(count);
      point_to_rows(frame.tensor(x), pixels, count, in);
      point_to_rows(frame.tensor(y), pixels, count, out);
      frame.kernels().unary({in, out, act.kernel(), count, channels});
    });
  });
}

int add_softmax(Plan& plan, const std::string& name, int x, int y, int mask) {
  check_alike(Check(plan, "add_softmax", name), x, y, mask);
  const int channels = plan.channels_of(y);
  return add_row_operation(plan, name, pointer_needs(channels, 2), [=](Frame& frame) {
    return for_mask(frame, mask, channels, 8, [&](const Pixel* pixels, int count, Arena arena) {
      const float** in = arena.take<const float*>(count);
      float** out = arena.take<float*>(count);
      point_to_rows(frame.tensor(x), pixels, count, in);
      point_to_rows(frame.tensor(y), pixels, count, out);
      frame.kernels().softmax({in, out, count, channels});
    });
  });
}

}  // namespace edgeskip
