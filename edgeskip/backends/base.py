"""What every backend offers: a `Backend` that says whether it can run here, and its `Runner`.

A runner checks at the door; a backend writes only the `_impl` methods. No device is touched
before `activate`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import numpy as np

from edgeskip.core.contract import Preparation
from edgeskip.core.errors import BackendError, InputError, ModelError
from edgeskip.core.picture import input_of, require_picture
from edgeskip.graph.skip_model import SkipModel


@dataclass(frozen=True)
class LayerInfo:
    """One operation as a backend runs it.

    `macs` of a frame when all pixels are active (0 for what is no convolution), `pixels` of its
    output picture, `where`: "engine", "onnxruntime" or the like, `reason` why, where it is not the
    backend's own kernel. `tensor` is the dense name of its output, `mask` names the mask of it.
    """

    name: str
    op: str
    tensor: str
    shape: tuple[int, ...]
    macs: int = 0
    pixels: int = 0
    where: str = "engine"
    reason: str = ""
    mask: str = ""


@dataclass
class FrameResult:
    """One frame's outputs and cost.

    `outputs`: name to array, batch first; no later frame changes them. They may be read-only, since what did not change
    is handed out again: copy what you write into. `active_macs` and `dense_macs` over all streams;
    `active_pixels`: layer name to pixels computed, convolutions only.
    """

    outputs: dict[str, np.ndarray]
    active_macs: int = 0
    dense_macs: int = 0
    active_pixels: Mapping[str, int] = field(default_factory=dict)

    @property
    def active_mac_fraction(self) -> float:
        """Computed multiply-accumulates / those of the dense network."""
        return self.active_macs / self.dense_macs if self.dense_macs else 1.0


class Runner(ABC):
    """Runs one skip model for `streams` cameras; remembers their state between frames."""

    def __init__(self, model: SkipModel, *, streams: int = 1, threads: int = 1) -> None:
        if streams < 1 or threads < 1:
            raise BackendError(f"streams and threads must be at least 1: {streams}, {threads}")
        self.model = model
        self.streams = streams
        self.threads = threads
        self._active = False

    def __enter__(self) -> Runner:
        self.activate()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.deactivate()

    def activate(self) -> None:
        """Take memory and device, unknown state. Raises BackendError where that is not possible."""
        if not self._active:
            self.activate_impl()
            self._active = True

    def deactivate(self) -> None:
        """Give memory and device back."""
        if self._active:
            self._active = False
            self.deactivate_impl()

    def infer(self, inputs: np.ndarray | Mapping[str, np.ndarray]) -> FrameResult:
        """Run one frame of every stream.

        Args:
            inputs: float32 `[streams, C, H, W]`, by name where the network has several inputs.

        Raises:
            InputError: wrong name, shape or type, or a value that is not finite. State is unchanged.
        """
        self._require_active()
        return self.infer_impl(self._checked(inputs))

    def infer_picture(self, pictures: np.ndarray | Sequence[np.ndarray]) -> FrameResult:
        """Run one frame of every stream from camera pictures, prepared as the file says.

        The input is that of `edgeskip.core.picture.input_of`: the same on every backend, equal to that of
        `edgeskip.video.prepare` where the picture has the network's size, and within one grey level of it
        (times the scale) where it is resized.

        Args:
            pictures: uint8 `[height, width, 3]` in BGR of any size, one per stream.

        Raises:
            InputError: a picture is no such array, or their number is not that of the streams. State is unchanged.
            ModelError: the network has several inputs, or the file does not say how a picture is prepared.
        """
        self._require_active()
        pictures = [pictures] if isinstance(pictures, np.ndarray) else list(pictures)
        if len(pictures) != self.streams:
            raise InputError(f"{len(pictures)} pictures were given, the runner has {self.streams} streams")
        preparation = self._preparation()
        for picture in pictures:
            require_picture(picture)
        return self.infer_picture_impl(pictures, preparation)

    @property
    def prepares_pictures(self) -> bool:
        """Whether `infer_picture` prepares in native code, faster than preparing first and `infer` after."""
        return False

    def reset(self, stream: int | None = None) -> None:
        """Forget the state of `stream`, or of all."""
        self._require_active()
        if stream is not None and not 0 <= stream < self.streams:
            raise InputError(f"stream {stream} of {self.streams}: streams count from 0")
        for index in range(self.streams) if stream is None else (stream,):
            self.reset_impl(index)

    def mask(self, tensor: str) -> np.ndarray:
        """bool `[streams, H, W]`: pixels of `tensor` (dense name) that changed in the last frame."""
        self._require_active()
        return self.mask_impl(tensor)

    @property
    @abstractmethod
    def layers(self) -> list[LayerInfo]:
        """Operations in order, as this backend runs them."""

    @property
    @abstractmethod
    def state_bytes(self) -> int:
        """Memory that one stream's state takes, in bytes."""

    @abstractmethod
    def activate_impl(self) -> None: ...

    @abstractmethod
    def deactivate_impl(self) -> None: ...

    @abstractmethod
    def infer_impl(self, inputs: dict[str, np.ndarray]) -> FrameResult: ...

    def infer_picture_impl(self, pictures: list[np.ndarray], preparation: Preparation) -> FrameResult:
        """Checked pictures, one per stream; a backend may prepare them itself."""
        return self.infer(np.concatenate([input_of(picture, preparation) for picture in pictures]))

    @abstractmethod
    def reset_impl(self, stream: int) -> None: ...

    @abstractmethod
    def mask_impl(self, tensor: str) -> np.ndarray: ...

    def _require_active(self) -> None:
        if not self._active:
            raise RuntimeError("the runner is not active: use it in a with block, or call activate()")

    def _preparation(self) -> Preparation:
        names = self.model.frame_inputs
        if len(names) != 1:
            raise ModelError(f"{self.model.file}: one picture input is needed, the network has {len(names)}: {names}")
        preparation = self.model.metadata.inputs.get(names[0])
        if preparation is None:
            raise ModelError(
                f"{self.model.file}: the metadata has no preparation for input {names[0]}",
                hint="export the model again: edgeskip export MODEL -o model.skip.onnx",
            )
        expected = (preparation.channels, preparation.size[1], preparation.size[0])
        if tuple(self.model.frame_shape(names[0])[1:]) != expected:
            raise ModelError(f"{self.model.file}: input {names[0]} is prepared as {expected}, which is not its shape")
        return preparation

    def _checked(self, inputs: np.ndarray | Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        names = self.model.frame_inputs
        if isinstance(inputs, np.ndarray):
            if len(names) != 1:
                raise InputError(f"the network has {len(names)} inputs, one array was given: {names}")
            inputs = {names[0]: inputs}
        if set(inputs) != set(names):
            raise InputError(f"inputs {sorted(inputs)} were given, the network reads {sorted(names)}")
        return {name: self._checked_array(name, inputs[name]) for name in names}

    def _checked_array(self, name: str, value: np.ndarray) -> np.ndarray:
        expected = (self.streams, *self.model.frame_shape(name)[1:])
        if tuple(value.shape) != expected:
            raise InputError(f"input {name} has shape {tuple(value.shape)}, the network reads {expected}")
        value = np.ascontiguousarray(value, np.float32)
        if self.checks_values(name) and not np.isfinite(value).all():
            raise not_finite(name)
        return value

    def checks_values(self, name: str) -> bool:
        """Whether `infer` looks for values that are not finite in input `name`, or `infer_impl` does it."""
        return True


def not_finite(name: str) -> InputError:
    """The error of an input that holds NaN or infinity."""
    return InputError(
        f"input {name} holds a value that is not finite (NaN or infinity)",
        hint="check the picture and its normalisation (mean and scale); NaN means unknown state here",
    )


class Backend(ABC):
    """One way to run skip models: a name, whether it is usable here, and its runner.

    `builds_first`: a runner of a skip model takes minutes to make, since something is built of the model first.
    """

    name: str
    description: str
    builds_first: bool = False

    @abstractmethod
    def unavailable_reason(self) -> str | None:
        """One line why it can't run on this machine, or None where it can."""

    @abstractmethod
    def create_runner(self, model: SkipModel, *, streams: int = 1, threads: int = 1, **options: Any) -> Runner:
        """A runner for `model`, not active yet."""
