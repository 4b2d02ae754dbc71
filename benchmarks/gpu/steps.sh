# Steps of run.sh: each is timed, logged, and stops nobody. Sourced, not run.

absolute() { realpath -m -- "$1"; }

begin_table() {
  started=$(date -u +%FT%TZ) started_at=$(date +%s)
  mkdir -p "$build/logs" "$output" || exit 1
  rows=$build/logs/rows
  : > "$rows"
  rm -f "$build"/dense-*.csv "$build"/bench-*.csv "$build"/bench-*.json "$build"/layer_times*.csv "$build"/network-*.csv
  failures=0
}

wanted() { [ -z "$only" ] || [[ " $only " == *" $1 "* ]]; }
late() { [ -n "$total" ] && [ $(($(date +%s) - started_at)) -ge "$total" ]; }

# step NAME "what" [--unless FUNCTION [--with ARGUMENT]] COMMAND...: FUNCTION prints why the step is left out.
# A command that ends with 77 was not run either, and its last line says why.
step() {
  local id=$1 what=$2 reason="" check=() log begin code
  shift 2
  wanted "$id" || return 0
  if [ "${1:-}" = --unless ]; then
    check=("$2"); shift 2
    if [ "${1:-}" = --with ]; then check+=("$2"); shift 2; fi
    reason=$("${check[@]}" || true)
  fi
  if [ -z "$reason" ] && late; then reason="the total of $total s is over"; fi
  if [ -n "$reason" ]; then
    echo "== $id: left out ($reason)" >&2
    row "$id" "$what" "left out: $reason" ""
    return 0
  fi
  log=$build/logs/$id.log
  echo "== $id: $what" >&2
  begin=$(date +%s.%N)
  if declare -F "$1" >/dev/null; then "$@" > "$log" 2>&1; else bounded "$@" > "$log" 2>&1; fi
  code=$?
  local seconds; seconds=$(awk -v a="$begin" -v b="$(date +%s.%N)" 'BEGIN { printf "%.1f", b - a }')
  case $code in
    0) row "$id" "$what" passed "$seconds" ;;
    77) row "$id" "$what" "left out: $(last_line "$log")" "$seconds" ;;
    124 | 137) row "$id" "$what" "**failed**: over $limit s" "$seconds"; failures=$((failures + 1)) ;;
    *) row "$id" "$what" "**failed**: exit $code, $(last_line "$log")" "$seconds"; failures=$((failures + 1)) ;;
  esac
  if [ $code != 0 ]; then tail -n 15 "$log" | sed 's/^/   /' >&2; fi
  write_table > /dev/null # what ends this script from outside loses no result
  return 0
}

bounded() { timeout -k 20 "$limit" "$@"; }
row() { printf '| %s | %s | %s | %s |\n' "$1" "$2" "$3" "$4" >> "$rows"; }
last_line() { grep -vE '^[[:space:]]*$|: Leaving directory' "$1" | tail -n 1 | cut -c1-100 | tr '|' '/'; }

gpu_field() { nvidia-smi "--query-gpu=$1" --format=csv,noheader 2>/dev/null | head -1 | sed 's/^ *//'; }

# "90" of every GPU, by nvidia-smi; a Jetson has none, but a release
gpu_architectures() {
  local found
  found=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2>/dev/null | tr -d '. ' | sort -u | paste -sd' ')
  if [ -z "$found" ] && [ -e /etc/nv_tegra_release ]; then
    grep -q Thor /proc/device-tree/model 2>/dev/null && found=110 || found=87
  fi
  echo "$found"
}

gpu_name() {
  local found
  found=$(gpu_field name)
  [ -z "$found" ] && [ -r /proc/device-tree/model ] && found=$(tr -d '\0' < /proc/device-tree/model)
  echo "${found:-no GPU}"
}

# CUDA_HOME, else the toolkit of the nvcc in PATH, else the usual folder
find_cuda() {
  local nvcc folder
  [ -n "${CUDA_HOME:-}" ] && { echo "$CUDA_HOME"; return; }
  nvcc=$(command -v nvcc || true)
  folder=${nvcc:+$(dirname "$(dirname "$(realpath "$nvcc")")")}
  if [ -n "$folder" ] && [ -e "$folder/include/cuda_runtime_api.h" ]; then echo "$folder"; else echo /usr/local/cuda; fi
}

# Python reads the source tree here: where the CPU engine was not built into it, that of the installed package serves
borrow_native() {
  local folder=edgeskip/backends/cpu installed
  [ -z "$python" ] || compgen -G "$folder/_native*.so" >/dev/null && return
  installed=$(cd / && "$python" -c 'import edgeskip.backends.cpu as p; print(p.__path__[0])' 2>/dev/null) || return 0
  compgen -G "$installed/_native*.so" >/dev/null && ln -s "$installed"/_native*.so "$folder/"
  return 0
}

# folder of libnvinfer in Python's package tensorrt_libs
python_tensorrt() {
  [ -z "$python" ] && return
  "$python" -c 'import importlib.util as u; s = u.find_spec("tensorrt_libs"); print(list(s.submodule_search_locations)[0] if s else "")' 2>/dev/null
}

find_include() {
  local folder
  for folder in ${1:+"$1/include" "$1/../include" "$1"} "/usr/include/$(uname -m)-linux-gnu" /usr/include \
    /usr/local/tensorrt/include; do
    [ -e "$folder/NvInfer.h" ] && { absolute "$folder"; return; }
  done
}

tensorrt_version() {
  [ -n "$include" ] || return 0
  sed -nE 's/^#define (NV_TENSORRT_|TRT_)(MAJOR|MINOR|PATCH)(_ENTERPRISE)? ([0-9]+).*/\4/p' "$include/NvInferVersion.h" 2>/dev/null |
    head -3 | paste -sd.
}

describe_machine() {
  echo "machine: $(uname -srm), $(nproc) cores"
  echo "GPU: $(gpu_name)$([ $gpu = 0 ] && echo ' (rehearsal: nothing runs on it)')"
  echo "driver: $(gpu_field driver_version)"
  echo "nvcc: ${nvcc:-none} $([ -n "$nvcc" ] && "$nvcc" --version | grep -oE 'release [0-9.]+' )"
  echo "TensorRT headers: ${include:-none} $(tensorrt_version)"
  echo "TensorRT libraries: ${tensorrt:-not given}"
  echo "compiled for: $([ -e "$programs/built.txt" ] && cat "$programs/built.txt" || echo "sm $archs")"
  [ -e /etc/nv_tegra_release ] && head -1 /etc/nv_tegra_release && nvpmodel -q 2>/dev/null
  nvidia-smi 2>/dev/null || true
}

# why a step is left out
needs_sources() { [ -n "$prebuilt" ] && echo "prebuilt: $prebuilt" && return; { command -v make && command -v g++; } >/dev/null || echo "no make or no g++"; }
needs_compiler() { needs_sources | grep . && return; [ -z "$nvcc" ] && echo "no nvcc; use --prebuilt"; }
needs_headers() { needs_compiler | grep . && return; [ -z "$include" ] && echo "no NvInfer.h; use --tensorrt-include"; }
pack_reason() { [ -n "$pack" ] || { echo "not asked for: --pack DIR"; return; }; needs_compiler; }
no_gpu() { [ $gpu = 0 ] && echo "no GPU: rehearsal"; }
no_gpu_or() { no_gpu && return; [ -e "$1" ] || echo "$(basename "$1") was not built"; }
host_reason() { no_gpu_or "$programs/host" | grep . && return; [ -e "$library" ] || echo "the plugin library was not built"; }
sanitizer_reason() { no_gpu_or "$1" | grep . && return; [ -n "$sanitizer" ] || echo "no compute-sanitizer"; }
python_reason() { [ -z "$python" ] && echo "no Python" && return; "$python" -c 'import pytest, onnx' 2>/dev/null || echo "$python has no pytest or onnx"; }
lean_reason() { python_reason | grep . && return; needs_headers | grep . && return; [ -n "$lean" ] || echo "no lean runtime; use --lean DIR"; }
torch_reason() {
  no_gpu_or "$cuda_bench" | grep . && return
  [ -z "$python" ] && echo "no Python" && return
  "$python" -c 'import torch, sys; sys.exit(not torch.cuda.is_available())' 2>/dev/null || echo "no torch with CUDA"
}
no_dense_times() { no_gpu && return; ls "$build"/layer_times-*.csv >/dev/null 2>&1 || echo "no benchmark was run"; }
tensorrt_reason() {
  no_gpu && return
  [ -e "$programs/harness" ] || { echo "the harness was not built"; return; }
  [ -n "$tensorrt" ] || ldconfig -p 2>/dev/null | grep -q 'libnvinfer\.so' || echo "no TensorRT; use --tensorrt DIR"
}
module_reason() {
  no_gpu && return
  [ -z "$python" ] && echo "no Python" && return
  "$python" -c 'import tensorrt, onnx, typer' 2>/dev/null || echo "no Python module tensorrt, or none of edgeskip's packages"
}
network_reason() {
  module_reason | grep . && return
  [ -n "$network" ] || "$python" -c 'import timm, torch' 2>/dev/null || echo "no network: use --network FILE, or install timm"
}
doctor_reason() { [ -z "$python" ] && echo "no Python" && return; "$python" -c 'import typer, onnx' 2>/dev/null || echo "$python lacks edgeskip's packages"; }

# steps that are more than one command
with_library() {
  if [ -e "$library" ]; then EDGESKIP_TENSORRT_PLUGIN=$library bounded "$@"; else bounded "$@"; fi
}

# its checks of what needs no device pass anywhere: on a GPU `enqueue` has to have run
run_host() {
  local said=$build/logs/host.out
  bounded "$programs/host" "$library" | tee "$said" || return
  grep -qE '^enqueue: [1-9][0-9]* checks' "$said" || { echo "enqueue was not run"; return 1; }
}

pack_programs() {
  local file
  rm -rf "$pack.part" && mkdir -p "$pack.part/cuda" || return 1
  for file in libedgeskip_tensorrt.so host harness cuda/device_tests cuda/device_bench; do
    if [ -e "$build/$file" ]; then cp "$build/$file" "$pack.part/$file" || return 1; else echo "not built: $file"; fi
  done
  find "$pack.part" -type f -exec strip -s {} + 2>/dev/null
  echo "sm $archs, TensorRT $(tensorrt_version), $("$nvcc" --version | grep -oE 'release [0-9.]+'), commit $(commit)" > "$pack.part/built.txt"
  rm -rf "$pack" && mv "$pack.part" "$pack" && du -sh "$pack"
  echo "needs: $(objdump -T "$pack"/*.so "$pack"/host "$pack"/cuda/* 2>/dev/null | grep -oE 'GLIBC(XX)?_[0-9.]+' | sort -uV | tail -40 |
    awk -F_ '{ newest[$1] = $0 } END { for (key in newest) printf "%s ", newest[key] }')"
}

# TYPE [--short]: name,ms of each layer
dense_times() {
  local file=$build/dense-$1.csv
  "$cuda_bench" --list "${@:2}" | bounded "$python" plugins/cuda/bench/cudnn_dense.py --type "$1" | tee "$file.part" && mv "$file.part" "$file"
}

# one header for both types
join_layer_times() {
  local file=$build/layer_times.csv
  awk '/^#/ { if (!comment++) print; next } /^capability/ { if (!header++) print; next } { print; rows++ }
    END { if (!rows) { print "no dense times: torch with CUDA gives them" > "/dev/stderr"; exit 77 } }' "$build"/layer_times-*.csv > "$file.part" || { rm -f "$file.part"; return 77; }
  mv "$file.part" "$file"
}

lean_tests() {
  EDGESKIP_TENSORRT_INCLUDE=$include EDGESKIP_TENSORRT_LIBS=$lean EDGESKIP_TENSORRT_BUILDS=$build EDGESKIP_TEST_ARCHS=$archs \
    CUDA_HOME=$cuda_home bounded "$python" -m pytest -q -rs -p no:cacheprovider tests/plugins/tensorrt
}

commit() { git rev-parse --short HEAD 2>/dev/null || echo unknown; }

# lines of a log that are a table, or all where it has none
figures() {
  local log=$build/logs/$1.log
  [ -s "$log" ] || return 0
  printf '\n## %s\n\n' "$1"
  if grep -q '^|' "$log"; then grep '^|' "$log"; else printf '```\n'; tail -n 160 "$log"; printf '```\n'; fi
}

table() {
  local step
  echo "# GPU: $name"
  echo
  if [ $gpu = 0 ]; then echo "A rehearsal: nothing below ran on a GPU."; else echo "Begun $started."; fi
  echo "Commit $(commit), \`benchmarks/gpu/run.sh\`."
  echo
  echo '```'
  head -7 "$build/logs/machine.log" 2>/dev/null
  echo '```'
  echo
  goals
  echo
  echo '| step | what | result | seconds |'
  echo '|---|---|---|---|'
  cat "$rows"
  for step in $(grep -oE '^\| (bench|cudnn|kernels|host|harness|frames|time|network)[^ ]* ' "$rows" | tr -d '| '); do
    if grep -qE "^\\| $step \\| .*(passed|failed)" "$rows"; then figures "$step"; fi
  done
}

# writes the table and what was measured; prints the table's file
write_table() {
  local slug file csv
  [ -n "$name" ] || name=$( [ $gpu = 1 ] && gpu_name || echo rehearsal )
  slug=$(echo "$name" | tr '[:upper:]' '[:lower:]' | tr -cs 'a-z0-9\n' - | sed 's/^-//; s/-$//')
  file=$output/gpu-$slug-$(date -u +%F).md
  table > "$file.part" && mv "$file.part" "$file"
  for csv in "$build"/bench-*.csv "$build"/layer_times.csv "$build"/network-*.csv; do
    if [ -e "$csv" ]; then cp "$csv" "${file%.md}-$(basename "$csv")"; fi
  done
  echo "$file"
}

end_table() {
  local file
  file=$(write_table)
  cat "$file"
  echo "table: $file; logs: $build/logs" >&2
  if [ "$failures" -gt 0 ]; then echo "error: $failures steps failed" >&2; exit 1; fi
}
