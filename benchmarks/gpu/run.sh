#!/usr/bin/env bash
# Everything that wants a GPU, in one command; one table at the end, and in benchmarks/results/gpu-NAME-DATE.md:
#   benchmarks/gpu/run.sh                                      on a machine with a GPU, nvcc and maybe TensorRT
#   benchmarks/gpu/run.sh --no-gpu --archs 90 --tensorrt-include DIR --pack build/programs
#                                                              a rehearsal: compiles all, runs what needs no GPU
#   benchmarks/gpu/run.sh --prebuilt build/programs            with what --pack put there elsewhere; needs no nvcc
# Options:
#   --name TEXT            of the machine, in the file's name (the GPU's name)
#   --archs "87 90"        compute capabilities to compile for (that of the GPU here, else 87)
#   --tensorrt DIR         folder of TensorRT's libraries, with include/ beside or in it; 8.6 to 11.x (that of Python's)
#   --tensorrt-include DIR folder of NvInfer.h, where it lies elsewhere
#   --lean DIR             folder of tensorrt_lean_bindings and tensorrt_lean_libs; several with : between
#   --prebuilt DIR         take programs and library from here and compile nothing
#   --pack DIR             put programs and library there, a few MiB, to be carried
#   --build DIR            where everything is compiled, logs too (build/gpu)
#   --python FILE          Python that has edgeskip's packages (.venv/bin/python, else python3)
#   --only "A B"           these steps only; --list names them all
#   --limit SECONDS        for one step (1800)
#   --total SECONDS        steps are left out that would begin later than this
#   --jobs N               of make (the cores)
#   --output DIR           for the table and the CSV files (benchmarks/results)
#   --videos DIR           compare engines with the CPU engine on 300 frames of each video in it too
#   --network FILE         HRNet-w32 at 1088x832 as ONNX (benchmarks/networks.py builds it where timm is)
#   --quick                short benchmarks
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
self=benchmarks/gpu/run.sh
source benchmarks/gpu/steps.sh
source benchmarks/gpu/goals.sh
name="" archs="" tensorrt="" include="" lean="" prebuilt="" pack="" build=$PWD/build/gpu output=$PWD/benchmarks/results
only="" videos="" network="" limit=1800 total="" jobs=$(nproc 2>/dev/null || echo 2) gpu=1 quick=0 list=0
python=$PWD/.venv/bin/python; [ -x "$python" ] || python=$(command -v python3 || true)
while [ $# -gt 0 ]; do
  case $1 in
    --no-gpu | --dry-run) gpu=0; shift; continue ;;
    --quick) quick=1; shift; continue ;;
    --list) list=1; shift; continue ;;
    -h | --help) sed -n '2,/^set /{/^# /s/^# //p}' $self; exit 0 ;;
  esac
  [ $# -ge 2 ] || { echo "error: unknown option, or it lacks its value: $1" >&2; exit 2; }
  case $1 in
    --name) name=$2 ;;
    --archs) archs=$2 ;;
    --tensorrt) tensorrt=$(absolute "$2") ;;
    --tensorrt-include) include=$(absolute "$2") ;;
    --lean) lean=$2 ;;
    --prebuilt) prebuilt=$(absolute "$2") ;;
    --pack) pack=$(absolute "$2") ;;
    --build) build=$(absolute "$2") ;;
    --python) python=$2 ;;
    --only) only=$2 ;;
    --limit) limit=$2 ;;
    --total) total=$2 ;;
    --jobs) jobs=$2 ;;
    --output) output=$(absolute "$2") ;;
    --videos) videos=$(absolute "$2") ;;
    --network) network=$(absolute "$2") ;;
    *) echo "error: unknown option: $1" >&2; exit 2 ;;
  esac
  shift 2
done
[ $list = 1 ] && { grep -oE '^ *step "?[a-z0-9$-]+' $self | tr -d '"' | awk '{ print $2 }'; exit 0; }

begin_table
cuda_home=$(find_cuda)
nvcc=$(command -v nvcc || ls "$cuda_home"/bin/nvcc 2>/dev/null || true)
sanitizer=$(command -v compute-sanitizer || ls "$cuda_home"/bin/compute-sanitizer "$cuda_home"/compute-sanitizer/compute-sanitizer 2>/dev/null | head -1)
if [ $gpu = 1 ] && [ -z "$archs" ]; then archs=$(gpu_architectures); fi
archs=${archs:-87}
borrow_native
[ -z "$tensorrt" ] && tensorrt=$(python_tensorrt)
[ -z "$include" ] && include=$(find_include "$tensorrt")
[ -n "$tensorrt" ] && export LD_LIBRARY_PATH=$tensorrt:$tensorrt/lib:${LD_LIBRARY_PATH:-}
programs=${prebuilt:-$build}
library=$programs/libedgeskip_tensorrt.so
cli=("$python" -c 'from edgeskip.cli import main; main()')
export EDGESKIP_CACHE=$build/cache PYTHONPATH=$PWD:${PYTHONPATH:-}
plugin_make=(make -C plugins/tensorrt "-j$jobs" "BUILD=$build" "ARCHS=$archs" "TENSORRT_INCLUDE=$include"
  "CUDA_HOME=$cuda_home" "NVCC=$nvcc")
cuda_make=(make -C plugins/cuda "-j$jobs" "BUILD=$build/cuda" "ARCHS=$archs" "CUDA_HOME=$cuda_home" "NVCC=$nvcc")
cuda_test=$programs/cuda/device_tests cuda_bench=$programs/cuda/device_bench
bench_options=(); [ $quick = 1 ] && bench_options=(--short)

# what there is
step machine "GPU, driver, toolkit" describe_machine

# compile
step build-cuda "kernels, their tests and benchmark for sm $archs" --unless needs_compiler "${cuda_make[@]}" all
step build-plugins "libedgeskip_tensorrt.so" --unless needs_headers "${plugin_make[@]}" library
step build-host "minimal host" --unless needs_headers "${plugin_make[@]}" "$build/host"
step build-harness "program for a machine with TensorRT" --unless needs_headers "${plugin_make[@]}" harness
step pack "programs to carry" --unless pack_reason pack_programs

# what needs a GPU and nothing else, most telling first
step kernels "each kernel against float64" --unless no_gpu_or --with "$cuda_test" "$cuda_test"
step host "V3 plugin's enqueue without TensorRT" --unless host_reason run_host
for type in float16 float32; do
  short=("${bench_options[@]}"); [ $type = float32 ] && short=(--short)
  step "cudnn-$type" "dense cuDNN, $type (torch)" --unless torch_reason dense_times $type "${short[@]}"
  step "bench-$type" "ms and TFLOP/s by share of active pixels, $type" --unless no_gpu_or --with "$cuda_bench" \
    "$cuda_bench" --type $type --csv "$build/bench-$type.csv" --json "$build/bench-$type.json" \
    --dense "$build/dense-$type.csv" --layer-times "$build/layer_times-$type.csv" "${short[@]}"
done
step layer-times "table for edgeskip build --layer-times" --unless no_dense_times join_layer_times
for tool in memcheck racecheck initcheck synccheck; do
  step "sanitize-$tool" "kernels under compute-sanitizer $tool" --unless sanitizer_reason --with "$cuda_test" \
    "$sanitizer" --tool "$tool" --error-exitcode 9 "$cuda_test" --short
  step "sanitize-host-$tool" "plugins under compute-sanitizer $tool" --unless sanitizer_reason --with "$programs/host" \
    "$sanitizer" --tool "$tool" --error-exitcode 9 "$programs/host" "$library"
done

# what needs TensorRT's libraries
step harness "real TensorRT: build and run engines in C++" --unless tensorrt_reason "$programs/harness" "$library"

# what needs TensorRT's Python module
engine=$build/bundled
step export "bundled detector: exact but for the frame's gate" --unless module_reason \
  "${cli[@]}" export demos/models/edgeskip_tiny.onnx --tolerance 0 --frame-threshold 8 -o "$engine.skip.onnx"
for precision in fp32 fp16; do
  half=(); [ $precision = fp16 ] && half=(--fp16)
  step "engine-$precision" "edgeskip build, $precision, all layers the plugin's" --unless module_reason \
    with_library "${cli[@]}" build "$engine.skip.onnx" "${half[@]}" --plugin-policy all -o "$engine-$precision.engine"
  for video in "" ${videos:+"$videos"/*}; do
    case $video in "") scene=synthetic ;; *.mp4 | *.mkv | *.avi | *.mov) scene=$(basename "${video%.*}") ;; *) continue ;; esac
    step "frames-$precision-$scene" "300 frames beside the CPU engine, output by output" --unless module_reason \
      "$python" -m benchmarks.run_gpu_frames "$engine.skip.onnx" "$engine-$precision.engine" --precision $precision \
      ${video:+--source "$video"}
  done
  step "time-$precision" "ms per frame" --unless module_reason \
    "${cli[@]}" bench "$engine-$precision.engine" --backend tensorrt --against none --frames 300
done
for batch in 1 8; do
  step "network-$batch" "HRNet-w32 1088x832, batch $batch, 10 % active, beside TensorRT's dense FP16" \
    --unless network_reason with_library "$python" -m benchmarks.run_gpu_network ${network:+--network "$network"} \
    --batch $batch --csv "$build/network-$batch.csv" --folder "$build/networks"
done
step plugins-only "edgeskip build --plugins-only" --unless module_reason "${cli[@]}" build --plugins-only

# what runs anywhere
step emulation "index logic of the kernels on the host" --unless needs_sources "${cuda_make[@]}" host-test
step lean "library in TensorRT's lean runtime, and in the minimal host" --unless lean_reason lean_tests
step python-tests "tests of the backend" --unless python_reason \
  "$python" -m pytest -q -p no:cacheprovider tests/backends/tensorrt
step doctor "edgeskip doctor" --unless doctor_reason "${cli[@]}" doctor
end_table
