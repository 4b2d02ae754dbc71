// The host tests, by name.
#pragma once

namespace edgeskip::cuda {

struct Test {
  const char* name;
  void (*run)();
};

void test_fragments();
void test_list();
void test_conv_sizes();
void test_conv_rules();
void test_conv_tiles();
void test_conv_schedules();
void test_depthwise();
void test_gate();
void test_count();
void test_plan();

constexpr Test kTests[] = {
    {"fragments", test_fragments},
    {"list", test_list},
    {"conv sizes", test_conv_sizes},
    {"conv rules", test_conv_rules},
    {"conv tiles", test_conv_tiles},
    {"conv schedules", test_conv_schedules},
    {"depthwise", test_depthwise},
    {"gate", test_gate},
    {"count", test_count},
    {"plan", test_plan},
};

}  // namespace edgeskip::cuda
