# Tests and benchmark of edgeskip_kernels; included after kernels.cmake.

file(GLOB edgeskip_kernel_test_sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/test_*.cpp)
add_executable(edgeskip_kernel_tests ${CMAKE_CURRENT_LIST_DIR}/main.cpp ${edgeskip_kernel_test_sources})
target_link_libraries(edgeskip_kernel_tests PRIVATE edgeskip_kernels)
target_compile_options(edgeskip_kernel_tests PRIVATE -Wall -Wextra)

add_executable(edgeskip_kernel_bench ${CMAKE_CURRENT_LIST_DIR}/bench.cpp)
target_link_libraries(edgeskip_kernel_bench PRIVATE edgeskip_kernels)
target_compile_options(edgeskip_kernel_bench PRIVATE -Wall -Wextra)

enable_testing()
add_test(NAME edgeskip_kernels COMMAND edgeskip_kernel_tests)
add_test(NAME edgeskip_kernel_isolation
  COMMAND ${CMAKE_CURRENT_LIST_DIR}/test_isolation.sh $<TARGET_FILE:edgeskip_kernels>)
