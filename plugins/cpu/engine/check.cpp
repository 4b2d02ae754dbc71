#include "check.h"

#include <cmath>
#include <stdexcept>
#include <utility>

namespace edgeskip {

namespace {

struct NamedActivation {
  const char* name;
  ActivationKind kind;
  bool unary_only;
};

constexpr NamedActivation kActivations[] = {
    {"none", ActivationKind::none, false},
    {"relu", ActivationKind::relu, false},
    {"clip", ActivationKind::clip, false},
    {"leaky_relu", ActivationKind::leaky_relu, false},
    {"prelu", ActivationKind::prelu, false},
    {"silu", ActivationKind::silu, false},
    {"hard_swish", ActivationKind::hard_swish, false},
    {"hard_sigmoid", ActivationKind::hard_sigmoid, false},
    {"sigmoid", ActivationKind::sigmoid, false},
    {"tanh", ActivationKind::tanh, false},
    {"exp", ActivationKind::exp, true},
    {"sqrt", ActivationKind::sqrt, true},
    {"neg", ActivationKind::neg, true},
    {"abs", ActivationKind::abs, true},
    {"reciprocal", ActivationKind::reciprocal, true},
    {"log", ActivationKind::log, true},
};

const NamedActivation* find_activation(const std::string& name) {
  for (const NamedActivation& entry : kActivations)
    if (name == entry.name) return &entry;
  return nullptr;
}

std::string text_of(Size size) { return std::to_string(size.height) + "x" + std::to_string(size.width); }

}  // namespace

Check::Check(const Plan& plan, std::string kind, const std::string& name)
    : plan_(plan), title_(std::move(kind) + " '" + name + "': ") {}

void Check::fail(const std::string& text) const { throw std::invalid_argument(title_ + text); }

void Check::require(bool condition, const std::string& text) const {
  if (!condition) fail(text);
}

void Check::tensor(const char* what, int id) const {
  const int known = static_cast<int>(plan_.tensors().size());
  require(id >= 0 && id < known, std::string(what) + " is tensor " + std::to_string(id) + ", the plan has " +
                                     std::to_string(known) + " tensors");
}

void Check::mask(const char* what, int id) const {
  const int known = static_cast<int>(plan_.masks().size());
  require(id >= 0 && id < known,
          std::string(what) + " is mask " + std::to_string(id) + ", the plan has " + std::to_string(known) + " masks");
}

void Check::size(const char* what, Size actual, Size expected) const {
  require(actual == expected, std::string(what) + " is " + text_of(actual) + ", expected " + text_of(expected));
}

void Check::channels(const char* what, int actual, int expected) const {
  require(actual == expected,
          std::string(what) + " has " + std::to_string(actual) + " channels, expected " + std::to_string(expected));
}

void Check::mask_of(const char* what, int id, int tensor_id) const {
  mask(what, id);
  size(what, plan_.masks()[id], plan_.size_of(tensor_id));
}

void Check::apart(const char* what, int x, int y) const {
  require(!plan_.overlap(x, y), std::string(what) + " and y share channels of a buffer");
}

void Check::apart_or_same(const char* what, int x, int y) const {
  require(!plan_.overlap(x, y) || plan_.same_range(x, y), std::string(what) + " and y share some channels of a buffer");
}

void Check::window(const Window& window) const {
  for (int axis = 0; axis < 2; ++axis) {
    require(window.kernel[axis] >= 1, "kernel must be at least 1: " + std::to_string(window.kernel[axis]));
    require(window.strides[axis] >= 1, "strides must be at least 1: " + std::to_string(window.strides[axis]));
    require(window.dilations[axis] >= 1, "dilations must be at least 1: " + std::to_string(window.dilations[axis]));
    const int64_t reach = (int64_t{window.kernel[axis]} - 1) * window.dilations[axis];
    require(reach <= kMaximumSide, "the kernel reaches over " + std::to_string(reach) + " pixels");
    require(window.strides[axis] <= kMaximumSide, "strides are too large");
  }
  for (const int pad : window.pads)
    require(pad >= -kMaximumSide && pad <= kMaximumSide, "pads are too large: " + std::to_string(pad));
}

Size Check::pooled(Size in, const Window& window) {
  const auto axis = [&](int size, int i) {
    const int64_t span = int64_t{size} + window.pads[i] + window.pads[i + 2] -
                         int64_t{window.kernel[i] - 1} * window.dilations[i] - 1;
    return span < 0 ? 0 : static_cast<int>(span / window.strides[i] + 1);
  };
  return {axis(in.height, 0), axis(in.width, 1)};
}

void Check::ranges(const char* what, const std::vector<int32_t>& ranges, int outputs, int inputs) const {
  require(static_cast<int64_t>(ranges.size()) == 2 * int64_t{outputs},
          std::string(what) + " has " + std::to_string(ranges.size() / 2) + " entries, expected " +
              std::to_string(outputs));
  for (size_t i = 0; i < ranges.size(); i += 2) {
    require(0 <= ranges[i] && ranges[i] <= ranges[i + 1] && ranges[i + 1] < inputs,
            std::string(what) + " " + std::to_string(i / 2) + " reads " + std::to_string(ranges[i]) + " .. " +
                std::to_string(ranges[i + 1]) + " of " + std::to_string(inputs));
    require(i == 0 || (ranges[i] >= ranges[i - 2] && ranges[i + 1] >= ranges[i - 1]),
            std::string(what) + " go backwards at " + std::to_string(i / 2));
  }
}

void Check::activation(const std::string& kind, const std::vector<float>& alpha, int channels, bool unary) const {
  const NamedActivation* entry = find_activation(kind);
  require(entry && (unary || !entry->unary_only), "unknown activation '" + kind + "'");
  const bool needs_alpha = entry->kind == ActivationKind::clip || entry->kind == ActivationKind::leaky_relu ||
                           entry->kind == ActivationKind::hard_sigmoid || entry->kind == ActivationKind::prelu;
  const bool fits = alpha.size() == 1 ||
                    (entry->kind == ActivationKind::prelu && static_cast<int>(alpha.size()) == channels);
  require(!needs_alpha || fits,
          "activation '" + kind + "' has " + std::to_string(alpha.size()) + " values in alpha, expected " +
              (entry->kind == ActivationKind::prelu ? "1 or " + std::to_string(channels) : std::string("1")));
}

BinaryKind Check::binary(const std::string& kind) const {
  constexpr std::pair<const char*, BinaryKind> kinds[] = {
      {"add", BinaryKind::add}, {"sub", BinaryKind::sub}, {"mul", BinaryKind::mul}, {"div", BinaryKind::div},
      {"max", BinaryKind::max}, {"min", BinaryKind::min}, {"pow", BinaryKind::pow}};
  for (const auto& entry : kinds)
    if (kind == entry.first) return entry.second;
  fail("unknown kind '" + kind + "', expected add, sub, mul, div, max, min or pow");
}

Norm Check::norm(const std::string& text) const {
  if (text == "l2") return Norm::l2;
  if (text == "l1") return Norm::l1;
  if (text == "linf") return Norm::linf;
  fail("unknown norm '" + text + "', expected l2, l1 or linf");
}

void Check::threshold(const char* what, float value) const {
  require(value >= 0, std::string(what) + " must be at least 0: " + std::to_string(value));
}

OwnedActivation::OwnedActivation(const std::string& kind, std::vector<float> alpha, float beta, int channels)
    : kind_(find_activation(kind)->kind), alpha_(std::move(alpha)), beta_(beta) {
  if (kind_ == ActivationKind::prelu && alpha_.size() == 1) alpha_.resize(channels, alpha_[0]);
}

Activation OwnedActivation::kernel() const {
  Activation activation;
  activation.kind = kind_;
  activation.beta = beta_;
  activation.alpha = alpha_.empty() ? 0 : alpha_[0];
  activation.alphas = kind_ == ActivationKind::prelu ? alpha_.data() : nullptr;
  return activation;
}

}  // namespace edgeskip
