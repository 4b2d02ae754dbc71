"""From the contract to a network that TensorRT's parser reads: one small pass per file."""

from edgeskip.backends.tensorrt.lowering.lower import Lowered, LoweringOptions, lower
from edgeskip.backends.tensorrt.lowering.names import CONV, GATE, MASK, PLUGIN_NAMESPACE, PLUGIN_VERSION
from edgeskip.backends.tensorrt.lowering.write import lowered_bytes, write_lowered

__all__ = [
    "CONV", "GATE", "MASK", "PLUGIN_NAMESPACE", "PLUGIN_VERSION", "Lowered", "LoweringOptions", "lower",
    "lowered_bytes", "write_lowered",
]  # fmt: skip
