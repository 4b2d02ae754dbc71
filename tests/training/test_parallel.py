"""Two processes, as torchrun starts them, train one network."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from support.subprocesses import PARENT
from support.training import configuration, torch, write_configuration

SCRIPT = """
import sys
from pathlib import Path
import torch
torch.set_num_threads(1)
from edgeskip.training import read_config
from edgeskip.training.parallel import processes
from edgeskip.training.run import Run

folder = Path(sys.argv[1])
with processes("cpu") as parallel:
    run = Run(read_config(folder / "gates.json"), folder, parallel)
    seen = []
    result = run.run(lambda progress: seen.append((progress.loss, progress.mac_fraction)))
    torch.save({"seen": seen, "result": result is not None}, folder / f"rank{parallel.rank}.pt")
"""


def test_two_processes_agree_and_one_writes(tmp_path: Path) -> None:
    if not torch.distributed.is_available() or not torch.distributed.is_gloo_available():
        pytest.skip("this torch has no gloo")
    write_configuration(tmp_path, configuration(batch=1, steps=6, evaluate_every=3))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    tests = Path(__file__).resolve().parents[1]
    shared = {**os.environ, "PYTHONPATH": f"{PARENT}:{tests}", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port),
              "WORLD_SIZE": "2", "OMP_NUM_THREADS": "1"}  # fmt: skip
    command = [sys.executable, "-c", SCRIPT, str(tmp_path)]
    both = [subprocess.Popen(command, env={**shared, "RANK": str(rank)}, stderr=subprocess.PIPE, text=True, cwd="/")
            for rank in range(2)]  # fmt: skip
    for process in both:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
    first, second = (torch.load(tmp_path / f"rank{rank}.pt", weights_only=True) for rank in range(2))
    assert first["seen"] == second["seen"], "figures are means over both"
    assert len(first["seen"]) == 6
    assert (first["result"], second["result"]) == (True, False)
    assert (tmp_path / "best.pt").is_file()
