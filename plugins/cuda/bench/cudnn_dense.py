"""Dense times of the benchmark's layers by cuDNN: name,ms for `device_bench --dense`. Needs torch with CUDA.

build/device_bench --list | python bench/cudnn_dense.py > build/dense.csv
make bench BENCH="--dense build/dense.csv"
"""

from __future__ import annotations

import sys

import torch

_FRAMES, _RUNS, _WARM_UP = 16, 20, 3


def dense_ms(batch: int, height: int, width: int, channels: int, outputs: int, kernel: int, stride: int) -> float:
    """Median ms of one conv2d, FP16, channels last, in a CUDA graph of several frames."""
    kind = {"device": "cuda", "dtype": torch.float16}
    inputs = [torch.randn(batch, channels, height, width, **kind).to(memory_format=torch.channels_last) for _ in "ab"]
    weight = torch.randn(outputs, channels, kernel, kernel, **kind).to(memory_format=torch.channels_last)
    bias = torch.zeros(outputs, **kind)

    def frame(index: int) -> torch.Tensor:
        return torch.nn.functional.conv2d(inputs[index % 2], weight, bias, stride=stride, padding=kernel // 2)

    for index in range(_WARM_UP):
        frame(index)
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
    if not torch.cuda.is_available():
        sys.stderr.write(
            "no CUDA device for torch\n\nhint: install torch with CUDA, or run `make bench` without --dense\n"
        )
        return 1
    torch.backends.cudnn.benchmark = True
    for line in sys.stdin:
        name, *numbers = line.strip().split(",")
        sys.stdout.write(f"{name},{dense_ms(*(int(number) for number in numbers)):.6f}\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
