"""The frame of the command line: help, version, exit codes, and how errors look."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time

import pytest
from support.subprocesses import start_interruptible

from edgeskip import __version__
from edgeskip.cli import entry
from edgeskip.core.errors import EdgeskipError, ModelError

COMMANDS = ("demo", "export", "build", "inspect", "bench", "evaluate", "doctor")
OPTIONAL = ("openvino", "torch", "onnxscript", "tensorrt", "pycuda", "aiohttp")
HEAVY = ("numpy", "onnx", "onnxruntime", "cv2", *OPTIONAL)

MAIN = "from edgeskip.cli import main; main()"


def python(code: str, *arguments: str, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, **options)


def test_every_help_runs_without_optional_packages_and_has_an_example() -> None:
    code = f"""
import sys
for module in {OPTIONAL!r}:
    sys.modules[module] = None
from edgeskip.cli.entry import run
for command in {COMMANDS!r}:
    print("==", command)
    assert run([command, "--help"]) == 0
"""
    done = python(code)
    assert done.returncode == 0, done.stderr
    texts = re.split(r"^== ", done.stdout, flags=re.MULTILINE)[1:]
    assert [text.split()[0] for text in texts] == list(COMMANDS)
    for text in texts:
        command = text.split()[0]
        assert "Examples" in text
        assert f"$ edgeskip {command}" in text


def test_help_imports_nothing_heavy() -> None:
    """So that `edgeskip --help` answers at once, also on a small board."""
    code = f"""
import sys
from edgeskip.cli.entry import run
assert run(["--help"]) == 0
loaded = [module for module in {HEAVY!r} if module in sys.modules]
assert not loaded, loaded
"""
    done = python(code)
    assert done.returncode == 0, done.stderr


def test_every_command_is_listed_and_no_other(edgeskip) -> None:
    text = edgeskip("--help").out
    listed = re.findall(r"^│ (\w+)  ", text.split("Commands", 1)[1], re.MULTILINE)
    assert sorted(listed) == sorted(COMMANDS)


def test_version(edgeskip) -> None:
    outcome = edgeskip("--version")
    assert (outcome.code, outcome.out) == (0, f"edgeskip {__version__}\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["demo", "--nonsense"],
        ["export"],
        ["export", "model.onnx"],
        ["bench", "m.onnx", "--threads", "0"],
        ["demo", "--tolerance", "-1"],
        ["demo", "--camera", "0", "--source", "0"],
        ["export", "m.onnx", "-o", "x.onnx", "--size", "640"],
        ["export", "m.onnx", "-o", "x.onnx", "--mean", "1,2"],
        ["export", "m.onnx", "-o", "x.onnx", "--block", "3"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_exit_2_and_goes_to_stderr(edgeskip, arguments: list[str]) -> None:
    outcome = edgeskip(*arguments)
    assert outcome.code == 2
    assert outcome.out == ""
    assert "Usage" in outcome.err
    assert "Traceback" not in outcome.err


def test_user_error_is_one_message_and_a_hint(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    def fail(app, arguments):
        raise ModelError("x.onnx: it is no good", hint="take another")

    monkeypatch.setattr(entry, "_exit_code", fail)
    assert entry.run(["doctor"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "error: x.onnx: it is no good\n\nhint: take another\n"


def test_error_without_a_hint_has_none(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    def fail(app, arguments):
        raise EdgeskipError("no")

    monkeypatch.setattr(entry, "_exit_code", fail)
    assert entry.run([]) == 1
    assert capsys.readouterr().err == "error: no\n"


def test_bug_shows_its_traceback() -> None:
    code = f"""
import edgeskip.doctor
def broken(): raise ZeroDivisionError("a bug")
edgeskip.doctor.examine = broken
{MAIN}
"""
    done = python(code, "doctor")
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "ZeroDivisionError: a bug" in done.stderr
    assert "hint:" not in done.stderr


def test_interrupt_is_exit_130_and_quiet() -> None:
    code = f"""
import time, sys
import edgeskip.doctor
def wait():
    print("ready", flush=True)
    time.sleep(30)
edgeskip.doctor.examine = wait
{MAIN}
"""
    process = start_interruptible([sys.executable, "-c", code, "doctor"])
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "Traceback" not in err


def test_broken_pipe_is_quiet() -> None:
    read, write = os.pipe()
    os.close(read)
    process = subprocess.run(
        [sys.executable, "-c", MAIN, "doctor", "--json"], stdout=write, stderr=subprocess.PIPE, text=True
    )
    os.close(write)
    assert "Traceback" not in process.stderr
    assert "BrokenPipe" not in process.stderr
    assert process.returncode == 1
