"""Runs dense ONNX networks in ONNX Runtime, for comparison."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime

onnxruntime.set_default_logger_severity(3)


def run_model(model: Path | onnx.ModelProto, picture: np.ndarray) -> dict[str, np.ndarray]:
    """Outputs by name for one input; ONNX Runtime's own optimisations off, so that the file is what runs."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    source = str(model) if isinstance(model, Path) else model.SerializeToString()
    session = onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {session.get_inputs()[0].name: picture}), strict=True))


def run_all_tensors(model: onnx.ModelProto, picture: np.ndarray) -> dict[str, np.ndarray]:
    """Every float tensor that a node of `model` writes, by name."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    del copy.graph.value_info[:]
    inferred = onnx.shape_inference.infer_shapes(copy)
    present = {value.name for value in copy.graph.output}
    for value in inferred.graph.value_info:
        if value.name not in present and value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT:
            copy.graph.output.append(value)
    return run_model(copy, picture)
