"""Dense times of the benchmark's layers by cuDNN: name,ms for `device_bench --dense`. Needs torch with CUDA.

build/device_bench --list | python bench/cudnn_dense.py > build/dense.csv      # --type float32: FP32, without TF32
make bench BENCH="--dense build/dense.csv"
"""

from __future__ import annotations

import argparse
import sys

import torch

_FRAMES, _RUNS, _WARM_UP = 16, 20, 3


def dense_ms(
    dtype: torch.dtype, batch: int, height: int, width: int, channels: int, outputs: int, kernel: int, stride: int
) -> float:
    """Median ms of one conv2d, channels last, in a CUDA graph of several frames.

    No bias: torch adds it by a kernel of its own, which would make cuDNN look slower than it is.
    """
    kind = {"device": "cuda", "dtype": dtype}
    inputs = [torch.randn(batch, channels, height, width, **kind).to(memory_format=torch.channels_last) for _ in "ab"]
    weight = torch.randn(outputs, channels, kernel, kernel, **kind).to(memory_format=torch.channels_last)

    @torch.inference_mode()
    def frame(index: int) -> torch.Tensor:
        return torch.nn.functional.conv2d(inputs[index % 2], weight, stride=stride, padding=kernel // 2)

    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):  # as torch wants it before a capture: cuDNN chooses its algorithm here
        for index in range(_WARM_UP):
            frame(index)
    torch.cuda.current_stream().wait_stream(side)
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for index in range(_FRAMES):
            frame(index)
    times = [_timed(graph) for _ in range(_WARM_UP + _RUNS)][_WARM_UP:]
    return sorted(times)[len(times) // 2] / _FRAMES


def _timed(graph: torch.cuda.CUDAGraph) -> float:
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    begin.record()
    graph.replay()
    end.record()
    end.synchronize()
    return begin.elapsed_time(end)


def main() -> int:
    """Read layers from stdin, write name,ms to stdout."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--type", choices=("float16", "float32"), default="float16", help="of all tensors")
    dtype = getattr(torch, parser.parse_args().type)
    if not torch.cuda.is_available():
        sys.stderr.write(
            "no CUDA device for torch\n\nhint: install torch with CUDA, or run `make bench` without --dense\n"
        )
        return 1
    torch.backends.cudnn.benchmark = True
    torch.backends.cudnn.allow_tf32 = False
    for line in sys.stdin:
        name, *numbers = line.strip().split(",")
        sys.stdout.write(f"{name},{dense_ms(dtype, *map(int, numbers)):.6f}\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
