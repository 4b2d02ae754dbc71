#include "build_checks.h"

namespace host {

using nvinfer1::DataType;
using nvinfer1::TensorFormat;
using Ints = std::vector<int32_t>;
using Floats = std::vector<float>;

nvinfer1::PluginTensorDesc tensor(Sizes const& sizes, DataType type, TensorFormat format) {
  nvinfer1::PluginTensorDesc result{};
  result.dims.nbDims = static_cast<int32_t>(sizes.size());
  for (size_t axis = 0; axis < sizes.size(); ++axis) result.dims.d[axis] = static_cast<int32_t>(sizes[axis]);
  result.type = type;
  result.format = format;
  result.scale = 1.0f;
  return result;
}

Fields small_conv(Fields more) {
  Fields fields = {{"kernel_shape", Ints{3, 3}}, {"pads", Ints{1, 1, 1, 1}}, {"threshold", Floats{0.5f}}};
  fields.insert(fields.end(), more.begin(), more.end());
  return fields;
}

void check_refusals(Library& library, Report& report) {
  struct Refusal {
    char const* plugin;
    Fields fields;
    char const* words;
  };
  std::vector<Refusal> const refusals = {
      {"EdgeskipConv", {{"threshold", Floats{0}}}, "EdgeskipConv: field kernel_shape is missing"},
      {"EdgeskipConv", {{"kernel_shape", Ints{3}}, {"threshold", Floats{0}}}, "field kernel_shape is [3]: 2 values"},
      {"EdgeskipConv", small_conv({{"threshold", Floats{1}}}), "field threshold is given twice"},
      {"EdgeskipConv", small_conv({{"strides", Ints{1, 0}}}), "field strides is [1, 0]: each value must be 1 or more"},
      {"EdgeskipConv", small_conv({{"stride", Ints{1, 1}}}), "there is no field stride; the fields are kernel_shape"},
      {"EdgeskipConv", small_conv({{"activation", "gelu"}}),
       "field activation is 'gelu': it must be one of none, relu"},
      {"EdgeskipConv", small_conv({{"activation", "clip"}}), "field alpha is []: activation clip takes one value"},
      {"EdgeskipConv", small_conv({{"block", Ints{3}}}), "field block is [3]: it must be 1, 2, 4 or 8"},
      {"EdgeskipConv", small_conv({{"has_gate", Ints{1}}}), "gate and pending come together"},
      {"EdgeskipConv", small_conv({{"has_residual_mask", Ints{1}}}), "a residual mask needs a residual"},
      {"EdgeskipConv", small_conv({{"x_scale", Floats{1}}}), "reserved for INT8"},
      {"EdgeskipConv", small_conv({{"norm", Ints{2}}}), "the type of field norm"},
      {"EdgeskipConv",
       {{"kernel_shape", Ints{3, 3}}, {"threshold", Floats{-1}}},
       "field threshold is [-1]: a threshold is 0 or more"},
      {"EdgeskipGate",
       {{"threshold", Floats{1}}, {"window", Ints{4}}},
       "field window is [4]: it must be an odd number"},
      {"EdgeskipMask", {{"kind", "shear"}}, "field kind is 'shear': it must be one of union, pool"},
      {"EdgeskipMask", {{"kind", "resize"}}, "field sizes is []: kind resize takes height and width"},
  };
  for (auto const& refusal : refusals) {
    report.check(library.create(refusal.plugin, refusal.fields) == nullptr, std::string("refused: ") + refusal.words);
    report.says(library.take_error(), refusal.words, refusal.plugin);
  }
}

void check_shapes(Library& library, Report& report) {
  auto const conv = library.create("EdgeskipConv", small_conv({{"channels_last", Ints{1}}, {"strides", Ints{2, 2}}}));
  std::vector<Sizes> const inputs = {{-1, 9, 8, 16}, {-1, 1, 9, 8}, {32, 3, 3, 16}, {-1, 5, 4, 32}};
  report.check(conv->output_shapes(inputs) == std::vector<Sizes>{{-1, 5, 4, 32}, {-1, 1, 5, 4}},
               "shapes of EdgeskipConv");
  report.check(conv->output_shapes({inputs[0]}).empty(), "a missing input is refused");
  report.says(library.take_error(), "the number of inputs is 1: the attributes ask for 4", "EdgeskipConv");

  auto const gate = library.create("EdgeskipGate", {{"threshold", Floats{1}}});
  report.check(gate->output_shapes({{-1, 3, 8, 8}, {-1, 3, 8, 8}}) == std::vector<Sizes>{{-1, 3, 8, 8}, {-1, 1, 8, 8}},
               "shapes of EdgeskipGate");

  auto const pool =
      library.create("EdgeskipMask", {{"kind", "pool"}, {"kernel_shape", Ints{3, 3}}, {"strides", Ints{2, 2}}});
  report.check(pool->output_shapes({{-1, 1, 9, 9}}) == std::vector<Sizes>{{-1, 1, 4, 4}},
               "shapes of EdgeskipMask, pool");
  auto const unite = library.create("EdgeskipMask", {{"kind", "union"}});
  report.check(unite->output_shapes({{-1, 1, 1, 1}, {-1, 1, 6, 5}}) == std::vector<Sizes>{{-1, 1, 6, 5}},
               "a union broadcasts");
  report.check(unite->output_shapes({{-1, 1, -1, 5}}).empty(), "a mask of unknown height is refused");
  report.says(library.take_error(), "height and width of a mask must be fixed", "EdgeskipMask");
}

void check_formats(Library& library, Report& report) {
  DataType const half = DataType::kHALF, single = DataType::kFLOAT, bits = DataType::kINT32;
  auto const conv = library.create("EdgeskipConv", small_conv({{"has_bias", Ints{1}}, {"channels_last", Ints{1}}}));
  Tensors const all = {tensor({1, 8, 8, 16}, half), tensor({1, 1, 8, 8}, bits),  tensor({32, 3, 3, 16}, half),
                       tensor({32}, single),        tensor({1, 8, 8, 32}, half), tensor({1, 8, 8, 32}, half),
                       tensor({1, 1, 8, 8}, bits)};
  auto const with = [&](size_t position, DataType type, TensorFormat format) {
    Tensors changed = all;
    changed[position].type = type, changed[position].format = format;
    return conv->supports(static_cast<int>(position), changed, 5);
  };
  for (size_t position = 0; position < all.size(); ++position) {
    report.check(with(position, all[position].type, TensorFormat::kLINEAR),
                 "linear tensor " + std::to_string(position));
    report.check(!with(position, DataType::kINT8, TensorFormat::kLINEAR), "no int8 at " + std::to_string(position));
    report.check(!with(position, all[position].type, TensorFormat::kCHW32), "no kCHW32 at " + std::to_string(position));
  }
  report.check(!with(0, half, TensorFormat::kHWC8), "channels-last pictures are LINEAR");
  report.check(!with(2, single, TensorFormat::kLINEAR), "w has the type of x");
  report.check(!with(4, single, TensorFormat::kLINEAR), "the state has the type of x");
  report.check(conv->output_types({half, bits, half, single, half}) == std::vector<DataType>{half, bits},
               "types of the outputs");

  auto const planes = library.create("EdgeskipConv", small_conv());
  Tensors inside = {tensor({1, 16, 8, 8}, half, TensorFormat::kHWC8), tensor({1, 1, 8, 8}, bits),
                    tensor({32, 3, 3, 16}, half), tensor({1, 32, 8, 8}, half, TensorFormat::kHWC16),
                    tensor({1, 32, 8, 8}, half, TensorFormat::kHWC16)};
  for (int position : {0, 3, 4})
    report.check(planes->supports(position, inside, 4), "channels inside at " + std::to_string(position));
  inside[4].format = TensorFormat::kLINEAR;
  report.check(!planes->supports(4, inside, 4), "y lies as y_prev");
  inside[0].dims.d[1] = 12;
  report.check(!planes->supports(0, inside, 4), "no padded channels");
  auto const bound = library.create("EdgeskipConv", small_conv({{"in_place", Ints{1}}}));
  report.check(!bound->supports(3, inside, 4), "state in place is LINEAR");
}

void check_copies(Library& library, Report& report) {
  DataType const half = DataType::kHALF, bits = DataType::kINT32;
  Tensors inputs = {tensor({2, 8, 8, 16}, half), tensor({2, 1, 8, 8}, bits), tensor({32, 3, 3, 16}, half),
                    tensor({2, 8, 8, 32}, half)};
  Tensors const outputs = {tensor({2, 8, 8, 32}, half), tensor({2, 1, 8, 8}, bits)};
  bool const aliased = library.information().find("\"aliased_io\": true") != std::string::npos;
  auto const original =
      library.create("EdgeskipConv", small_conv({{"channels_last", Ints{1}}, {"activation", "relu"}}));
  std::unique_ptr<Hosted> const copies[] = {original->clone(), original->restored(false), original->attached()};
  for (auto const& copy : copies) {
    report.check(copy != nullptr && copy->configure(inputs, outputs), "a copy is prepared: " + library.take_error());
    report.check(copy->workspace_bytes(inputs, outputs) == original->workspace_bytes(inputs, outputs),
                 "workspace of a copy");
    report.check(copy->workspace_bytes(inputs, outputs) > 0, "workspace");
    report.check(copy->aliased_input(0) == (aliased ? 3 : -1) && copy->aliased_input(1) == -1, "alias of y");
  }
  if (Library::bytes_are_checked()) {
    report.check(original->restored(true) == nullptr, "damaged bytes are refused");
    report.says(library.take_error(), "wrong check sum", "EdgeskipConv");
  }
  inputs[3] = tensor({2, 8, 7, 32}, half);
  bool const prepared = original->configure(inputs, outputs);
  report.says(library.take_error(), "the shape of y_prev is [2, 8, 7, 32]: it must be [2, 8, 8, 32]", "EdgeskipConv");
  report.check(Library::bytes_are_checked() || !prepared, "a wrong state is refused");
}

}  // namespace host
