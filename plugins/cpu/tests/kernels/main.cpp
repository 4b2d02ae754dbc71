// Runs every kernel test on every instruction set level that this build and this CPU have.
//
// usage: edgeskip_kernel_tests [level]. Exit status 1 when a check failed.
#include "check.h"

namespace {

using namespace edgeskip;
using namespace edgeskip::testing;

void test_dispatch() {
  report().context = "dispatch";
  expect(kernel_table(Level::scalar) != nullptr, "the scalar level is always there");
  expect(best_kernel_table() != nullptr, "there is a best level");
  for (const char* name : {"scalar", "neon", "avx2", "avx512"}) {
    Level level{};
    if (!expect(parse_level(name, &level), "%s is a level", name)) continue;
    const KernelTable* table = kernel_table(level);
    if (!table) continue;
    expect(table->level == level && std::strcmp(table->name, name) == 0, "%s names itself %s", name, table->name);
    expect(best_kernel_table()->level >= level, "%s is no better than the best", name);
  }
  Level level{};
  expect(!parse_level("auto", &level) && !parse_level("", &level), "other words are no levels");
}

void test_level(const KernelTable& table) {
  const int64_t before = report().checks;
  test_gemm(table);
  test_dot(table);
  test_depthwise(table);
  test_depthwise_runs(table);
  test_offsets(table);
  test_epilogue(table);
  test_activations(table);
  test_binary(table);
  test_planes(table);
  test_pool(table);
  test_rows(table);
  test_gate(table);
  test_sieve(table);
  test_resize(table);
  std::printf("%s: %lld checks\n", table.name, static_cast<long long>(report().checks - before));
}

}  // namespace

int main(int argc, char** argv) {
  test_dispatch();
  int levels = 0;
  for (const Level level : {Level::scalar, Level::neon, Level::avx2, Level::avx512}) {
    const KernelTable* table = kernel_table(level);
    if (!table || (argc > 1 && std::strcmp(argv[1], table->name) != 0)) continue;
    test_level(*table);
    ++levels;
  }
  if (argc == 1) test_gemm_bf16();
  if (levels == 0) {
    std::printf("FAILED this CPU or build has no level %s\n", argc > 1 ? argv[1] : "");
    return 1;
  }
  std::printf("%lld checks, %lld failures\n", static_cast<long long>(report().checks),
              static_cast<long long>(report().failures));
  return report().failures ? 1 : 0;
}
