#!/usr/bin/env bash
# Everything that wants a GPU, in one command; one table at the end, and in benchmarks/results/gpu-NAME-DATE.md:
#   benchmarks/gpu/run.sh                                      on a machine with a GPU, nvcc and maybe TensorRT
#   benchmarks/gpu/run.sh --no-gpu --archs 90 --tensorrt-include DIR    a rehearsal: compiles all, runs what needs no GPU
#   benchmarks/gpu/run.sh --prebuilt build/gpu                 with what a rehearsal compiled elsewhere; needs no nvcc
# Options:
#   --name TEXT            of the machine, in the file's name (the GPU's name)
#   --archs "87 90"        compute capabilities to compile for (that of the GPU here, else 87)
#   --tensorrt DIR         folder of TensorRT's libraries, with include/ beside or in it; 8.6 to 11.x
#   --tensorrt-include DIR folder of NvInfer.h, where it lies elsewhere
#   --prebuilt DIR         take programs and library from here and compile nothing
#   --build DIR            where everything is compiled (build/gpu)
#   --python FILE          Python that has edgeskip's packages (.venv/bin/python, else python3)
#   --only "A B"           these steps only; --list names them all
#   --limit SECONDS        for one step (1800)
#   --jobs N               of make (the cores)
#   --output DIR           for the table (benchmarks/results); logs go to DIR/logs of --build
#   --videos DIR           evaluate the engine on 300 frames of each .mp4 in it too
#   --quick                short benchmarks
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
self=benchmarks/gpu/run.sh
source benchmarks/gpu/steps.sh
name="" archs="" tensorrt="" include="" prebuilt="" build=$PWD/build/gpu output=$PWD/benchmarks/results
only="" videos="" limit=1800 jobs=$(nproc 2>/dev/null || echo 2) gpu=1 quick=0 list=0
python=$PWD/.venv/bin/python; [ -x "$python" ] || python=$(command -v python3 || true)
while [ $# -gt 0 ]; do
  case $1 in
    --name) name=$2; shift 2 ;;
    --archs) archs=$2; shift 2 ;;
    --tensorrt) tensorrt=$(absolute "$2"); shift 2 ;;
    --tensorrt-include) include=$(absolute "$2"); shift 2 ;;
    --prebuilt) prebuilt=$(absolute "$2"); build=$prebuilt; shift 2 ;;
    --build) build=$(absolute "$2"); shift 2 ;;
    --python) python=$2; shift 2 ;;
    --only) only=$2; shift 2 ;;
    --limit) limit=$2; shift 2 ;;
    --jobs) jobs=$2; shift 2 ;;
    --output) output=$(absolute "$2"); shift 2 ;;
    --videos) videos=$(absolute "$2"); shift 2 ;;
    --quick) quick=1; shift ;;
    --no-gpu | --dry-run) gpu=0; shift ;;
    --list) list=1; shift ;;
    -h | --help) sed -n '2,/^set /{/^# /s/^# //p}' $self; exit 0 ;;
    *) echo "error: unknown option: $1" >&2; exit 2 ;;
  esac
done
[ $list = 1 ] && { grep -oE '^ *step "?[a-z0-9$-]+' $self | tr -d '"' | awk '{ print $2 }'; exit 0; }

begin_table
cuda_home=${CUDA_HOME:-/usr/local/cuda}
nvcc=$(command -v nvcc || ls "$cuda_home"/bin/nvcc 2>/dev/null || true)
if [ $gpu = 1 ] && [ -z "$archs" ]; then archs=$(gpu_architectures); fi
archs=${archs:-87}
[ -z "$include" ] && include=$(find_include "$tensorrt")
[ -n "$tensorrt" ] && export LD_LIBRARY_PATH=$tensorrt:$tensorrt/lib:${LD_LIBRARY_PATH:-}
library=$build/libedgeskip_tensorrt.so
cli=("$python" -c 'from edgeskip.cli import main; main()')
export EDGESKIP_CACHE=$build/cache PYTHONPATH=$PWD:${PYTHONPATH:-}
plugin_make=(make -C plugins/tensorrt "-j$jobs" "BUILD=$build" "ARCHS=$archs" "TENSORRT_INCLUDE=$include"
  "CUDA_HOME=$cuda_home" "NVCC=$nvcc")
cuda_make=(make -C plugins/cuda "-j$jobs" "BUILD=$build/cuda" "ARCHS=$archs" "CUDA_HOME=$cuda_home" "NVCC=$nvcc")
cuda_test=$build/cuda/device_tests cuda_bench=$build/cuda/device_bench
bench_options=(); [ $quick = 1 ] && bench_options=(--short)

# what there is
step machine "GPU, driver, toolkit" describe_machine

# compile
needs_compiler() { [ -n "$prebuilt" ] && echo "prebuilt: $prebuilt" && return; [ -z "$nvcc" ] && echo "no nvcc; use --prebuilt"; }
needs_headers() { needs_compiler && return; [ -z "$include" ] && echo "no NvInfer.h; use --tensorrt-include"; }
step build-cuda "kernels, their tests and benchmark for sm $archs" --unless needs_compiler "${cuda_make[@]}" all
step build-plugins "libedgeskip_tensorrt.so" --unless needs_headers "${plugin_make[@]}" library
step build-host "minimal host" --unless needs_headers "${plugin_make[@]}" "$build/host"
step build-harness "program for a machine with TensorRT" --unless needs_headers "${plugin_make[@]}" harness

# what runs anywhere
step emulation "index logic of the kernels on the host" --unless needs_compiler "${cuda_make[@]}" host-test

# what needs a GPU
no_gpu() { [ $gpu = 0 ] && echo "no GPU: rehearsal"; }
no_gpu_or() { no_gpu && return; [ -e "$1" ] || echo "$1 was not built"; }
step kernels "each kernel against float64" --unless no_gpu_or --with "$cuda_test" "$cuda_test"
step host "V3 plugin's enqueue without TensorRT" --unless host_reason "$build/host" "$library"
for tool in memcheck racecheck initcheck synccheck; do
  step "sanitize-$tool" "kernels under compute-sanitizer $tool" --unless sanitizer_reason \
    compute-sanitizer --tool "$tool" --error-exitcode 9 "$cuda_test" --short
  step "sanitize-host-$tool" "plugins under compute-sanitizer $tool" --unless sanitizer_reason \
    compute-sanitizer --tool "$tool" --error-exitcode 9 "$build/host" "$library"
done
step bench "ms and TFLOP/s by share of active pixels" --unless no_gpu_or --with "$cuda_bench" \
  "$cuda_bench" --csv "$build/bench.csv" --json "$build/bench.json" "${bench_options[@]}"
step bench-cudnn "dense cuDNN beside it (torch)" --unless torch_reason "$python" plugins/cuda/bench/cudnn.py "${bench_options[@]}"

# what needs TensorRT's libraries
step lean "plugins in TensorRT's lean runtime" --unless python_reason \
  "$python" -m pytest -q -p no:cacheprovider tests/backends/tensorrt $(ls -d tests/plugins 2>/dev/null)
step harness "real TensorRT: build and run engines in C++" --unless tensorrt_reason "$build/harness" "$library" --tensorrt "$tensorrt"

# what needs TensorRT's Python module
engine=$build/bundled
step plugins-only "edgeskip build --plugins-only" --unless module_reason "${cli[@]}" build --plugins-only
for precision in fp32 fp16; do
  half=(); [ $precision = fp16 ] && half=(--fp16)
  step "engine-$precision" "edgeskip build bundled, $precision" --unless module_reason \
    "${cli[@]}" build bundled "${half[@]}" --tolerance 0 -o "$engine-$precision.engine"
  step "evaluate-$precision" "300 frames against the dense network" --unless module_reason \
    "${cli[@]}" evaluate "$engine-$precision.engine" --backend tensorrt --dense "$(bundled)" --frames 300
  for video in ${videos:+"$videos"/*.mp4}; do
    step "evaluate-$precision-$(basename "$video" .mp4)" "the same on $(basename "$video")" --unless module_reason \
      "${cli[@]}" evaluate "$engine-$precision.engine" --backend tensorrt --dense "$(bundled)" --source "$video" --frames 300
  done
  step "time-$precision" "ms per frame" --unless module_reason \
    "${cli[@]}" bench "$engine-$precision.engine" --backend tensorrt --dense "$(bundled)" --frames 300
done
step doctor "edgeskip doctor" --unless doctor_reason "${cli[@]}" doctor
end_table
