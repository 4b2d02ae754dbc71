"""P1 to P6 of the design in stock ONNX Runtime, over random networks and videos, and on the real networks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from support.networks import random_network
from support.shared import shared_file
from support.stock import StockSkip, export_network, moving_square, open_stock, relative_error

from edgeskip.backends.registry import get_backend
from edgeskip.core.contract import SKIP_CONV
from edgeskip.core.errors import BackendError, InputError
from edgeskip.graph.reference.activations import channel_norm
from edgeskip.graph.reference.convolution import fused
from edgeskip.graph.reference.interpreter import Interpreter
from edgeskip.graph.skip_model import SkipModel

BACKEND = get_backend("onnxruntime")
SEEDS = range(8)


def random_model(seed: int, folder: Path, tolerance: float, batch: int | str = 1, **options) -> SkipModel:
    path = folder / f"net{seed}.onnx"
    onnx.save(random_network(seed, opset=11 + seed % 13, height=24, width=32, batch=batch), path)
    return export_network(path, list(moving_square(seed, 3)), tolerance, **options)


@pytest.mark.parametrize("seed", SEEDS)
def test_p1_exact_at_tolerance_zero(seed: int, tmp_path: Path) -> None:
    model = random_model(seed, tmp_path, 0.0)
    dense = open_stock((tmp_path / f"net{seed}.onnx").read_bytes())
    skip = StockSkip(model)
    for index, frame in enumerate(moving_square(seed, 12)):
        found = skip.run(frame)
        for name, wanted in zip(model.outputs, dense.run(model.outputs, {"picture": frame}), strict=True):
            assert relative_error(found[name], wanted) < 1e-4, f"seed {seed}, frame {index}, output {name}"


@pytest.mark.parametrize("norm", ["l2", "l1", "linf"])
def test_p2_the_error_of_a_layer_is_bounded_late_as_early(norm: str, tmp_path: Path) -> None:
    """norm_c(y - act(conv(x) + b + z)) <= threshold at every pixel, at frame 10 and at frame 1,000."""
    model = random_model(3, tmp_path, 0.2, norm=norm, frame_threshold=0.1)
    skip, oracle = StockSkip(model), Interpreter(model.graph)
    held = 0
    for index, frame in enumerate(moving_square(3, 1001, noise=0.05)):
        if index not in (10, 1000):
            skip.run(frame)
            continue
        values = oracle.run({"picture": frame, **skip.states})
        for info in model.convolutions:
            given = dict(zip(SKIP_CONV.inputs, info.node.inputs, strict=False))
            inputs = [values[given[key]] if given.get(key) else None for key in ("x", "w", "b", "z")]
            y, threshold = values[info.node.outputs[0]], info.node.attributes["threshold"]
            error = channel_norm(fused(info.node, *inputs) - y, norm)
            assert error.max() <= threshold + 1e-5 * np.abs(y).max(), f"frame {index}, layer {info.name}"
            held += np.count_nonzero(error > 0.1 * threshold) if threshold else 0
        skip.run(frame)
    assert held > 100, "no pixel kept an old value: this test would pass without any gate"


@pytest.mark.parametrize("seed", SEEDS)
def test_p3_a_tensor_is_what_it_was_where_its_mask_is_false(seed: int, tmp_path: Path) -> None:
    model = random_model(seed, tmp_path, 0.1, frame_threshold=0.05)
    oracle, skip, before, kept = Interpreter(model.graph), StockSkip(model), {}, 0
    for index, frame in enumerate(moving_square(seed, 4, noise=0.02)):
        values = oracle.run({"picture": frame, **skip.states})
        for tensor, mask in model.metadata.masks.items():
            if tensor in values and tensor not in model.frame_inputs and before:
                still = np.broadcast_to(values[mask] == 0, values[tensor].shape)
                same = values[tensor] == before[tensor]
                assert same[still].all(), f"seed {seed}, frame {index}, tensor {tensor}"
                kept += np.count_nonzero(still)
        skip.states = {pair.input: values[pair.output] for pair in model.state_pairs}
        before = values
    assert kept > 0


@pytest.mark.parametrize("seed", [1, 2])
def test_p5_first_frame_and_reset_compute_everything(seed: int, tmp_path: Path) -> None:
    model = random_model(seed, tmp_path, 0.3)
    dense = open_stock((tmp_path / f"net{seed}.onnx").read_bytes())
    frames = list(moving_square(seed, 6))
    with BACKEND.create_runner(model) as runner:
        fractions = []
        for index, frame in enumerate(frames):
            if index == 4:
                runner.reset()
            result = runner.infer(frame)
            fractions.append(result.active_mac_fraction)
            if index in (0, 4):
                for name, wanted in zip(model.outputs, dense.run(model.outputs, {"picture": frame}), strict=True):
                    assert relative_error(result.outputs[name], wanted) < 1e-4, f"seed {seed}, frame {index}"
        assert fractions[0] == fractions[4] == 1.0
        assert max(fractions[1:4]) < 1.0


@pytest.mark.parametrize("batch", ["N", 1])
def test_p6_streams_are_independent(batch: int | str, tmp_path: Path) -> None:
    """Three cameras together give what each gives alone, and resetting one leaves the others."""
    model = random_model(5, tmp_path, 0.0, batch=batch, frame_threshold=0.05)
    videos = [list(moving_square(seed, 5, noise=0.01)) for seed in (1, 2, 3)]
    with BACKEND.create_runner(model, streams=3) as together, BACKEND.create_runner(model) as alone:
        for frames in zip(*videos, strict=True):
            result = together.infer(np.concatenate(frames))
        masks = {tensor: together.mask(tensor) for tensor in model.metadata.masks}
        for stream, video in enumerate(videos):
            alone.reset()
            for frame in video:
                single = alone.infer(frame)
            for name in model.outputs:
                assert relative_error(result.outputs[name][stream : stream + 1], single.outputs[name]) < 1e-5
            for tensor, mask in masks.items():
                if tensor == "picture":
                    assert np.array_equal(mask[stream], alone.mask(tensor)[0])
        together.reset(1)
        together.infer(np.concatenate([video[-1] for video in videos]))
        shares = together.mask("picture").mean(axis=(1, 2))
        assert shares[1] == 1.0
        assert shares[0] < 0.5
        assert shares[2] < 0.5


def test_a_fixed_batch_of_another_size_is_refused(tmp_path: Path) -> None:
    model = random_model(5, tmp_path, 0.0, batch=2)
    with pytest.raises(BackendError, match="fixed batch of 2, 3 streams"):
        BACKEND.create_runner(model, streams=3)


def test_a_frame_that_is_not_finite_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    model = random_model(2, tmp_path, 0.0)
    first, second = moving_square(2, 2)
    with BACKEND.create_runner(model) as runner, BACKEND.create_runner(model) as other:
        runner.infer(first)
        broken = second.copy()
        broken[0, 1, 3, 3] = np.nan
        with pytest.raises(InputError, match="not finite"):
            runner.infer(broken)
        other.infer(first)
        found, wanted = runner.infer(second), other.infer(second)
        assert np.array_equal(found.outputs[model.outputs[0]], wanted.outputs[model.outputs[0]])


def test_layers_and_cost_add_up(tmp_path: Path) -> None:
    model = random_model(4, tmp_path, 0.1)
    with BACKEND.create_runner(model) as runner:
        with pytest.raises(InputError, match="no frame was run yet"):
            runner.mask("picture")
        result = runner.infer(next(moving_square(4, 1)))
        by_name = {layer.name: layer for layer in runner.layers if layer.macs}
        assert sum(layer.macs for layer in by_name.values()) == model.dense_macs == result.dense_macs
        assert result.active_pixels == {name: layer.pixels for name, layer in by_name.items()}
        assert {layer.where for layer in runner.layers} == {"onnxruntime"}
        with pytest.raises(InputError, match="tensor nowhere has no mask"):
            runner.mask("nowhere")
    assert runner.state_bytes == 4 * sum(int(np.prod(model.state_shape(pair, 1))) for pair in model.state_pairs)


def test_unknown_options_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="no options"):
        BACKEND.create_runner(random_model(4, tmp_path, 0.1), level="avx9")


@pytest.mark.parametrize(
    ("network", "video"),
    [
        ("yolox_nano_640x384", "highway.avi"),
        ("yunet_n_640x384", "asl-book.mkv"),
        ("retinaface_mnet025_640x384", "asl-book.mkv"),
        ("fastestdet_352x352", "one-by-one-person.mp4"),
        ("hourglass_192x192", "car-detection.mp4"),
    ],
)
def test_real_networks_are_exact_at_tolerance_zero(network: str, video: str, tmp_path: Path) -> None:
    cv2 = pytest.importorskip("cv2")
    source = shared_file(f"networks/{network}.onnx")
    capture = cv2.VideoCapture(str(shared_file(f"videos/{video}")))
    width, height = (int(size) for size in network.rsplit("_", 1)[1].split("x"))
    pictures = [cv2.resize(capture.read()[1], (width, height)) for _ in range(10)]
    frames = [picture.astype(np.float32).transpose(2, 0, 1)[None] for picture in pictures]
    link = tmp_path / source.name
    link.symlink_to(source)
    model = export_network(link, frames[:1], 0.0)
    dense, skip = open_stock(source.read_bytes()), StockSkip(model)
    for index, frame in enumerate(frames):
        found = skip.run(frame)
        for name, wanted in zip(model.outputs, dense.run(model.outputs, {model.frame_inputs[0]: frame}), strict=True):
            assert relative_error(found[name], wanted) < 1e-4, f"frame {index}, output {name}"
