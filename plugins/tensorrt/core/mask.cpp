#include "core/mask.h"

#include "core/choices.h"
#include "core/tensors.h"
#include "edgeskip/mask.h"

namespace edgeskip::tensorrt {
namespace {

using nvinfer1::DataType;

cuda::MaskRules rules_of(Attributes const& a) {
  cuda::MaskRules rules;
  cuda::mask_kind_from_name(a.text("kind").c_str(), &rules.kind);
  cuda::resize_mode_from_name(a.text("mode").c_str(), &rules.mode);
  cuda::coordinates_from_name(a.text("coordinate_transformation_mode").c_str(), &rules.coordinates);
  cuda::rounding_from_name(a.text("nearest_mode").c_str(), &rules.rounding);
  auto const pair = [&](char const* name, int* target) {
    Ints const& values = a.ints(name);
    for (size_t axis = 0; axis < 2 && axis < values.size(); ++axis) target[axis] = values[axis];
  };
  pair("kernel_shape", rules.kernel);
  pair("strides", rules.strides);
  pair("dilations", rules.dilations);
  pair("sizes", rules.sizes);
  pair("starts", rules.starts);
  pair("ends", rules.ends);
  pair("steps", rules.steps);
  for (int side = 0; side < 4; ++side) rules.pads[side] = a.ints("pads")[side];
  for (size_t axis = 0; axis < 2 && axis < a.floats("scales").size(); ++axis)
    rules.scales[axis] = a.floats("scales")[axis];
  rules.ceil_mode = a.integer("ceil_mode");
  rules.factor = a.integer("factor");
  return rules;
}

void check_attributes(Attributes const& a) {
  std::string const& kind = a.text("kind");
  require_flag(a, "ceil_mode");
  for (char const* name : {"kernel_shape", "strides", "dilations", "steps", "factor"}) {
    for (int value : a.ints(name)) a.require(value >= 1, name, "each value must be 1 or more");
  }
  a.require(kind != "resize" || a.ints("sizes").size() == 2, "sizes",
            "kind resize takes height and width of the output");
  a.require(a.floats("scales").empty() || a.floats("scales").size() == 2, "scales",
            "it must be empty or of two values");
  a.require(kind != "slice" || a.ints("ends").size() == 2, "ends", "kind slice takes height and width");
}

class MaskOperation final : public Operation {
 public:
  explicit MaskOperation(Attributes given) : Operation(std::move(given)), rules_(rules_of(attributes())) {}

  int output_count() const override { return 1; }
  DataType output_type(int, DataType const*, int) const override { return DataType::kINT32; }

  void output_shapes(nvinfer1::DimsExprs const* inputs, int input_count, nvinfer1::DimsExprs* outputs,
                     nvinfer1::IExprBuilder& builder) const override {
    require_count(input_count);
    std::vector<cuda::MaskView> views;
    for (int index = 0; index < input_count; ++index) {
      require_rank(plugin(), "a mask", inputs[index]);
      views.push_back({nullptr, fixed(inputs[index].d[2]), fixed(inputs[index].d[3])});
    }
    auto const [height, width] = output_size(views);
    outputs[0] = mask_shape(inputs[0].d[0], height, width, builder);
  }

  bool supports(int position, TensorKind const* tensors, int) const override { return is_mask(tensors[position]); }

  void check(Descriptions const& tensors) const override {
    require_count(tensors.input_count);
    auto const& first = tensors.inputs[0].dims;
    for (int index = 0; index < tensors.input_count; ++index) {
      auto const& dims = tensors.inputs[index].dims;
      require_picture(plugin(), "a mask", dims);
      require_dims(plugin(), "a mask", dims, {first.d[0], 1, dims.d[2], dims.d[3]},
                   "one channel, and as many pictures as the first");
    }
    output_size(views_of(tensors, nullptr));
  }

  size_t workspace_bytes(Descriptions const&) const override { return 0; }

  void enqueue(Call const& call) const override {
    auto const views = views_of(call.tensors, call.inputs);
    int const batch = static_cast<int>(call.tensors.inputs[0].dims.d[0]);
    require_ok(plugin(), cuda::launch_mask(rules_, batch, views.data(), call.tensors.input_count,
                                           static_cast<int32_t*>(call.outputs[0]), call.stream));
  }

 private:
  void require_count(int input_count) const {
    int const most = rules_.kind == cuda::MaskKind::unite ? cuda::kLargestUnion : 1;
    if (input_count < 1 || input_count > most) {
      throw PluginError(plugin(), "the number of masks", std::to_string(input_count),
                        "kind " + attributes().text("kind") + " takes 1 to " + std::to_string(most));
    }
  }

  int fixed(nvinfer1::IDimensionExpr const* size) const {
    int64_t const value = constant_of(size);
    if (value < 0)
      throw PluginError(plugin(), "height and width of a mask must be fixed; only the number of pictures may vary");
    return static_cast<int>(value);
  }

  std::pair<int, int> output_size(std::vector<cuda::MaskView> const& masks) const {
    int height = 0, width = 0;
    cuda::Status const status =
        cuda::mask_output_size(rules_, masks.data(), static_cast<int>(masks.size()), &height, &width);
    if (status != cuda::Status::ok) {
      throw PluginError(plugin(), "the size of the mask",
                        std::to_string(masks[0].height) + " x " + std::to_string(masks[0].width),
                        "kind " + attributes().text("kind") + " with these attributes: " + cuda::status_text(status));
    }
    return {height, width};
  }

  std::vector<cuda::MaskView> views_of(Descriptions const& tensors, void const* const* data) const {
    std::vector<cuda::MaskView> views;
    for (int index = 0; index < tensors.input_count; ++index) {
      views.push_back(mask_view(tensors.inputs[index], data == nullptr ? nullptr : data[index]));
    }
    return views;
  }

  cuda::MaskRules rules_;
};

}  // namespace

AttributeTable const& mask_attributes() {
  static AttributeTable const table = {
      {"kind", 1, "", true, kMaskKinds},
      {"kernel_shape", 2, Ints{1, 1}},
      {"strides", 2, Ints{1, 1}},
      {"pads", 4, Ints{0, 0, 0, 0}},
      {"dilations", 2, Ints{1, 1}},
      {"ceil_mode", 1, Ints{0}},
      {"mode", 1, "nearest", false, kResizeModes},
      {"coordinate_transformation_mode", 1, "half_pixel", false, kCoordinates},
      {"nearest_mode", 1, "round_prefer_floor", false, kRoundings},
      {"scales", kAnyLength, Floats{}},
      {"sizes", kAnyLength, Ints{}},
      {"starts", 2, Ints{0, 0}},
      {"ends", kAnyLength, Ints{}},
      {"steps", 2, Ints{1, 1}},
      {"factor", 1, Ints{1}},
  };
  return table;
}

OperationPointer make_mask(Attributes attributes) {
  check_attributes(attributes);
  return std::make_shared<MaskOperation>(std::move(attributes));
}

}  // namespace edgeskip::tensorrt
