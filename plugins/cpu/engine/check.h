// Checks of an op's arguments: each throws std::invalid_argument that starts with the op's kind and name.
#pragma once

#include <string>
#include <vector>

#include "plan.h"

namespace edgeskip {

class Check {
 public:
  Check(const Plan& plan, std::string kind, const std::string& name);

  [[noreturn]] void fail(const std::string& text) const;
  void require(bool condition, const std::string& text) const;
  void tensor(const char* what, int id) const;
  void mask(const char* what, int id) const;
  void size(const char* what, Size actual, Size expected) const;
  void channels(const char* what, int actual, int expected) const;
  // The mask has the tensor's size.
  void mask_of(const char* what, int mask, int tensor) const;
  // y is not written while x is still read: they share no channels of a buffer.
  void apart(const char* what, int x, int y) const;
  // As above, but y may be exactly x.
  void apart_or_same(const char* what, int x, int y) const;
  void window(const Window& window) const;
  // The window's output size for an input, without regard to a ceil mode.
  static Size pooled(Size in, const Window& window);
  // Ranges [n][2] of one axis: in order, within 0 .. inputs - 1.
  void ranges(const char* what, const std::vector<int32_t>& ranges, int outputs, int inputs) const;
  // Activation of the contract, or with `unary` also the element-wise functions.
  void activation(const std::string& kind, const std::vector<float>& alpha, int channels, bool unary) const;
  BinaryKind binary(const std::string& kind) const;
  Norm norm(const std::string& text) const;
  void threshold(const char* what, float value) const;

  const Plan& plan() const { return plan_; }

 private:
  const Plan& plan_;
  std::string title_;
};

// An activation with its own alphas; `kernel()` points into it.
class OwnedActivation {
 public:
  // Arguments as checked by Check::activation.
  OwnedActivation(const std::string& kind, std::vector<float> alpha, float beta, int channels);
  Activation kernel() const;

 private:
  ActivationKind kind_;
  std::vector<float> alpha_;
  float beta_;
};

}  // namespace edgeskip
