// The ops of a plan. Each add_* checks its arguments, appends one op and returns its index; all throw
// std::invalid_argument with the op's kind and name. Ids are those of Plan.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "../plan.h"

namespace edgeskip {

// act of the contract; see Activation in kernels.h for what alpha and beta mean.
struct ActivationSpec {
  std::string kind = "none";
  std::vector<float> alpha;
  float beta = 0;
};

int add_mask_union(Plan& plan, const std::string& name, const std::vector<int>& inputs, int output);
int add_mask_pool(Plan& plan, const std::string& name, int input, int output, const Window& window);
int add_mask_resize(Plan& plan, const std::string& name, int input, int output, const Ranges& rows,
                    const Ranges& columns);
int add_mask_reduce(Plan& plan, const std::string& name, int input, int output);
int add_mask_window(Plan& plan, const std::string& name, int input, int output, const std::vector<int>& offset,
                    const std::vector<int>& step);
int add_mask_from_tensor(Plan& plan, const std::string& name, int x, int output);

// mask_y = not(box_mean[window](norm_c(d)) <= threshold) or not(norm_c(|box_mean[window](d)|) <= threshold_signed)
// with d = x - y, means over the window clipped to the picture; y = where(mask_y, x, y).
// x is a tensor, or the network's next input (Plan::inputs), of y's size, and taken in by the gate.
// mask_x: outside it, x is what it was when the gate last ran; window 1 only.
struct GateSpec {
  int x = -1, y = -1, mask_y = -1;
  std::string norm = "l2";
  float threshold = 0, threshold_signed = 0;
  int window = 1;
  int mask_x = -1;
};
int add_gate(Plan& plan, const std::string& name, const GateSpec& spec);

// The decision of a Gumbel gate (docs/contract.md, "Learned gates"), block by block:
// gate = any of block(change + bias > 0), change = u - u_ref of one channel, or with magnitude sum_k |u_k - u_ref_k|.
// mask_u: where u changed in this frame; pending: what waits from earlier ones; moved receives their union, the
// pixels where u may differ from u_ref.
struct GateDecisionSpec {
  int u = -1, mask_u = -1, u_ref = -1, pending = -1, gate = -1, moved = -1;
  float bias = 0;
  bool magnitude = false;
  int block = 1;
};
int add_gate_decision(Plan& plan, const std::string& name, const GateDecisionSpec& spec);
// After the convolution: u_ref = where(pending, u_ref, u), at the pixels of moved.
int add_gate_reference(Plan& plan, const std::string& name, int u, int u_ref, int pending, int moved);

// SkipConv (docs/contract.md). weight: [out, in/group, kh, kw], transposed: [in, out/group, kh, kw].
struct ConvSpec {
  int x = -1, mask_x = -1, y = -1, mask_y = -1, z = -1, mask_z = -1, gate = -1, pending = -1;
  // A 1x1 tensor of x's channels: x is read times it (squeeze and excite). For 1x1 kernels without padding;
  // mask_x is the mask of the product.
  int scale = -1;
  std::vector<float> weight;
  int weight_shape[4] = {0, 0, 0, 0};
  std::vector<float> bias;            // empty: none
  std::vector<float> channel_weight;  // empty: ones
  Window window;                      // kernel is set from weight_shape
  int group = 1;
  bool transposed = false;
  ActivationSpec activation;
  // A tensor that receives function(y) where y is published, as add_unary would write it; -1: none.
  int activated = -1;
  ActivationSpec function;
  float threshold = 0;
  std::string norm = "l2";
  int block = 1;
  int known = -1;  // with a gate: the mask of pixels where y was found to have no NaN; set by add_conv
};
int add_conv(Plan& plan, const std::string& name, ConvSpec spec);

int add_pool(Plan& plan, const std::string& name, const std::string& kind, int x, int y, int mask,
             const Window& window, bool count_include_pad);
// mask_x: the changed pixels of x, the only ones that are read again; -1: all.
int add_global_pool(Plan& plan, const std::string& name, const std::string& kind, int x, int y, int mask,
                    int mask_x = -1);

// The two input rows (columns) of each output row (column), and their weights.
struct ResizeAxis {
  Ranges reads;                // [n][2]
  std::vector<float> weights;  // [n][2]
};
int add_resize(Plan& plan, const std::string& name, int x, int y, int mask, const ResizeAxis& rows,
               const ResizeAxis& columns);

int add_binary(Plan& plan, const std::string& name, const std::string& kind, int a, int b, int y, int mask,
               const ActivationSpec& activation);
int add_binary_constant(Plan& plan, const std::string& name, const std::string& kind, int a,
                        const std::vector<float>& b, bool reverse, int y, int mask, const ActivationSpec& activation);
int add_unary(Plan& plan, const std::string& name, int x, int y, int mask, const ActivationSpec& activation);

int add_softmax(Plan& plan, const std::string& name, int x, int y, int mask);  // over channels

// Element-wise ops one after the other, in one pass. Values are numbered: the operands, then the steps' results.
// An operand is of y's size, or 1x1, or of any size where rows and columns name the pixel that an output reads.
struct ChainOperand {
  int tensor = -1;
  std::vector<int32_t> rows, columns;
};
// kind "unary" (the activation of value a) or add_binary's; y is the last step.
struct ChainStep {
  std::string kind;
  int a = 0, b = 0;
  ActivationSpec activation;
};
// A norm gate on the chain's y, as add_gate with mask_x would decide it: `y` is the gate's own.
struct ChainGate {
  int y = -1, mask_y = -1;
  std::string norm = "l2";
  float threshold = 0;
};
int add_chain(Plan& plan, const std::string& name, const std::vector<ChainOperand>& operands,
              const std::vector<ChainStep>& steps, int y, int mask, const std::vector<ChainGate>& gates = {});

// indices empty: a plain copy.
int add_gather(Plan& plan, const std::string& name, int x, int y, int mask, const std::vector<int32_t>& indices);
int add_space_to_depth(Plan& plan, const std::string& name, int x, int y, int mask, int block);
int add_depth_to_space(Plan& plan, const std::string& name, int x, int y, int mask, int block, bool column_row_depth);
int add_window(Plan& plan, const std::string& name, int x, int y, int mask, const std::vector<int>& offset,
               const std::vector<int>& step, float value);

}  // namespace edgeskip
