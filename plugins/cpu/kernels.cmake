# edgeskip_kernels: the compute kernels of every instruction set that the target can have, each in
# a translation unit of its own with that set's flags. kernel_table() chooses at run time.

add_library(edgeskip_kernels STATIC
  ${CMAKE_CURRENT_LIST_DIR}/kernels/levels/bf16_dispatch.cpp
  ${CMAKE_CURRENT_LIST_DIR}/kernels/levels/dispatch.cpp
  ${CMAKE_CURRENT_LIST_DIR}/kernels/levels/scalar.cpp)
target_include_directories(edgeskip_kernels PUBLIC ${CMAKE_CURRENT_LIST_DIR})
target_compile_features(edgeskip_kernels PUBLIC cxx_std_17)
set_target_properties(edgeskip_kernels PROPERTIES POSITION_INDEPENDENT_CODE ON CXX_EXTENSIONS OFF)

# No contraction: a multiply-add is fused only where the source says so, or results would differ
# from compiler to compiler. No fast math: NaN means "unknown".
target_compile_options(edgeskip_kernels PRIVATE -Wall -Wextra -ffp-contract=off -fno-math-errno -fno-exceptions)
if(EDGESKIP_SANITIZERS)
  # Checks of every captured reference in the unrolled loops would take minutes to compile.
  target_compile_options(edgeskip_kernels PRIVATE -O1 -fno-sanitize=null,alignment,object-size)
else()
  # Without optimization the register blocks live in memory: optimized in a build without a type too.
  target_compile_options(edgeskip_kernels PRIVATE $<$<NOT:$<CONFIG:Debug>>:-O3>)
endif()

function(edgeskip_add_level level)
  set(source ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/kernels/levels/${level}.cpp)
  target_sources(edgeskip_kernels PRIVATE ${source})
  set_property(SOURCE ${source} PROPERTY COMPILE_OPTIONS ${ARGN})
  string(TOUPPER ${level} upper)
  target_compile_definitions(edgeskip_kernels PRIVATE EDGESKIP_HAS_${upper})
endfunction()

if(CMAKE_OSX_ARCHITECTURES)
  set(edgeskip_processor ${CMAKE_OSX_ARCHITECTURES})
else()
  set(edgeskip_processor ${CMAKE_SYSTEM_PROCESSOR})
endif()
if(edgeskip_processor MATCHES "^(x86_64|AMD64|amd64)$")
  edgeskip_add_level(avx2 -mavx2 -mfma)
  # GCC warns of its own header's deliberately undefined registers (GCC bug 105593)
  set(edgeskip_avx512 -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx2 -mfma
    $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized> $<$<CXX_COMPILER_ID:GNU>:-Wno-uninitialized>)
  edgeskip_add_level(avx512 ${edgeskip_avx512})
  include(CheckCXXCompilerFlag)
  check_cxx_compiler_flag(-mavx512bf16 EDGESKIP_COMPILES_AVX512_BF16)  # GCC 10, Clang 9
  check_cxx_compiler_flag(-mamx-bf16 EDGESKIP_COMPILES_AMX_BF16)       # GCC 11, Clang 12
  if(EDGESKIP_COMPILES_AVX512_BF16)
    edgeskip_add_level(avx512_bf16 ${edgeskip_avx512} -mavx512bf16)
    if(EDGESKIP_COMPILES_AMX_BF16)
      edgeskip_add_level(amx_bf16 ${edgeskip_avx512} -mavx512bf16 -mamx-tile -mamx-bf16)
    endif()
  endif()
elseif(edgeskip_processor MATCHES "^(aarch64|arm64|ARM64)$")
  edgeskip_add_level(neon)
endif()
