// What the ops on lists of rows share: parts of the active pixels, and their pointers.
#pragma once

#include <algorithm>
#include <memory>

#include "../frame.h"

namespace edgeskip {

// Pixels per part so that a part's rows stay in the first caches.
inline int row_chunk(int channels) { return std::clamp(32768 / channels, 16, 512); }

constexpr double kChannelNs = 0.15;  // reading and writing one value, roughly
inline double row_cost_ns(int channels, int reads) { return 5.0 + kChannelNs * channels * reads; }

template <class Pointer>
inline void point_to_rows(const TensorView& tensor, const Pixel* pixels, int count, Pointer* rows) {
  for (int p = 0; p < count; ++p) rows[p] = tensor.row(pixels[p]);
}

// Calls body(pixels, count, arena) over a mask's pixels; returns how many there are.
template <class Body>
inline int64_t for_mask(Frame& frame, int mask, int channels, int reads, const Body& body) {
  const PixelList list = frame.pixels(mask);
  frame.for_chunks(list, row_chunk(channels), row_cost_ns(channels, reads), body);
  return list.count;
}

// An op whose run is a function object on the frame that returns the pixels it computed.
template <class Body>
class RowOperation : public Operation {
 public:
  RowOperation(Body body, ScratchNeeds needs) : body_(std::move(body)), needs_(needs) {}
  ScratchNeeds scratch() const override { return needs_; }
  int64_t run(Frame& frame) const override { return body_(frame); }

 private:
  Body body_;
  ScratchNeeds needs_;
};

template <class Body>
int add_row_operation(Plan& plan, const std::string& name, ScratchNeeds needs, Body body, MaskUse masks = {}) {
  const auto shared = std::make_shared<const Body>(std::move(body));
  const auto call = [shared](Frame& frame) { return (*shared)(frame); };
  const auto build = [call, needs](const BuildContext&) {
    return std::make_unique<RowOperation<decltype(call)>>(call, needs);
  };
  return plan.add_operation(name, build, std::move(masks));
}

// Scratch for `lists` lists of pointers, one per pixel of a part.
inline ScratchNeeds pointer_needs(int channels, int lists) {
  return {0, lists * arena_bytes<const float*>(row_chunk(channels))};
}

}  // namespace edgeskip
