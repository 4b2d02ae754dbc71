// The skip convolution: which pixels are computed (conv_mask.cpp), the rows that they read and write
// (conv_pixels.cpp), and computing them (conv.cpp) with the weights of conv_taps.h. Its arguments are
// checked in conv_check.cpp.
#pragma once

#include <memory>
#include <vector>

#include "../check.h"
#include "../frame.h"
#include "conv_pixels.h"
#include "conv_taps.h"
#include "ops.h"

namespace edgeskip {

// The pixels of a transposed convolution that no input reaches, one bit each; empty where there are none. They hold
// act(b + z), and only a frame with unknown state would ever compute them, so they count as candidates.
std::vector<uint64_t> unreached_pixels(Size in, Size out, const Window& window);

// A_t of one frame, from the masks of a convolution's inputs; not asked for where these are empty.
class ActiveSet {
 public:
  ActiveSet(const Plan& plan, const ConvSpec& spec, int block);

  size_t scratch_bytes() const;
  // Points `active` to A_t and `computed` to the pixels to compute (A_t, or more where that is harmless),
  // masks of the frame or parts of `arena`, and updates pending. False where nothing is active.
  bool find(Frame& frame, Arena& arena, MaskView* active, MaskView* computed) const;
  // Whether A_t is the mask of x as it is.
  bool copies_mask() const { return copies_mask_; }

 private:
  void find_candidates(Frame& frame, const MaskView& out, uint64_t* scratch) const;
  void apply_gate(Frame& frame, const MaskView& active) const;
  int64_t geometry_words() const;

  int mask_x_, mask_z_, gate_, pending_, known_, y_;
  Size in_, out_;
  Window window_;
  bool transposed_;
  bool pointwise_, copies_mask_;
  int block_;
  std::vector<uint64_t> unreached_;
};

class ConvOperation : public Operation {
 public:
  ConvOperation(const BuildContext& context, std::shared_ptr<const ConvSpec> spec);
  ScratchNeeds scratch() const override;
  int64_t weight_bytes() const override;
  int64_t run(Frame& frame) const override;

 private:
  PixelList list_of(Frame& frame, const MaskView& computed, const TapSet& taps) const;
  bool by_columns(int64_t count, int threads, const TapSet& taps) const;
  int chunk_pixels(int64_t count, int threads, const TapSet& taps) const;
  double pixel_ns(const TapSet& taps) const;
  void compute(const KernelTable& kernels, const ConvViews& views, const TapSet& taps, const Pixel* listed, int count,
               Arena arena) const;
  void compute_by_columns(Frame& frame, const ConvViews& views, const TapSet& taps, const PixelList& list,
                          Arena arena) const;
  void scale_rows(const KernelTable& kernels, const float* scale, const float** rows, int count, Arena& arena) const;
  int64_t scaled_stride() const { return (in_channels_ + 15) / 16 * 16; }
  void accumulate(const KernelTable& kernels, const TapSet& taps, const float** rows, const int64_t* offsets,
                  float* out, int count, Arena arena) const;
  void finish(const KernelTable& kernels, const ConvPixels& pixels, float* out, Arena arena) const;
  void compare(const KernelTable& kernels, const ConvPixels& pixels, float* out) const;
  void activate(const KernelTable& kernels, const ConvPixels& pixels, Arena arena) const;

  std::shared_ptr<const ConvSpec> spec_;
  ActiveSet active_set_;
  OwnedActivation activation_, function_;
  Norm norm_;
  int panel_rows_, chunk_limit_;
  int in_channels_, out_channels_;
  int64_t out_stride_;  // of scratch rows, with room for what gemm writes behind the last channel
  std::vector<TapSet> taps_;
  std::vector<float> zero_row_;
};

}  // namespace edgeskip
