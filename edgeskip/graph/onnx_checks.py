"""Rules that a network must keep before it becomes a graph: opset, input types, fixed size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgeskip.core.contract import METADATA_KEY
from edgeskip.core.errors import ModelError

if TYPE_CHECKING:
    from onnx import ModelProto, ValueInfoProto

OLDEST_OPSET, NEWEST_OPSET = 11, 23


def check_opset(proto: ModelProto, file: str) -> int:
    """The opset of the standard ops. Raises ModelError unless it is 11 to 23."""
    versions = [entry.version for entry in proto.opset_import if entry.domain in ("", "ai.onnx")]
    opset = max(versions, default=0)
    if not OLDEST_OPSET <= opset <= NEWEST_OPSET:
        raise ModelError(
            f"{file}: opset {opset}, edgeskip reads opsets {OLDEST_OPSET} to {NEWEST_OPSET}",
            hint="export it again with another opset: torch.onnx.export(..., opset_version=17)",
        )
    return opset


def real_inputs(proto: ModelProto) -> list[ValueInfoProto]:
    """Inputs that a caller feeds: old files list the weights among the inputs too."""
    weights = {tensor.name for tensor in proto.graph.initializer}
    return [value for value in proto.graph.input if value.name not in weights]


def check_inputs(proto: ModelProto, file: str) -> None:
    """Raises ModelError unless every input that is no state is a float32 tensor of known rank."""
    from onnx import TensorProto

    is_skip_model = any(entry.key == METADATA_KEY for entry in proto.metadata_props)
    for value in real_inputs(proto):
        if is_skip_model and value.name.startswith("state."):
            continue  # a pending state is int32; the contract's rules for states are checked when it is known whole
        tensor = value.type.tensor_type
        if not value.type.HasField("tensor_type") or tensor.elem_type != TensorProto.FLOAT:
            kind = TensorProto.DataType.Name(tensor.elem_type).lower() if tensor.elem_type else "not a tensor"
            raise ModelError(
                f"{file}: input {value.name} is {kind}, edgeskip feeds float32 tensors",
                hint="export the network with a float32 input, after any conversion from uint8 or float16",
            )
        if not tensor.HasField("shape"):
            raise ModelError(
                f"{file}: input {value.name} has no shape",
                hint="export the network with a fixed picture size",
            )


def fix_size(proto: ModelProto, size: tuple[int, int] | None, file: str) -> None:
    """Write `size` (width, height) into spatial dimensions of inputs [N,C,H,W] that are not fixed.

    Recorded sizes of outputs are dropped where a size was written: they are
    inferred again. Raises ModelError where a size is needed and `size` is None, or contradicts a fixed one.
    """
    changed = False
    for value in real_inputs(proto):
        dims = value.type.tensor_type.shape.dim
        for index, dim in enumerate(dims):
            if index == 0 or dim.dim_value > 0:
                continue
            if len(dims) != 4 or index == 1:
                raise ModelError(
                    f"{file}: dimension {index} of input {value.name} is not fixed; batch, height and width may be",
                    hint="export the network with a fixed number of channels",
                )
            if size is None:
                raise ModelError(
                    f"{file}: input {value.name} has a dynamic height or width; edgeskip needs a fixed picture size",
                    hint="give the size, width x height: --size 640x384",
                )
            dim.dim_value = size[3 - index]
            changed = True
        if dims and dims[0].dim_value <= 0 and not dims[0].dim_param:
            dims[0].dim_param = "N"
    if size is not None and not changed:
        _check_fixed_size(proto, size, file)
    if changed:
        for output in proto.graph.output:
            for dim in output.type.tensor_type.shape.dim:
                dim.Clear()


def _check_fixed_size(proto: ModelProto, size: tuple[int, int], file: str) -> None:
    """Raises ModelError where pictures have a fixed size that is not `size`."""
    for value in real_inputs(proto):
        dims = [dim.dim_value for dim in value.type.tensor_type.shape.dim]
        if len(dims) == 4 and (dims[3], dims[2]) != size:
            raise ModelError(
                f"{file}: input {value.name} has the fixed size {dims[3]}x{dims[2]}, not {size[0]}x{size[1]}",
                hint=f"leave --size out, or export the network with {size[0]}x{size[1]}",
            )
