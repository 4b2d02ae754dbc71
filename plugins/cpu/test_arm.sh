#!/bin/sh
# Cross-compiles kernels, engine and their tests for 64-bit Arm and runs them under emulation.
# usage: plugins/cpu/test_arm.sh [build folder]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=${1:-$here/../../build/arm}

for tool in aarch64-linux-gnu-g++ qemu-aarch64 cmake; do
  if ! command -v "$tool" >/dev/null 2>&1; then
    echo "error: $tool is not installed, so the NEON kernels cannot be tested on this machine" >&2
    echo >&2
    echo "hint: on Debian and Ubuntu: apt-get install g++-aarch64-linux-gnu qemu-user cmake" >&2
    exit 1
  fi
done

# -static: the emulator needs no Arm C library beside it
cmake -S "$here" -B "$build" \
  -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64 \
  -DCMAKE_CXX_COMPILER=aarch64-linux-gnu-g++ -DCMAKE_EXE_LINKER_FLAGS=-static \
  -DCMAKE_CROSSCOMPILING_EMULATOR=qemu-aarch64 >/dev/null
cmake --build "$build" --target edgeskip_kernel_tests edgeskip_engine_tests --parallel 2
for level in neon scalar; do
  qemu-aarch64 "$(find "$build" -type f -name edgeskip_kernel_tests)" "$level"
done
qemu-aarch64 "$(find "$build" -type f -name edgeskip_engine_tests)"
