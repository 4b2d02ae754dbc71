// Where EdgeskipConv's inputs stand: optional ones only where the attributes say so.
#pragma once

#include "core/attributes.h"

namespace edgeskip::tensorrt {

struct ConvInputs {
  int x = 0, mask_x = 1, w = 2;
  int b = -1, z = -1, mask_z = -1, gate = -1, channel_weight = -1;  // -1: absent
  int y_prev = -1, pending = -1;
  int count = 0;

  explicit ConvInputs(Attributes const& attributes) {
    int next = 3;
    auto const optional = [&](char const* flag) { return attributes.flag(flag) ? next++ : -1; };
    b = optional("has_bias");
    z = optional("has_residual");
    mask_z = optional("has_residual_mask");
    gate = optional("has_gate");
    channel_weight = optional("has_channel_weight");
    y_prev = next++;
    pending = optional("has_pending");
    count = next;
  }
};

}  // namespace edgeskip::tensorrt
