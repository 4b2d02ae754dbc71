"""Bad input is one clear error with a hint, exit code 1, and no half-written file."""

from __future__ import annotations

import json
from pathlib import Path

import onnx
import pytest

from edgeskip.core.contract import METADATA_KEY

SCENE = "synthetic:hall?seed=3&size=96x64"


def change_metadata(source: Path, target: Path, change) -> Path:
    """A copy of a skip model with another metadata record."""
    proto = onnx.load(source)
    entry = next(entry for entry in proto.metadata_props if entry.key == METADATA_KEY)
    record = json.loads(entry.value)
    change(record)
    entry.value = json.dumps(record)
    onnx.save(proto, target)
    return target


@pytest.mark.parametrize("command", ["inspect", "bench", "evaluate"])
def test_not_an_onnx_file(failing, tmp_path: Path, command: str) -> None:
    path = tmp_path / "text.onnx"
    path.write_text("this is no network")
    assert "text.onnx" in failing(command, path).err


@pytest.mark.parametrize("command", [["inspect"], ["bench"], ["evaluate"], ["demo", "--no-window", "--model"]], ids=str)
def test_missing_model(failing, tmp_path: Path, command: list[str]) -> None:
    assert "absent.onnx" in failing(*command, tmp_path / "absent.onnx").err


def test_export_of_no_network_leaves_no_file(failing, tmp_path: Path) -> None:
    path = tmp_path / "text.onnx"
    path.write_text("this is no network")
    (tmp_path / "out").mkdir()
    failing("export", path, "-o", tmp_path / "out" / "x.onnx")
    assert list((tmp_path / "out").iterdir()) == []


def test_dynamic_size_names_the_option(failing, edgeskip, tmp_path: Path, small_network) -> None:
    path = tmp_path / "dynamic.onnx"
    onnx.save(small_network((1, 3, "height", "width")), path)
    outcome = failing("export", path, "-o", tmp_path / "x.onnx", "--task", "tensor")
    assert "--size" in outcome.err
    assert edgeskip("export", path, "-o", tmp_path / "x.onnx", "--task", "tensor", "--size", "96x64").code == 0


def test_output_folder_that_is_not_there(failing, dense_file: Path, tmp_path: Path) -> None:
    outcome = failing("export", dense_file, "-o", tmp_path / "no" / "x.onnx", "--task", "tensor")
    assert "mkdir" in outcome.err
    assert not (tmp_path / "no").exists()


def test_output_that_is_a_folder(failing, dense_file: Path, tmp_path: Path) -> None:
    failing("export", dense_file, "-o", tmp_path, "--task", "tensor")


def test_demo_output_that_cannot_be_written(failing, skip_file: Path, tmp_path: Path) -> None:
    failing("demo", "--model", skip_file, "--source", SCENE, "--save", tmp_path / "no" / "x.mp4", "--no-window")


def test_demo_output_of_an_unknown_kind(failing, skip_file: Path, tmp_path: Path) -> None:
    output = tmp_path / "x.txt"
    failing("demo", "--model", skip_file, "--source", SCENE, "--save", output, "--no-window", "--frames", 2)
    assert list(tmp_path.iterdir()) == []


def test_missing_camera(failing, skip_file: Path) -> None:
    outcome = failing("demo", "--model", skip_file, "--camera", 97, "--no-window")
    assert "97" in outcome.err


@pytest.mark.parametrize("source", ["absent.mp4", "synthetic:nowhere", "synthetic:street?speed=3", "gopher://x", ""])
def test_source_that_is_not_there(failing, skip_file: Path, source: str) -> None:
    failing("evaluate", skip_file, "--source", source)


def test_file_that_is_no_video(failing, skip_file: Path, tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"not a video at all" * 100)
    output = tmp_path / "out.mp4"
    failing("demo", "--model", skip_file, "--source", path, "--no-window", "--save", output)
    assert not output.exists()


def test_contract_from_the_future(failing, skip_file: Path, tmp_path: Path) -> None:
    path = change_metadata(skip_file, tmp_path / "future.onnx", lambda record: record.update(contract=99))
    outcome = failing("inspect", path)
    assert "99" in outcome.err
    assert "pip install -U edgeskip" in outcome.err


def test_missing_state_pair(failing, skip_file: Path, tmp_path: Path) -> None:
    path = change_metadata(skip_file, tmp_path / "broken.onnx", lambda record: record["states"].pop())
    assert "broken.onnx" in failing("demo", "--model", path, "--no-window").err


def test_picture_that_is_not_finite_after_normalisation(failing, skip_file: Path, tmp_path: Path) -> None:
    def change(record) -> None:
        record["inputs"]["x"]["scale"] = [float("inf")] * 3

    path = change_metadata(skip_file, tmp_path / "infinite.onnx", change)
    outcome = failing("demo", "--model", path, "--source", SCENE, "--no-window", "--frames", 2)
    assert "not finite" in outcome.err


@pytest.mark.parametrize(
    "options",
    [
        ["--task", "nonsense"],
        ["--labels", "/absent/labels.txt"],
        ["--task", "tensor", "--color", "GRAY"],
        ["--task", "tensor", "--score-threshold", "0.5"],
        ["--task", "tensor", "--video", "absent.mp4"],
    ],
    ids=" ".join,
)
def test_choices_that_do_not_fit(failing, dense_file: Path, tmp_path: Path, options: list[str]) -> None:
    output = tmp_path / "x.onnx"
    failing("export", dense_file, "-o", output, *options)
    assert not output.exists()


def test_wrong_task_is_told_when_it_decodes(failing, dense_file: Path) -> None:
    failing("evaluate", dense_file, "--task", "yolox", "--source", SCENE, "--frames", 2)


def test_start_beyond_the_end(failing, skip_file: Path) -> None:
    outcome = failing("evaluate", skip_file, "--source", f"{SCENE}&frames=5", "--start", 9)
    assert "--start" in outcome.err


def test_nothing_left_after_warm_up(failing, skip_file: Path) -> None:
    outcome = failing("bench", skip_file, "--source", f"{SCENE}&frames=4", "--warmup", 10)
    assert "--frames" in outcome.err


@pytest.mark.parametrize("option", [["--against", "tensorflow"], ["--backend", "nonsense"], ["--dense", "absent.onnx"]])
def test_bench_with_what_is_not_there(failing, skip_file: Path, option: list[str]) -> None:
    failing("bench", skip_file, "--source", SCENE, "--frames", 2, *option)
