// What TensorRT asks of the plugins while it builds an engine; needs no device.
#pragma once

#include "hosted.h"
#include "report.h"

namespace host {

void check_refusals(Library& library, Report& report);
void check_shapes(Library& library, Report& report);
void check_formats(Library& library, Report& report);
void check_copies(Library& library, Report& report);

nvinfer1::PluginTensorDesc tensor(Sizes const& sizes, nvinfer1::DataType type,
                                  nvinfer1::TensorFormat format = nvinfer1::TensorFormat::kLINEAR);
Fields small_conv(Fields more = {});

}  // namespace host
