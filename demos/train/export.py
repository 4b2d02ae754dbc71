"""Writes a checkpoint as the bundled network: `python -m edgeskip.demos.train.export out/tiny`."""

from __future__ import annotations

import argparse
import copy
import dataclasses
import datetime
import io
import json
from pathlib import Path

import onnx
import torch

from edgeskip.core.files import write_bytes
from edgeskip.demos.train.evaluate import report
from edgeskip.demos.train.network import Detector, Exported
from edgeskip.demos.train.recipe import INPUT_SIZE, NMS_THRESHOLD, PREPARATION, STRIDES, TRAINING_SEEDS
from edgeskip.evaluate.peers import OnnxRuntimePeer
from edgeskip.video.synthetic import CLASS_NAMES

METADATA_KEY = "edgeskip_training"
OPSET = 17
MODELS = Path(__file__).resolve().parents[1] / "models"


def to_onnx(detector: Detector) -> onnx.ModelProto:
    """The dense network with the batch size left open; outputs `stride8`, `stride16`, `stride32`."""
    width, height = INPUT_SIZE
    names = [f"stride{stride}" for stride in STRIDES]
    axes = {name: {0: "N"} for name in ("images", *names)}
    buffer = io.BytesIO()
    network = Exported(copy.deepcopy(detector).to(memory_format=torch.contiguous_format)).eval()
    torch.onnx.export(network, (torch.zeros(1, 3, height, width),), buffer, dynamo=False, opset_version=OPSET,
                      input_names=["images"], output_names=names, dynamic_axes=axes)  # fmt: skip
    model = onnx.load_from_string(buffer.getvalue())
    onnx.checker.check_model(model)
    return model


def training_record(folder: Path, figures: dict) -> dict:
    """How the weights came about, for the metadata."""
    state = torch.load(folder / "checkpoint.pt", weights_only=True)
    return {
        "steps": state["step"],
        **state["options"],
        "training_seeds": [TRAINING_SEEDS.start, TRAINING_SEEDS.stop - 1],
        "date": datetime.date.today().isoformat(),
        **figures,
    }


def description(record: dict) -> dict:
    """What lies beside the network as JSON: task, preparation, and the figures."""
    parameters = {"score_threshold": record["score_threshold"], "nms_threshold": NMS_THRESHOLD}
    return {
        "task": {"name": "yolox", "labels": CLASS_NAMES, "parameters": parameters},
        "preparation": dataclasses.asdict(PREPARATION),
        "training": record,
    }


def main() -> None:
    """Write NAME.onnx and NAME.json; evaluates the network on the way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="the --out of the training")
    parser.add_argument("--output", type=Path, default=MODELS / "edgeskip_tiny.onnx")
    parser.add_argument("--frames", type=int, default=600, help="frames of the evaluation")
    options = parser.parse_args()
    detector = Detector(len(CLASS_NAMES))
    detector.load_state_dict(torch.load(options.folder / "checkpoint.pt", weights_only=True)["average"])
    model = to_onnx(detector.eval())
    network = OnnxRuntimePeer(model.SerializeToString(), threads=1)
    record = training_record(options.folder, report(network.infer, options.frames))
    onnx.helper.set_model_props(model, {METADATA_KEY: json.dumps(record, sort_keys=True)})
    write_bytes(options.output, model.SerializeToString())
    text = json.dumps(description(record), indent=2) + "\n"
    write_bytes(options.output.with_suffix(".json"), text.encode())
    print(json.dumps(record, indent=2))


if __name__ == "__main__":
    main()
