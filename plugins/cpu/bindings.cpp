// Python module edgeskip.backends.cpu._native; its signatures are those of _native.pyi beside it.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <optional>
#include <stdexcept>

#include "engine/engine.h"
#include "engine/ops/ops.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace edgeskip {
namespace {

template <int dimensions>
using Floats = nb::ndarray<const float, nb::ndim<dimensions>, nb::c_contig, nb::device::cpu>;
template <int dimensions>
using Integers = nb::ndarray<const int32_t, nb::ndim<dimensions>, nb::c_contig, nb::device::cpu>;
using Ints = std::vector<int>;

template <class Array>
auto values(const Array& array) {
  return std::vector<std::remove_const_t<typename Array::Scalar>>(array.data(), array.data() + array.size());
}

template <class Array>
auto values(const std::optional<Array>& array) {
  using Result = decltype(values(*array));
  return array ? values(*array) : Result();
}

void require_length(const std::string& op, const char* what, const Ints& list, size_t length) {
  if (list.size() != length)
    throw std::invalid_argument(op + ": " + what + " has " + std::to_string(list.size()) + " values, expected " +
                                std::to_string(length));
}

Window make_window(const std::string& op, const Ints& kernel, const Ints& strides, const Ints& pads,
                   const Ints& dilations) {
  require_length(op, "kernel", kernel, 2);
  require_length(op, "strides", strides, 2);
  require_length(op, "pads", pads, 4);
  require_length(op, "dilations", dilations, 2);
  Window window;
  std::copy_n(kernel.begin(), 2, window.kernel);
  std::copy_n(strides.begin(), 2, window.strides);
  std::copy_n(pads.begin(), 4, window.pads);
  std::copy_n(dilations.begin(), 2, window.dilations);
  return window;
}

template <class Array>
auto pairs(const std::string& op, const char* what, const Array& array) {
  if (array.shape(1) != 2)
    throw std::invalid_argument(op + ": " + what + " has " + std::to_string(array.shape(1)) + " columns, expected 2");
  return values(array);
}

std::string title(const char* kind, const std::string& name) { return std::string(kind) + " '" + name + "'"; }

// tensor, activation, alpha, beta
using ActivatedTuple = std::tuple<int, std::string, Floats<1>, float>;

int bind_conv(Plan& plan, const std::string& name, int x, int mask_x, int y, int mask_y, const Floats<4>& weight,
              const std::optional<Floats<1>>& bias, const Ints& strides, const Ints& pads, const Ints& dilations,
              int group, bool transposed, const std::string& activation, const Floats<1>& alpha, float beta,
              float threshold, const std::string& norm, int block, int z, int mask_z,
              const std::optional<Floats<1>>& channel_weight, int gate, int pending, int scale,
              const std::optional<ActivatedTuple>& activated) {
  ConvSpec spec;
  spec.x = x, spec.mask_x = mask_x, spec.y = y, spec.mask_y = mask_y;
  spec.z = z, spec.mask_z = mask_z, spec.gate = gate, spec.pending = pending, spec.scale = scale;
  spec.weight = values(weight);
  for (int i = 0; i < 4; ++i) spec.weight_shape[i] = static_cast<int>(weight.shape(i));
  const std::string op = title("add_conv", name);
  if (bias && bias->size() == 0) throw std::invalid_argument(op + ": bias is empty");
  if (channel_weight && channel_weight->size() == 0) throw std::invalid_argument(op + ": channel_weight is empty");
  spec.bias = values(bias);
  spec.channel_weight = values(channel_weight);
  spec.window = make_window(op, {spec.weight_shape[2], spec.weight_shape[3]}, strides, pads, dilations);
  spec.group = group;
  spec.transposed = transposed;
  spec.activation = {activation, values(alpha), beta};
  if (activated) {
    const auto& [tensor, kind, parameters, offset] = *activated;
    spec.activated = tensor, spec.function = {kind, values(parameters), offset};
  }
  spec.threshold = threshold;
  spec.norm = norm;
  spec.block = block;
  return add_conv(plan, name, std::move(spec));
}

void bind_mask_ops(nb::class_<Plan>& plan) {
  plan.def("add_mask_union", &add_mask_union, "name"_a, "inputs"_a, "output"_a)
      .def(
          "add_mask_pool",
          [](Plan& self, const std::string& name, int input, int output, const Ints& kernel, const Ints& strides,
             const Ints& pads, const Ints& dilations) {
            const Window window = make_window(title("add_mask_pool", name), kernel, strides, pads, dilations);
            return add_mask_pool(self, name, input, output, window);
          },
          "name"_a, "input"_a, "output"_a, "kernel"_a, "strides"_a, "pads"_a, "dilations"_a)
      .def(
          "add_mask_resize",
          [](Plan& self, const std::string& name, int input, int output, const Integers<2>& rows,
             const Integers<2>& columns) {
            const std::string op = title("add_mask_resize", name);
            return add_mask_resize(self, name, input, output, pairs(op, "rows", rows), pairs(op, "columns", columns));
          },
          "name"_a, "input"_a, "output"_a, "rows"_a, "columns"_a)
      .def("add_mask_reduce", &add_mask_reduce, "name"_a, "input"_a, "output"_a)
      .def("add_mask_window", &add_mask_window, "name"_a, "input"_a, "output"_a, "offset"_a, "step"_a)
      .def("add_mask_from_tensor", &add_mask_from_tensor, "name"_a, "x"_a, "output"_a);
}

void bind_gated_ops(nb::class_<Plan>& plan) {
  plan.def(
          "add_gate",
          [](Plan& self, const std::string& name, int x, int y, int mask_y, const std::string& norm, float threshold,
             float threshold_signed, int window, int mask_x) {
            return add_gate(self, name, {x, y, mask_y, norm, threshold, threshold_signed, window, mask_x});
          },
          "name"_a, "x"_a, "y"_a, "mask_y"_a, "norm"_a, "threshold"_a, "threshold_signed"_a, "window"_a,
          "mask_x"_a = -1)
      .def(
          "add_gate_decision",
          [](Plan& self, const std::string& name, int u, int mask_u, int u_ref, int pending, int gate, int moved,
             float bias, bool magnitude, int block) {
            return add_gate_decision(self, name, {u, mask_u, u_ref, pending, gate, moved, bias, magnitude, block});
          },
          "name"_a, "u"_a, "mask_u"_a, "u_ref"_a, "pending"_a, "gate"_a, "moved"_a, "bias"_a, "magnitude"_a, "block"_a)
      .def("add_gate_reference", &add_gate_reference, "name"_a, "u"_a, "u_ref"_a, "pending"_a, "moved"_a)
      .def("add_conv", &bind_conv, "name"_a, "x"_a, "mask_x"_a, "y"_a, "mask_y"_a, "weight"_a, "bias"_a.none(),
           "strides"_a, "pads"_a, "dilations"_a, "group"_a, "transposed"_a, "activation"_a, "alpha"_a, "beta"_a,
           "threshold"_a, "norm"_a, "block"_a, "z"_a = -1, "mask_z"_a = -1, "channel_weight"_a = nb::none(),
           "gate"_a = -1, "pending"_a = -1, "scale"_a = -1, "activated"_a = nb::none());
}

void bind_pooling_ops(nb::class_<Plan>& plan) {
  plan.def(
          "add_pool",
          [](Plan& self, const std::string& name, const std::string& kind, int x, int y, int mask, const Ints& kernel,
             const Ints& strides, const Ints& pads, const Ints& dilations, bool count_include_pad) {
            const Window window = make_window(title("add_pool", name), kernel, strides, pads, dilations);
            return add_pool(self, name, kind, x, y, mask, window, count_include_pad);
          },
          "name"_a, "kind"_a, "x"_a, "y"_a, "mask"_a, "kernel"_a, "strides"_a, "pads"_a, "dilations"_a,
          "count_include_pad"_a)
      .def("add_global_pool", &add_global_pool, "name"_a, "kind"_a, "x"_a, "y"_a, "mask"_a, "mask_x"_a = -1)
      .def(
          "add_resize",
          [](Plan& self, const std::string& name, int x, int y, int mask, const Integers<2>& rows,
             const Floats<2>& row_weights, const Integers<2>& columns, const Floats<2>& column_weights) {
            const std::string op = title("add_resize", name);
            return add_resize(self, name, x, y, mask,
                              {pairs(op, "rows", rows), pairs(op, "row_weights", row_weights)},
                              {pairs(op, "columns", columns), pairs(op, "column_weights", column_weights)});
          },
          "name"_a, "x"_a, "y"_a, "mask"_a, "rows"_a, "row_weights"_a, "columns"_a, "column_weights"_a);
}

using Reads = std::optional<std::pair<Integers<1>, Integers<1>>>;
using StepTuple = std::tuple<std::string, int, int, std::string, Floats<1>, float>;

using GateTuple = std::tuple<int, int, std::string, float>;

int bind_chain(Plan& plan, const std::string& name, const std::vector<std::pair<int, Reads>>& operands,
               const std::vector<StepTuple>& steps, int y, int mask, const std::vector<GateTuple>& gates) {
  std::vector<ChainOperand> sources;
  for (const auto& [tensor, reads] : operands) {
    sources.push_back({tensor, {}, {}});
    if (reads) sources.back().rows = values(reads->first), sources.back().columns = values(reads->second);
  }
  std::vector<ChainStep> parts;
  for (const auto& [kind, a, b, activation, alpha, beta] : steps)
    parts.push_back({kind, a, b, {activation, values(alpha), beta}});
  std::vector<ChainGate> compared;
  for (const auto& [kept, opened, norm, threshold] : gates) compared.push_back({kept, opened, norm, threshold});
  return add_chain(plan, name, sources, parts, y, mask, compared);
}

void bind_elementwise_ops(nb::class_<Plan>& plan) {
  plan.def("add_chain", &bind_chain, "name"_a, "operands"_a, "steps"_a, "y"_a, "mask"_a,
           "gates"_a = std::vector<GateTuple>());
  plan.def(
          "add_binary",
          [](Plan& self, const std::string& name, const std::string& kind, int a, int b, int y, int mask,
             const std::string& activation, const Floats<1>& alpha, float beta) {
            return add_binary(self, name, kind, a, b, y, mask, {activation, values(alpha), beta});
          },
          "name"_a, "kind"_a, "a"_a, "b"_a, "y"_a, "mask"_a, "activation"_a, "alpha"_a, "beta"_a)
      .def(
          "add_binary_constant",
          [](Plan& self, const std::string& name, const std::string& kind, int a, const Floats<1>& b, bool reverse,
             int y, int mask, const std::string& activation, const Floats<1>& alpha, float beta) {
            return add_binary_constant(self, name, kind, a, values(b), reverse, y, mask,
                                       {activation, values(alpha), beta});
          },
          "name"_a, "kind"_a, "a"_a, "b"_a, "reverse"_a, "y"_a, "mask"_a, "activation"_a, "alpha"_a, "beta"_a)
      .def(
          "add_unary",
          [](Plan& self, const std::string& name, int x, int y, int mask, const std::string& activation,
             const Floats<1>& alpha, float beta) {
            return add_unary(self, name, x, y, mask, {activation, values(alpha), beta});
          },
          "name"_a, "x"_a, "y"_a, "mask"_a, "activation"_a, "alpha"_a, "beta"_a)
      .def("add_softmax", &add_softmax, "name"_a, "x"_a, "y"_a, "mask"_a);
}

void bind_copy_ops(nb::class_<Plan>& plan) {
  plan.def(
          "add_gather",
          [](Plan& self, const std::string& name, int x, int y, int mask, const std::optional<Integers<1>>& indices) {
            if (indices && indices->size() == 0)
              throw std::invalid_argument(title("add_gather", name) + ": indices are empty");
            return add_gather(self, name, x, y, mask, values(indices));
          },
          "name"_a, "x"_a, "y"_a, "mask"_a, "indices"_a.none())
      .def("add_space_to_depth", &add_space_to_depth, "name"_a, "x"_a, "y"_a, "mask"_a, "block"_a)
      .def("add_depth_to_space", &add_depth_to_space, "name"_a, "x"_a, "y"_a, "mask"_a, "block"_a,
           "column_row_depth"_a)
      .def("add_window", &add_window, "name"_a, "x"_a, "y"_a, "mask"_a, "offset"_a, "step"_a, "value"_a);
}

std::vector<std::string> levels() {
  std::vector<std::string> names;
  for (const Level level : {Level::avx512, Level::avx2, Level::neon, Level::scalar})
    if (const KernelTable* kernels = kernel_table(level)) names.emplace_back(kernels->name);
  return names;
}

// A new numpy array of the given shape, not initialised.
template <class Scalar>
nb::ndarray<nb::numpy, Scalar> new_array(std::initializer_list<size_t> shape) {
  size_t size = 1;
  for (const size_t extent : shape) size *= extent;
  Scalar* data = new Scalar[size];
  nb::capsule owner(data, [](void* memory) noexcept { delete[] static_cast<Scalar*>(memory); });
  return nb::ndarray<nb::numpy, Scalar>(data, shape, owner);
}

template <class Shape>
void require_shape(const char* what, const Shape& array, std::initializer_list<int> expected) {
  size_t axis = 0;
  for (const int extent : expected)
    if (static_cast<int>(array.shape(axis++)) != extent) {
      std::string text;
      for (const int value : expected) text += (text.empty() ? "" : ", ") + std::to_string(value);
      throw std::invalid_argument(std::string(what) + ": the array's shape must be [" + text + "]");
    }
}

using PictureArray = nb::ndarray<const uint8_t, nb::ndim<3>, nb::device::cpu>;
using AxisArray = std::optional<Integers<2>>;

// A stream that holds on to the arrays that it was offered, by input, until the gate has taken them in.
struct HoldingStream : Stream {
  using Stream::Stream;
  std::map<int, Floats<3>> values;
  std::map<int, PictureArray> pictures;
};

using WritableFloats = nb::ndarray<float, nb::ndim<3>, nb::c_contig, nb::device::cpu>;

// The caller's own array: without conversion, since a converted copy would be filled instead of it.
WritableFloats writable(const char* what, nb::object out, const TensorView& view) {
  WritableFloats target;
  if (!nb::try_cast(out, target, false))
    throw std::invalid_argument(std::string(what) + ": out must be a writable, contiguous float32 array with 3 axes");
  require_shape(what, target, {view.channels, view.height, view.width});
  return target;
}

nb::object read_array(const HoldingStream& stream, int tensor, nb::object out) {
  const TensorView view = stream.tensor(tensor);
  const size_t height = static_cast<size_t>(view.height), width = static_cast<size_t>(view.width);
  if (out.is_none()) out = nb::cast(new_array<float>({static_cast<size_t>(view.channels), height, width}));
  WritableFloats target = writable("read", out, view);
  stream.read(tensor, target.data());
  return out;
}

template <class Arrays>
void let_go(const Stream& stream, Arrays& held, int begin, int end) {
  for (auto entry = held.begin(); entry != held.end();) {
    const int operation = stream.input(entry->first).operation;
    entry = operation >= begin && operation < end ? held.erase(entry) : std::next(entry);
  }
}

bool write(HoldingStream& stream, int tensor, const Floats<3>& value) {
  const TensorView view = stream.tensor(tensor);
  require_shape("write", value, {view.channels, view.height, view.width});
  return stream.write(tensor, value.data());
}

bool offer(HoldingStream& stream, int input, const Floats<3>& value) {
  const InputShape& shape = stream.input(input);
  require_shape("offer", value, {shape.channels, shape.size.height, shape.size.width});
  stream.values.insert_or_assign(input, value);
  nb::gil_scoped_release others_may_run;
  return stream.offer(input, value.data());
}

void run(HoldingStream& stream, int begin, int end) {
  {
    nb::gil_scoped_release others_may_run;
    stream.run(begin, end);
  }
  let_go(stream, stream.values, begin, end);
  let_go(stream, stream.pictures, begin, end);
}

Picture picture_from(const PictureArray& pixels) {
  const auto require = [](bool condition, const char* text) {
    if (!condition) throw std::invalid_argument(std::string("write_picture: ") + text);
  };
  require(pixels.shape(2) == 3 && pixels.stride(2) == 1 && pixels.stride(1) == 3 && pixels.stride(0) >= 0,
          "the picture must be [height, width, 3] with pixels side by side");
  require(pixels.shape(0) <= kMaximumSide && pixels.shape(1) <= kMaximumSide, "the picture is too large");
  return {pixels.data(), pixels.stride(0), static_cast<int>(pixels.shape(0)), static_cast<int>(pixels.shape(1))};
}

PictureRules rules_from(const std::vector<int>& size, const AxisArray& columns, const AxisArray& rows,
                        const std::vector<int>& order, const Floats<1>& mean, const Floats<1>& scale,
                        const Floats<1>& pads) {
  const auto require = [](bool condition, const char* text) {
    if (!condition) throw std::invalid_argument(std::string("write_picture: ") + text);
  };
  require(size.size() == 2 && (order.size() == 3 || order.empty()), "size has 2 values, order 3 or none");
  require(columns.has_value() == rows.has_value(), "columns and rows come together");
  PictureRules rules;
  rules.width = size[0], rules.height = size[1];
  rules.gray = order.empty();
  if (!rules.gray) std::copy_n(order.begin(), 3, rules.order);
  if (columns) {
    require_shape("write_picture", *columns, {rules.width, 4});
    require_shape("write_picture", *rows, {rules.height, 4});
    rules.columns = columns->data(), rules.rows = rows->data();
  }
  for (const auto& [values, target] : {std::pair(&mean, rules.mean), {&scale, rules.scale}, {&pads, rules.pads}}) {
    require_shape("write_picture", *values, {rules.channels()});
    std::copy_n(values->data(), rules.channels(), target);
  }
  return rules;
}

void write_picture(HoldingStream& stream, int id, const PictureArray& pixels, const std::vector<int>& size,
                   const AxisArray& columns, const AxisArray& rows, const std::vector<int>& order,
                   const Floats<1>& mean, const Floats<1>& scale, const Floats<1>& pads) {
  const TensorView tensor = stream.tensor(id);
  const Picture picture = picture_from(pixels);
  const PictureRules rules = rules_from(size, columns, rows, order, mean, scale, pads);
  PictureReader::check(picture, rules, {tensor.height, tensor.width}, tensor.channels);
  nb::gil_scoped_release others_may_run;
  stream.write_picture(id, picture, rules);
}

void offer_picture(HoldingStream& stream, int id, const PictureArray& pixels, const std::vector<int>& size,
                   const AxisArray& columns, const AxisArray& rows, const std::vector<int>& order,
                   const Floats<1>& mean, const Floats<1>& scale, const Floats<1>& pads) {
  const InputShape& input = stream.input(id);
  const Picture picture = picture_from(pixels);
  const PictureRules rules = rules_from(size, columns, rows, order, mean, scale, pads);
  PictureReader::check(picture, rules, input.size, input.channels);
  stream.pictures.insert_or_assign(id, pixels);
  nb::gil_scoped_release others_may_run;
  stream.offer_picture(id, picture, rules);
}

// [1, channels, height, width], read-only.
nb::ndarray<nb::numpy, const float> read_copy(HoldingStream& stream, int tensor, int changed) {
  const TensorView view = stream.tensor(tensor);
  auto* const copy = new std::shared_ptr<const TensorCopy>(stream.copy(tensor, changed));
  nb::capsule owner(copy, [](void* held) noexcept { delete static_cast<std::shared_ptr<const TensorCopy>*>(held); });
  const std::initializer_list<size_t> shape = {1, static_cast<size_t>(view.channels), static_cast<size_t>(view.height),
                                               static_cast<size_t>(view.width)};
  return nb::ndarray<nb::numpy, const float>((*copy)->values.as<const float>(), shape, owner);
}

// For each (tensor, mask of it, or -1): a copy, or None where its mask is empty and it is known.
std::vector<std::optional<nb::ndarray<nb::numpy, const float>>> read_outputs(
    HoldingStream& stream, const std::vector<std::pair<int, int>>& outputs, bool known) {
  std::vector<std::optional<nb::ndarray<nb::numpy, const float>>> results;
  for (const auto& [tensor, mask] : outputs) {
    const bool by_mask = known && mask >= 0;
    if (by_mask && stream.mask_count(mask) == 0)
      results.emplace_back(std::nullopt);
    else
      results.emplace_back(read_copy(stream, tensor, by_mask ? mask : -1));
  }
  return results;
}

nb::ndarray<nb::numpy, uint8_t> read_mask(const HoldingStream& stream, int id) {
  const MaskView& mask = stream.mask(id);
  auto array = new_array<uint8_t>({static_cast<size_t>(mask.height), static_cast<size_t>(mask.width)});
  for (int y = 0; y < mask.height; ++y)
    for (int x = 0; x < mask.width; ++x) array.data()[int64_t{y} * mask.width + x] = mask.get(y, x);
  return array;
}

void write_mask(HoldingStream& stream, int id,
                const nb::ndarray<const uint8_t, nb::ndim<2>, nb::c_contig, nb::device::cpu>& value) {
  const MaskView& mask = stream.output_mask(id);
  require_shape("write_mask", value, {mask.height, mask.width});
  clear(mask);
  for (int y = 0; y < mask.height; ++y)
    for (int x = 0; x < mask.width; ++x)
      if (value.data()[int64_t{y} * mask.width + x]) mask.set(y, x);
}

nb::ndarray<nb::numpy, int64_t> integers(const std::vector<int64_t>& numbers) {
  auto array = new_array<int64_t>({numbers.size()});
  std::copy(numbers.begin(), numbers.end(), array.data());
  return array;
}

void bind_stream(nb::module_& module) {
  nb::class_<HoldingStream>(module, "Stream")
      .def_prop_ro("state_bytes", &Stream::state_bytes)
      .def("reset", &Stream::reset)
      .def("write", &write, "tensor"_a, "value"_a)
      .def("write_picture", &write_picture, "tensor"_a, "picture"_a, "size"_a, "columns"_a.none(), "rows"_a.none(),
           "order"_a, "mean"_a, "scale"_a, "pads"_a)
      .def("offer", &offer, "input"_a, "value"_a)
      .def("offer_picture", &offer_picture, "input"_a, "picture"_a, "size"_a, "columns"_a.none(), "rows"_a.none(),
           "order"_a, "mean"_a, "scale"_a, "pads"_a)
      .def("read_outputs", &read_outputs, "outputs"_a, "known"_a)
      .def("read", &read_array, "tensor"_a, "out"_a = nb::none())
      .def("read_mask", &read_mask, "mask"_a)
      .def("write_mask", &write_mask, "mask"_a, "value"_a)
      .def("mask_count", &Stream::mask_count, "mask"_a)
      .def("run", &run, "begin"_a, "end"_a)
      .def("active_pixels", [](const HoldingStream& self) { return integers(self.active_pixels()); })
      .def("op_times_ns", [](const HoldingStream& self) { return integers(self.op_times_ns()); })
      .def_rw("profile", &Stream::profile);
}

}  // namespace

NB_MODULE(_native, module) {
  module.def("levels", &levels);
  module.def("bf16_kernels", &bf16_kernels, "level"_a = "auto");
  nb::class_<Plan> plan(module, "Plan");
  plan.def(nb::init<>())
      .def("add_mask", &Plan::add_mask, "height"_a, "width"_a)
      .def("add_buffer", &Plan::add_buffer, "height"_a, "width"_a, "channels"_a)
      .def("add_tensor", &Plan::add_tensor, "buffer"_a, "channel_offset"_a, "channels"_a);
  bind_mask_ops(plan);
  bind_gated_ops(plan);
  bind_pooling_ops(plan);
  bind_elementwise_ops(plan);
  bind_copy_ops(plan);
  bind_stream(module);
  nb::class_<Engine>(module, "Engine")
      .def(
          "__init__",
          [](Engine* self, const Plan& plan, int threads, const std::string& level, int block, int panel_rows,
             const std::string& precision) {
            new (self) Engine(plan, {threads, level, block, panel_rows, precision});
          },
          "plan"_a, "threads"_a = 1, "level"_a = "auto", "block"_a = 0, "panel_rows"_a = 0, "precision"_a = "f32")
      .def_prop_ro("level", [](const Engine& self) { return std::string(self.level()); })
      .def_prop_ro("bf16_kernel", [](const Engine& self) { return std::string(self.bf16_kernel()); })
      .def_prop_ro("weight_bytes", &Engine::weight_bytes)
      .def("new_stream", [](const Engine& self) { return new HoldingStream(self); }, nb::rv_policy::take_ownership,
           nb::keep_alive<0, 1>());
}

}  // namespace edgeskip
