// Runs the engine's own tests, those that need no Python: for sanitizers and for other processors.
#include "tests.h"

int main() {
  using namespace edgeskip::testing;
  test_masks();
  test_threads();
  test_network();
  test_pictures();
  test_allocation();
  test_columns();
  std::printf("%lld checks, %lld failures\n", static_cast<long long>(report().checks),
              static_cast<long long>(report().failures));
  return report().failures ? 1 : 0;
}
