#!/usr/bin/env bash
# Every measurement in one command, tables in benchmarks/results (or --output FOLDER):
#   benchmarks/run.sh            kernels, patches, real videos, profile: about twenty minutes on two cores
#   benchmarks/run.sh --quick    the same with few repeats: a few minutes, figures are rough
# Further options: --shared FOLDER (networks and videos), --hrnet FILE, --efficientdet FILE, --suffix TEXT, --python FILE
set -uo pipefail
cd "$(dirname "$0")/.."
root=$PWD
quick=0; output=(); suffix=$(date -u +%F); patch_files=(); shared=()
python=$root/.venv/bin/python; [ -x "$python" ] || python=python3
while [ $# -gt 0 ]; do
  case $1 in
    --quick) quick=1; shift ;;
    --output) output=(--output "$(realpath -m "$2")"); shift 2 ;;
    --suffix) suffix=$2; shift 2 ;;
    --python) python=$2; shift 2 ;;
    --shared) shared=(--shared "$2"); shift 2 ;;
    --hrnet | --efficientdet) patch_files+=("$1" "$2"); shift 2 ;;
    -h | --help) sed -n '2,5s/^# //p' "$0"; exit 0 ;;
    *) echo "error: unknown option: $1" >&2; exit 2 ;;
  esac
done
kernels=() patches=() networks=(--choose) profile=()
if [ $quick = 1 ]; then
  suffix=$suffix-quick
  kernels=(--repeats 3 --active 1,0.1)
  patches=(--frames 4 --targets 0,0.1,0.5,1 --tolerances 0.05,0.2)
  networks=(--frames 40)
  profile=(--frames 40)
fi
common=("${output[@]}" --suffix "$suffix")
# `python -m` puts the current folder first on the path: the source tree serves where the engine was built into it,
# the installed package elsewhere
if ! ls edgeskip/backends/cpu/_native*.so >/dev/null 2>&1; then
  mkdir -p build/bench && ln -sfn ../../benchmarks build/bench/benchmarks && cd build/bench
fi
failed=()
step() {
  local name=$1; shift
  echo "== $name" >&2
  "$python" -m "benchmarks.$name" "$@" "${common[@]}" || failed+=("$name")
}
step run_kernels "${kernels[@]}"
if [ $quick = 0 ]; then
  echo "== run_kernels, scattered pixels" >&2
  "$python" -m benchmarks.run_kernels --pattern scattered --active 0.1,0.03 "${output[@]}" \
    --suffix "scattered-$suffix" || failed+=("run_kernels --pattern scattered")
fi
step run_patches "${patches[@]}" "${patch_files[@]}"
if [ $quick = 0 ]; then
  echo "== run_patches, residual sums apart" >&2
  "$python" -m benchmarks.run_patches --residual apart --only hrnet --targets 0.1,0.25 "${patch_files[@]}" \
    "${output[@]}" --suffix "residual-apart-$suffix" || failed+=("run_patches --residual apart")
fi
step run_networks --against onnxruntime,openvino "${networks[@]}" "${shared[@]}"
echo "== run_networks, 16 frames a turn" >&2
"$python" -m benchmarks.run_networks --against onnxruntime,openvino "${networks[@]}" "${shared[@]}" --turn 16 "${output[@]}" \
  --suffix "turn16-$suffix" || failed+=("run_networks --turn 16")
step run_profile "${profile[@]}" "${shared[@]}"
if [ ${#failed[@]} -gt 0 ]; then echo "error: did not finish: ${failed[*]}" >&2; exit 1; fi
