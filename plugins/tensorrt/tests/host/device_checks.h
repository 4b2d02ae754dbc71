// `enqueue` on the device against the float64 reference, frame after frame, with state in place and in two buffers.
#pragma once

#include "hosted.h"
#include "report.h"

namespace host {

void check_device(Library& library, Report& report);

}  // namespace host
