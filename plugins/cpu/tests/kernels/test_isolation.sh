#!/bin/sh
# Protects CPUs without AVX: the translation units of the instruction sets may share no weak
# symbols, or the linker could keep the AVX copy of an inline function for every level.
# usage: test_isolation.sh libedgeskip_kernels.a
set -eu
shared=$(nm -C "$1" | awk '$2 ~ /^[WVu]$/ && !/personality/' | sort -u)
if [ -n "$shared" ]; then
  echo "FAILED the kernels share inline functions over instruction sets:" >&2
  echo "$shared" >&2
  exit 1
fi
