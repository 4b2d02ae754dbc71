// What a frame gate's reference was in the bytes of the camera's pictures, as long as all of it came from such: a sieve
// that passes over a still picture faster than the gate's floats.
#pragma once

#include "frame_input.h"
#include "mask.h"
#include "memory.h"
#include "plan.h"

namespace edgeskip {

// Thresholds of a gate and the geometry of its window, as the sieve needs them.
struct SieveRules {
  Norm norm = Norm::l2;
  float threshold = 0.0f, threshold_signed = 0.0f;
  int window = 1;
  const float* counts = nullptr;  // GateArgs::counts
};

class PictureReference {
 public:
  // Of an input of this size; one of other than three channels is never known.
  PictureReference(Size size, int channels);

  // Whether the reference is what pictures of this kind gave.
  bool knows(const PictureRows& picture) const;
  // The limits are those for `rules`, until the next `accept`.
  SieveArgs sieve(const PictureRows& picture, const SieveRules& rules);
  // The gate has taken in the pixels of a mask, whose size is the input's.
  void accept(const FrameInput& input, const MaskView& mask);
  void forget() { known_ = false; }
  int64_t bytes() const { return static_cast<int64_t>(pixels_.bytes() + limits_.bytes()); }

 private:
  void copy_row(const PictureRows& picture, const uint64_t* bits, int words, int row);
  void set_limits(const SieveRules& rules);
  uint8_t harmless_sum(double threshold, int channel, double pixels) const;

  Size size_;
  bool colour_, known_ = false, limited_ = false;
  PictureRows kind_ = {};  // of the pictures, without their bytes
  AlignedMemory pixels_;   // [kind_.height][kind_.width][3]
  AlignedMemory limits_;   // SieveArgs::harmless
};

}  // namespace edgeskip
