"""What a network's outputs mean: decoders by name."""

from edgeskip.tasks import fastestdet, heatmap, retinaface, segmentation, tensor, yolox, yunet
from edgeskip.tasks.registry import create_decoder, detect_task, get, names, register

__all__ = [
    "create_decoder",
    "detect_task",
    "fastestdet",
    "get",
    "heatmap",
    "names",
    "register",
    "retinaface",
    "segmentation",
    "tensor",
    "yolox",
    "yunet",
]
