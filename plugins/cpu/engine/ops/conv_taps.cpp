#include "conv_taps.h"

#include <algorithm>

namespace edgeskip {

GroupShape group_shape(const ConvSpec& spec) {
  if (spec.transposed) return {spec.group, spec.weight_shape[0] / spec.group, spec.weight_shape[1]};
  return {spec.group, spec.weight_shape[1], spec.weight_shape[0] / spec.group};
}

namespace {

struct Tap {
  int ky, kx, row, column;
};

constexpr int kOutside = -(1 << 24);

// weights [outputs][inputs][taps] of one group, for the chosen taps.
std::vector<float> select_weights(const ConvSpec& spec, const GroupShape& shape, int group,
                                  const std::vector<Tap>& taps) {
  const int kernel_height = spec.weight_shape[2], kernel_width = spec.weight_shape[3];
  std::vector<float> weights;
  weights.reserve(static_cast<size_t>(shape.outputs) * shape.inputs * taps.size());
  for (int out = 0; out < shape.outputs; ++out)
    for (int in = 0; in < shape.inputs; ++in)
      for (const Tap& tap : taps) {
        const int64_t filter = spec.transposed
                                   ? (int64_t{group} * shape.inputs + in) * shape.outputs + out
                                   : (int64_t{group} * shape.outputs + out) * shape.inputs + in;
        const bool real = tap.ky >= 0;
        weights.push_back(real ? spec.weight[(filter * kernel_height + tap.ky) * kernel_width + tap.kx] : 0.0f);
      }
  return weights;
}

void pack_depthwise(const KernelTable& kernels, const ConvSpec& spec, const GroupShape& shape,
                    const std::vector<Tap>& taps, TapSet* set) {
  std::vector<float> weights;
  for (int group = 0; group < shape.groups; ++group) {
    const std::vector<float> part = select_weights(spec, shape, group, taps);
    weights.insert(weights.end(), part.begin(), part.end());
  }
  const int count = static_cast<int>(taps.size());
  set->weights = AlignedMemory(sizeof(float) * kernels.depthwise_weights_size(count, shape.groups));
  kernels.pack_depthwise(weights.data(), spec.bias.empty() ? nullptr : spec.bias.data(), count, shape.groups,
                         set->weights.as<float>());
}

// With fewer channels, converting rows costs more than bfloat16 saves.
bool worth_bf16(const GroupShape& shape) { return shape.inputs >= 16 && shape.outputs > 16; }

void pack_groups(const BuildContext& context, const ConvSpec& spec, const GroupShape& shape,
                 const std::vector<Tap>& taps, TapSet* set) {
  const KernelTable& kernels = context.kernels;
  const int count = static_cast<int>(taps.size());
  if (context.bf16 && worth_bf16(shape)) {
    set->bf16 = context.bf16;
    set->scratch_bytes = set->bf16->scratch_bytes(count, shape.inputs);
  }
  set->dot = !set->bf16 && kernels.prefers_dot(count, shape.inputs, shape.outputs);
  const auto weights_size = set->bf16  ? set->bf16->weights_size
                            : set->dot ? kernels.dot_weights_size
                                       : kernels.gemm_weights_size;
  const auto pack_weights = set->bf16 ? set->bf16->pack : set->dot ? kernels.pack_dot : kernels.pack_gemm;
  const int64_t needed = weights_size(count, shape.inputs, shape.outputs);
  set->group_weights = (needed + 15) / 16 * 16;
  set->weights = AlignedMemory(sizeof(float) * set->group_weights * shape.groups);
  for (int group = 0; group < shape.groups; ++group) {
    const std::vector<float> weights = select_weights(spec, shape, group, taps);
    const float* bias = spec.bias.empty() ? nullptr : spec.bias.data() + int64_t{group} * shape.outputs;
    pack_weights(weights.data(), bias, count, shape.inputs, shape.outputs,
                 set->weights.as<float>() + set->group_weights * group);
  }
}

// Origins grow with the position, so the inner positions of an axis are a range.
void find_inner(const Size& in, const Size& out, TapSet* set) {
  for (int axis = 0; axis < 2; ++axis) {
    const std::vector<int>& offsets = axis ? set->column : set->row;
    const auto [least, most] = std::minmax_element(offsets.begin(), offsets.end());
    const int last_input = (axis ? in.width : in.height) - 1;
    const int positions = axis ? out.width : out.height;
    // a pixel's own corner lies inside as well: pointers stay within the tensor
    const auto inside = [&](int position) {
      const int origin = set->origin(position, axis);
      return origin + std::min(*least, 0) >= 0 && origin + std::max(*most, 0) <= last_input;
    };
    int first = 0, last = positions - 1;
    while (first < positions && !inside(first)) ++first;
    while (last > first && !inside(last)) --last;
    set->inner[axis][0] = first;
    set->inner[axis][1] = first < positions ? last : -1;
  }
}

void pack(const BuildContext& context, const ConvSpec& spec, const std::vector<Tap>& taps, TapSet* set) {
  const KernelTable& kernels = context.kernels;
  const BufferShape& input = context.plan.buffers()[context.plan.tensors()[spec.x].buffer];
  const GroupShape shape = group_shape(spec);
  for (const Tap& tap : taps) {
    set->row.push_back(tap.row);
    set->column.push_back(tap.column);
    set->offsets.push_back((int64_t{tap.row} * input.size.width + tap.column) * input.stride);
  }
  find_inner(input.size, context.plan.size_of(spec.y), set);
  set->depthwise = shape.depthwise();
  set->multiply_adds = static_cast<int64_t>(taps.size()) * shape.inputs * shape.outputs * shape.groups;
  if (set->depthwise)
    pack_depthwise(kernels, spec, shape, taps, set);
  else
    pack_groups(context, spec, shape, taps, set);
}

TapSet ordinary_set(const BuildContext& context, const ConvSpec& spec) {
  const Window& window = spec.window;
  std::vector<Tap> taps;
  for (int ky = 0; ky < window.kernel[0]; ++ky)
    for (int kx = 0; kx < window.kernel[1]; ++kx)
      taps.push_back({ky, kx, ky * window.dilations[0] - window.pads[0], kx * window.dilations[1] - window.pads[1]});
  TapSet set;
  std::copy_n(window.strides, 2, set.multiply);
  pack(context, spec, taps, &set);
  return set;
}

// out = in * stride + k * dilation - pad: the taps with a whole `in` at this phase, and where it lies.
struct PhaseTap {
  int k, offset;
};
std::vector<PhaseTap> phase_taps(const Window& window, int axis, int phase) {
  std::vector<PhaseTap> taps;
  for (int k = 0; k < window.kernel[axis]; ++k) {
    const int distance = phase + window.pads[axis] - k * window.dilations[axis];
    const int64_t offset = floor_div(distance, window.strides[axis]);
    if (offset * window.strides[axis] == distance) taps.push_back({k, static_cast<int>(offset)});
  }
  return taps;
}

TapSet phase_set(const BuildContext& context, const ConvSpec& spec, int phase_y, int phase_x) {
  const Window& window = spec.window;
  std::vector<Tap> taps;
  for (const PhaseTap& vertical : phase_taps(window, 0, phase_y))
    for (const PhaseTap& horizontal : phase_taps(window, 1, phase_x))
      taps.push_back({vertical.k, horizontal.k, vertical.offset, horizontal.offset});
  // a phase that no tap reaches holds the bias alone: one tap of zeros, outside the picture
  if (taps.empty()) taps.push_back({-1, -1, kOutside, kOutside});
  TapSet set;
  std::copy_n(window.strides, 2, set.step);
  std::copy_n(window.strides, 2, set.divide);
  set.phase[0] = phase_y;
  set.phase[1] = phase_x;
  const int width = context.plan.size_of(spec.y).width;
  set.column_bits.resize(words_of(width));
  for (int x = phase_x; x < width; x += set.step[1]) set.column_bits[x / 64] |= uint64_t{1} << (x % 64);
  pack(context, spec, taps, &set);
  return set;
}

}  // namespace

std::vector<TapSet> make_tap_sets(const BuildContext& context, const ConvSpec& spec) {
  std::vector<TapSet> sets;
  if (!spec.transposed) {
    sets.push_back(ordinary_set(context, spec));
    return sets;
  }
  const Size size = context.plan.size_of(spec.y);
  for (int y = 0; y < std::min(spec.window.strides[0], size.height); ++y)
    for (int x = 0; x < std::min(spec.window.strides[1], size.width); ++x)
      sets.push_back(phase_set(context, spec, y, x));
  return sets;
}

}  // namespace edgeskip
