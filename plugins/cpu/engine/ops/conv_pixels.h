// The pixels of one part of a convolution's list, with the rows that they read and write.
#pragma once

#include "../frame.h"
#include "conv_taps.h"

namespace edgeskip {

struct ConvViews {
  TensorView x, y, z;    // z.data is null without a residual
  TensorView activated;  // data is null without
  const float* scale;  // of x's channels, or null
  MaskView active, mask_y;
};

// Neighbouring pixels of a list mostly lie side by side: everything here goes by such runs.
class ConvPixels {
 public:
  // Sorts: first the pixels whose taps all lie inside the input, then the others.
  ConvPixels(const ConvViews& views, const TapSet& taps, const Pixel* listed, int count, Arena& arena);
  static size_t scratch_bytes(int64_t pixels);

  int count() const { return count_; }
  int inner() const { return inner_; }
  // [count]: where a pixel's taps are counted from; of the inner pixels only
  const float** corners() const { return corners_; }
  float* const* y() const { return y_; }
  const float* const* z() const { return views_.z.data ? z_ : nullptr; }
  uint8_t* changed() const { return changed_; }

  // rows [taps][last - first]: where each tap of pixels first .. last - 1 reads; `zeros` outside the input
  void point_to_taps(int first, const float* zeros, const float** rows) const;
  // Sets the bits of mask_y for the changed pixels that are active.
  void publish() const;
  // The rows of these pixels in y and in `activated` [count]; returns how many there are.
  int list_published(const float** y, float** activated) const;

 private:
  void add_run(Pixel pixel, int count);
  void add_inner(int row, int column, int count);
  void add_outer(int row, int column, int count);
  void point(int to, int row, int column, int count);

  const ConvViews& views_;
  const TapSet& taps_;
  bool fetches_input_;
  int count_, inner_ = 0, outer_;
  Pixel* pixels_;
  const float** corners_;
  float** y_;
  const float** z_;
  uint8_t* changed_;
};

}  // namespace edgeskip
