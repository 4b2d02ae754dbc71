// Ops that work on masks alone.
#include <memory>

#include "../check.h"
#include "../frame.h"
#include "ops.h"

namespace edgeskip {

namespace {

// An op whose run is a function object on the frame, with scratch words of its own.
template <class Body>
class MaskOperation : public Operation {
 public:
  MaskOperation(Body body, int64_t scratch_words) : body_(std::move(body)), scratch_words_(scratch_words) {}
  ScratchNeeds scratch() const override { return {arena_bytes<uint64_t>(scratch_words_), 0}; }
  int64_t run(Frame& frame) const override {
    body_(frame, frame.shared_arena().template take<uint64_t>(scratch_words_));
    return 0;
  }

 private:
  Body body_;
  int64_t scratch_words_;
};

template <class Body>
int add(Plan& plan, const std::string& name, int64_t scratch_words, MaskUse masks, Body body) {
  const auto build = [body, scratch_words](const BuildContext&) {
    return std::make_unique<MaskOperation<Body>>(body, scratch_words);
  };
  return plan.add_operation(name, build, std::move(masks));
}

void check_masks(const Check& check, int input, int output) {
  check.mask("input", input);
  check.mask("output", output);
  check.require(input != output, "input and output are the same mask");
}

}  // namespace

int add_mask_union(Plan& plan, const std::string& name, const std::vector<int>& inputs, int output) {
  const Check check(plan, "add_mask_union", name);
  check.require(!inputs.empty(), "inputs are empty");
  check.mask("output", output);
  for (const int input : inputs) {
    check_masks(check, input, output);
    if (!plan.masks()[input].single()) check.size("an input", plan.masks()[input], plan.masks()[output]);
  }
  return add(plan, name, 0, {inputs, {output}}, [inputs, output](Frame& frame, uint64_t*) {
    const MaskView& out = frame.output_mask(output);
    clear(out);
    for (const int input : inputs) unite(frame.mask(input), out);
  });
}

int add_mask_pool(Plan& plan, const std::string& name, int input, int output, const Window& window) {
  const Check check(plan, "add_mask_pool", name);
  check_masks(check, input, output);
  check.window(window);
  const Size in = plan.masks()[input], out = plan.masks()[output];
  check.size("output", out, Check::pooled(in, window));
  return add(plan, name, pool_scratch_words(in.height, out.width, window), {{input}, {output}},
             [=](Frame& frame, uint64_t* scratch) {
               pool_mask(frame.mask(input), frame.output_mask(output), window, scratch);
             });
}

int add_mask_resize(Plan& plan, const std::string& name, int input, int output, const Ranges& rows,
                    const Ranges& columns) {
  const Check check(plan, "add_mask_resize", name);
  check_masks(check, input, output);
  const Size in = plan.masks()[input], out = plan.masks()[output];
  check.ranges("rows", rows, out.height, in.height);
  check.ranges("columns", columns, out.width, in.width);
  const Ranges column_outputs = invert_ranges(columns, in.width);
  return add(plan, name, words_of(in.width), {{input}, {output}}, [=](Frame& frame, uint64_t* scratch) {
    resize_mask(frame.mask(input), frame.output_mask(output), rows, column_outputs, scratch);
  });
}

int add_mask_reduce(Plan& plan, const std::string& name, int input, int output) {
  const Check check(plan, "add_mask_reduce", name);
  check_masks(check, input, output);
  check.size("output", plan.masks()[output], {1, 1});
  return add(plan, name, 0, {{input}, {output}}, [=](Frame& frame, uint64_t*) {
    frame.output_mask(output).bits[0] = frame.empty(input) ? 0 : 1;
  });
}

int add_mask_window(Plan& plan, const std::string& name, int input, int output, const std::vector<int>& offset,
                    const std::vector<int>& step) {
  const Check check(plan, "add_mask_window", name);
  check_masks(check, input, output);
  check.require(offset.size() == 2 && step.size() == 2, "offset and step have two values each");
  check.require(step[0] != 0 && step[1] != 0, "step must not be 0");
  return add(plan, name, 0, {{input}, {output}}, [=](Frame& frame, uint64_t*) {
    window_mask(frame.mask(input), frame.output_mask(output), offset.data(), step.data());
  });
}

int add_mask_from_tensor(Plan& plan, const std::string& name, int x, int output) {
  const Check check(plan, "add_mask_from_tensor", name);
  check.tensor("x", x);
  check.channels("x", plan.channels_of(x), 1);
  check.mask_of("output", output, x);
  return add(plan, name, 0, {}, [=](Frame& frame, uint64_t*) {
    const MaskView& out = frame.output_mask(output);
    const TensorView& in = frame.tensor(x);
    clear(out);
    for (int row = 0; row < out.height; ++row)
      for (int column = 0; column < out.width; ++column)
        if (*in.row(row, column) > 0) out.set(row, column);
  });
}

}  // namespace edgeskip
