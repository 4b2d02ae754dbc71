# Steps of run.sh: each is timed, logged, and stops nobody. Sourced, not run.

absolute() { realpath -m -- "$1"; }

begin_table() {
  started=$(date -u +%FT%TZ)
  mkdir -p "$build/logs" "$output" || exit 1
  rows=$build/logs/rows
  : > "$rows"
  failures=0
}

wanted() { [ -z "$only" ] || [[ " $only " == *" $1 "* ]]; }

# step NAME "what" [--unless FUNCTION [--with ARGUMENT]] COMMAND...: FUNCTION prints why the step is left out
step() {
  local name=$1 what=$2 reason="" check=() log begin code
  shift 2
  wanted "$name" || return 0
  if [ "${1:-}" = --unless ]; then
    check=("$2"); shift 2
    if [ "${1:-}" = --with ]; then check+=("$2"); shift 2; fi
    reason=$("${check[@]}" || true)
  fi
  if [ -n "$reason" ]; then
    echo "== $name: left out ($reason)" >&2
    row "$name" "$what" "left out: $reason" ""
    return 0
  fi
  log=$build/logs/$name.log
  echo "== $name: $what" >&2
  begin=$(date +%s.%N)
  if declare -F "$1" >/dev/null; then "$@" > "$log" 2>&1; else timeout -k 20 "$limit" "$@" > "$log" 2>&1; fi
  code=$?
  local seconds; seconds=$(awk -v a="$begin" -v b="$(date +%s.%N)" 'BEGIN { printf "%.1f", b - a }')
  case $code in
    0) row "$name" "$what" passed "$seconds" ;;
    124 | 137) row "$name" "$what" "**failed**: over $limit s" "$seconds"; failures=$((failures + 1)) ;;
    *) row "$name" "$what" "**failed**: exit $code, $(last_line "$log")" "$seconds"; failures=$((failures + 1)) ;;
  esac
  if [ $code != 0 ]; then tail -n 15 "$log" | sed 's/^/   /' >&2; fi
  return 0
}

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
  echo "compiled for: sm $archs"
  [ -e /etc/nv_tegra_release ] && head -1 /etc/nv_tegra_release && nvpmodel -q 2>/dev/null
  nvidia-smi 2>/dev/null || true
}

host_reason() { no_gpu_or "$build/host" && return; [ -e "$library" ] || echo "the plugin library was not built"; }
sanitizer_reason() {
  no_gpu_or "$cuda_test"
  [ $gpu = 0 ] && return
  command -v compute-sanitizer >/dev/null || echo "no compute-sanitizer"
}
python_reason() { [ -z "$python" ] && echo "no Python" && return; "$python" -c 'import pytest, onnx' 2>/dev/null || echo "$python has no pytest or onnx"; }
torch_reason() {
  no_gpu && return
  [ -e plugins/cuda/bench/cudnn.py ] || { echo "no program for it"; return; }
  "$python" -c 'import torch, sys; sys.exit(not torch.cuda.is_available())' 2>/dev/null || echo "no torch with CUDA"
}
tensorrt_reason() {
  no_gpu && return
  [ -e "$build/harness" ] || { echo "the harness was not built"; return; }
  [ -n "$tensorrt" ] || ldconfig -p 2>/dev/null | grep -q 'libnvinfer\.so' || echo "no TensorRT; use --tensorrt DIR"
}
module_reason() {
  no_gpu && return
  [ -z "$python" ] && echo "no Python" && return
  "$python" -c 'import tensorrt' 2>/dev/null || echo "no Python module tensorrt"
}
doctor_reason() { [ -z "$python" ] && echo "no Python" && return; "$python" -c 'import typer, onnx' 2>/dev/null || echo "$python lacks edgeskip's packages"; }
bundled() { echo "$PWD/demos/models/edgeskip_tiny.onnx"; }

# lines of a log that are a table, or all where it has none
figures() {
  local log=$build/logs/$1.log
  [ -s "$log" ] || return 0
  printf '\n## %s\n\n' "$1"
  if grep -q '^|' "$log"; then grep '^|' "$log"; else printf '```\n'; tail -n 60 "$log"; printf '```\n'; fi
}

end_table() {
  [ -n "$name" ] || name=$( [ $gpu = 1 ] && gpu_name || echo rehearsal )
  local slug file
  slug=$(echo "$name" | tr '[:upper:]' '[:lower:]' | tr -cs 'a-z0-9\n' - | sed 's/^-//; s/-$//')
  file=$output/gpu-$slug-$(date -u +%F).md
  {
    echo "# GPU: $name"
    echo
    if [ $gpu = 0 ]; then echo "A rehearsal: nothing below ran on a GPU."; else echo "Begun $started."; fi
    echo "Commit $(git rev-parse --short HEAD 2>/dev/null || echo unknown), \`benchmarks/gpu/run.sh\`."
    echo
    echo '```'
    head -7 "$build/logs/machine.log" 2>/dev/null
    echo '```'
    echo
    echo '| step | what | result | seconds |'
    echo '|---|---|---|---|'
    cat "$rows"
    for name in bench bench-cudnn kernels host harness evaluate-fp32 evaluate-fp16 time-fp32 time-fp16; do
      if grep -qE "^\\| $name \\| .*(passed|failed)" "$rows"; then figures "$name"; fi
    done
  } > "$file.part" && mv "$file.part" "$file"
  cat "$file"
  echo "table: $file; logs: $build/logs" >&2
  if [ "$failures" -gt 0 ]; then echo "error: $failures steps failed" >&2; exit 1; fi
}
