#!/bin/sh
# Builds and runs the native tests of kernels and engine, without Python.
#
# usage: plugins/cpu/test_native.sh [--sanitize]
#   --sanitize   also under the address and undefined behaviour sanitizers, and under the thread sanitizer
# Builds go to build/native*; CXX and CXXFLAGS are respected.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)

build_and_test() { # name, build type, sanitizers, test programs
  folder="$root/build/$1"
  cmake -S "$root/plugins/cpu" -B "$folder" -DCMAKE_BUILD_TYPE="$2" -DEDGESKIP_SANITIZERS="$3" >"$folder.log" 2>&1 ||
    { cat "$folder.log" >&2; exit 1; }
  cmake --build "$folder" --parallel "$(getconf _NPROCESSORS_ONLN)" --target $4 >>"$folder.log" 2>&1 ||
    { tail -n 50 "$folder.log" >&2; exit 1; }
  echo "$1:"
  for program in $4; do
    "$(find "$folder" -type f -name "$program")"
  done
}

both="edgeskip_kernel_tests edgeskip_engine_tests"
mkdir -p "$root/build"
case "${1:-}" in
  "") build_and_test native Release "" "$both" ;;
  --sanitize)
    build_and_test native Release "" "$both"
    # without NDEBUG, so that assertions hold too
    build_and_test native-address None address,undefined "$both"
    # kernels start no threads
    build_and_test native-thread None thread edgeskip_engine_tests ;;
  *) sed -n '2,6p' "$0" | sed 's/^# \{0,1\}//' >&2; exit 2 ;;
esac
