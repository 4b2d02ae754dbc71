// Failures of the host tests: counted, each with its case.
#pragma once

#include <string>

namespace edgeskip::cuda {

void report(const std::string& what);  // a failure
int failures();
void count_check();
int checks();

#define EDGESKIP_CHECK(condition, what)                 \
  do {                                                  \
    ::edgeskip::cuda::count_check();                    \
    if (!(condition)) ::edgeskip::cuda::report(what);   \
  } while (0)

}  // namespace edgeskip::cuda
