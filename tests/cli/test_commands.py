"""From a dense network to a video, through every command, on the synthetic scene."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from support.subprocesses import start_interruptible

SCENE = "synthetic:hall?seed=3&size=96x64"


def test_export_writes_a_valid_model_and_says_what_it_made(edgeskip, dense_file: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.skip.onnx"
    outcome = edgeskip("export", dense_file, "-o", output, "--task", "tensor", "--json", "--tolerance", "0.1")
    assert outcome.code == 0, outcome.err
    record = outcome.json
    assert record["output"] == str(output)
    assert record["file_bytes"] == output.stat().st_size
    assert record["convolutions"] == 3
    assert record["gated"] == 2, "nothing follows the last one that a gate could save"
    assert record["dense_macs"] == 32 * 48 * 8 * 27 + 16 * 24 * 8 * 72 + 16 * 24 * 4 * 8
    assert 0 < record["threshold_range"][0] <= record["threshold_range"][1]
    assert record["state_bytes"] > 0
    onnx.checker.check_model(onnx.load(output))
    assert [path.name for path in tmp_path.iterdir()] == ["out.skip.onnx"], "nothing half-written lies beside it"


def test_export_summary_for_people(edgeskip, dense_file: Path, tmp_path: Path) -> None:
    outcome = edgeskip("export", dense_file, "-o", tmp_path / "a.onnx", "--task", "tensor")
    assert outcome.code == 0
    for word in ("3 convolutions", "thresholds", "8 frames of synthetic:", "state", "stays dense"):
        assert word in outcome.out, word
    assert f"edgeskip demo --model {tmp_path / 'a.onnx'}" in outcome.err


def test_tolerance_zero_is_exact(edgeskip, dense_file: Path) -> None:
    record = edgeskip(
        "evaluate", dense_file, "--task", "tensor", "--tolerance", 0, "--source", SCENE, "--frames", 6, "--json"
    ).json
    assert record["frames"] == 6
    assert record["agreement"] > 1 - 1e-5
    # pixels up to 255 go in: outputs are of that size
    assert record["max_abs_error"] < 1e-4 * 255


def test_evaluate_has_the_fields_of_the_design(edgeskip, skip_file: Path) -> None:
    record = edgeskip("evaluate", skip_file, "--source", SCENE, "--frames", 5, "--json").json
    assert {"task", "frames", "agreement", "active_mac_fraction", "max_abs_error", "per_layer"} <= set(record)
    assert len(record["per_layer"]) == 3
    assert 0 < record["active_mac_fraction"] < 1
    assert all(0 <= layer["active_fraction"] <= 1 for layer in record["per_layer"])


def test_bench_has_the_fields_of_the_design(edgeskip, skip_file: Path) -> None:
    outcome = edgeskip(
        "bench", skip_file, "--source", SCENE, "--frames", 5, "--warmup", 2, "--threads", 1, "--json"
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    record = outcome.json
    assert (record["frames"], record["threads"], record["source"]) == (5, 1, SCENE)
    assert record["model"] == str(skip_file)
    assert record["edgeskip"]["ms_median"] <= record["edgeskip"]["ms_p95"]
    ratio = record["onnxruntime"]["ms_median"] / record["edgeskip"]["ms_median"]
    assert record["speedup"]["onnxruntime"] == pytest.approx(ratio, rel=0.05)
    assert record["efficiency"]["onnxruntime"] > 0
    assert 0 < record["active_mac_fraction"] <= 1
    assert record["machine"]["cpu"]


def test_bench_and_evaluate_for_people(edgeskip, skip_file: Path) -> None:
    text = edgeskip("bench", skip_file, "--source", SCENE, "--frames", 3, "--warmup", 1).out
    assert "median ms" in text
    assert "onnxruntime" in text
    text = edgeskip("evaluate", skip_file, "--source", SCENE, "--frames", 3).out
    assert "agreement" in text
    assert "MACs computed" in text


def test_bench_without_peers(edgeskip, skip_file: Path) -> None:
    record = edgeskip(
        "bench", skip_file, "--source", SCENE, "--frames", 3, "--warmup", 1, "--against", "none", "--json"
    ).json
    assert record["speedup"] == {}
    assert record["agreement"] is None


def test_inspect_lists_layers_gates_and_what_runs_them(edgeskip, skip_file: Path) -> None:
    record = edgeskip("inspect", skip_file, "--json").json
    assert record["task"]["name"] == "tensor"
    assert record["inputs"]["x"]["shape"] == [1, 3, 64, 96]
    assert len(record["gates"]) == 1
    assert record["gates"][0]["threshold_signed"] is None or record["gates"][0]["threshold_signed"] > 0
    convolutions = [layer for layer in record["layers"] if layer["macs"]]
    assert sum(layer["macs"] for layer in convolutions) == record["dense_macs"]
    for layer in convolutions:
        threshold = layer["threshold"]
        assert threshold["value"] == pytest.approx(threshold["tolerance"] * threshold["scale"], rel=1e-5)
    assert "8 frames of synthetic:" in convolutions[0]["threshold"]["source"]
    assert [layer["threshold"]["tolerance"] for layer in convolutions] == [0.06, 0.06, 0]
    assert record["backend"]["name"] in {entry["name"] for entry in record["backends"]}
    assert record["state_ratio"] == pytest.approx(record["state_bytes"] / record["feature_map_bytes"])


def test_inspect_for_people(edgeskip, skip_file: Path) -> None:
    text = edgeskip("inspect", skip_file).out
    for word in ("Gates", "Layers", "state", "backend", "8 frames of synthetic:"):
        assert word in text, word


def test_dense_network_is_exported_on_the_fly_with_a_note(edgeskip, dense_file: Path) -> None:
    outcome = edgeskip("inspect", dense_file, "--json")
    assert outcome.code == 0, outcome.err
    assert "note: " in outcome.err
    assert "dense network" in outcome.err
    assert outcome.json["model"] == str(dense_file)


def test_demo_writes_a_video_of_the_frames_and_prints_figures(edgeskip, skip_file: Path, tmp_path: Path) -> None:
    output = tmp_path / "demo.mp4"
    outcome = edgeskip(
        "demo", "--model", skip_file, "--source", SCENE, "--frames", 6, "--save", output, "--no-window", "--json",
        "--dense-every", 2,
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    record = outcome.json
    assert record["frames"] == 6
    assert record["saved"] == str(output)
    assert record["onnxruntime"]["frames"] == 3
    assert 0 < record["active_mac_fraction"] < 1
    assert [stage["reduction"] for stage in record["stages"]] == [2, 4]
    capture = cv2.VideoCapture(str(output))
    pictures = []
    while (taken := capture.read())[0]:
        pictures.append(taken[1])
    assert len(pictures) == 6
    assert pictures[0].shape[1] >= 640
    assert np.abs(pictures[0].astype(int) - pictures[-1]).mean() > 1, "the first frame is lit all over, the last is not"
    assert [path.name for path in tmp_path.iterdir()] == ["demo.mp4"]


def test_demo_without_a_display_says_where_the_video_is(
    edgeskip, skip_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    outcome = edgeskip("demo", "--model", skip_file, "--source", SCENE, "--frames", 3)
    assert outcome.code == 0, outcome.err
    assert "no display: writing edgeskip-demo.mp4" in outcome.err
    assert "edgeskip-demo.mp4" in outcome.out
    assert (tmp_path / "edgeskip-demo.mp4").is_file()


def test_demo_no_window_writes_nothing(
    edgeskip, skip_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = edgeskip("demo", "--model", skip_file, "--source", SCENE, "--frames", 3, "--no-window")
    assert outcome.code == 0, outcome.err
    assert "MACs computed" in outcome.out
    assert list(tmp_path.iterdir()) == []


def test_demo_loops(edgeskip, skip_file: Path) -> None:
    outcome = edgeskip(
        "demo", "--model", skip_file, "--source", f"{SCENE}&frames=2", "--loop", "--frames", 5, "--no-window", "--json"
    )
    assert outcome.json["frames"] == 5


def test_all_backends_agree(edgeskip, skip_file: Path) -> None:
    """The demo's figures do not depend on what runs the model."""
    fractions = {}
    for backend in ("auto", "onnxruntime", "reference"):
        outcome = edgeskip(
            "evaluate", skip_file, "--source", SCENE, "--frames", 2, "--backend", backend, "--json"
        )  # fmt: skip
        assert outcome.code == 0, outcome.err
        fractions[outcome.json["backend"]] = outcome.json["active_mac_fraction"]
    assert len(set(np.round(list(fractions.values()), 6))) == 1, fractions


def test_start_moves_the_source(edgeskip, skip_file: Path) -> None:
    fractions = [
        edgeskip("evaluate", skip_file, "--source", SCENE, "--frames", 3, "--start", start, "--json").json[
            "active_mac_fraction"
        ]
        for start in (0, 40)
    ]
    assert fractions[0] != fractions[1]


def test_interrupted_demo_keeps_what_it_made(skip_file: Path, tmp_path: Path) -> None:
    """Ctrl-C is how a camera demo ends: the video is whole, the figures are printed, exit code 130."""
    output = tmp_path / "live.mp4"
    command = [sys.executable, "-c", "from edgeskip.cli import main; main()", "demo", "--model", str(skip_file)]
    command += ["--source", SCENE, "--save", str(output), "--no-window", "--frames", "100000", "--json"]
    process = start_interruptible(command)
    assert process.stderr is not None
    lines: list[str] = []
    while sum(line.startswith("frame ") for line in lines) < 2:
        lines.append(process.stderr.readline())
        assert lines[-1], "".join(lines)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    record = json.loads(out)
    assert record["frames"] > 1
    capture = cv2.VideoCapture(str(output))
    assert capture.read()[0]
    assert [path.name for path in tmp_path.iterdir()] == ["live.mp4"]


def test_bundled_network_detects_on_the_synthetic_scene(edgeskip) -> None:
    """What a person sees who types `edgeskip demo` and nothing else."""
    outcome = edgeskip("demo", "--frames", 8, "--no-window", "--json", "--dense-every", 3)
    assert outcome.code == 0, outcome.err
    record = outcome.json
    assert record["model"].endswith("edgeskip_tiny.onnx")
    assert record["source"].startswith("synthetic:")
    assert record["agreement"] > 0.5
    assert 0 < record["active_mac_fraction"] < 0.9
    assert len(record["stages"]) >= 3
    assert "note:" not in outcome.err, "a person who named no model is not told about exporting"


def test_bundled_has_a_name_in_every_command(edgeskip) -> None:
    record = edgeskip("inspect", "bundled", "--json").json
    assert record["task"]["labels"]
