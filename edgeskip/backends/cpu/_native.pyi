"""The native CPU engine (plugins/cpu/bindings.cpp). All arrays are float32 unless said."""

import numpy as np

def levels() -> list[str]:
    """Instruction set levels of this CPU and build, best first: "avx512", "avx2", "neon", "scalar"."""

def bf16_kernels(level: str = "auto") -> list[str]:
    """Kernels with bfloat16 factors that a level has on this CPU and build, best first: "amx", "avx512".
    Raises ValueError on a level that is not here."""

class Plan:
    """What one network computes, for one stream: masks, buffers, tensors and ops in order.

    A buffer is an NHWC float32 picture that persists from frame to frame; a tensor is a range of
    its channels (so a concat is one buffer, and a channel slice is a view). Ids are ints from 0.
    A mask is a bit per pixel; masks and buffers are [height, width]. Every `add_*` op checks its
    arguments and raises ValueError with the op's name. `mask` arguments of ops that are not gated
    are the active pixels: exactly these are computed. Every op does nothing when its masks are empty.
    """

    def add_mask(self, height: int, width: int) -> int: ...
    def add_buffer(self, height: int, width: int, channels: int) -> int: ...
    def add_tensor(self, buffer: int, channel_offset: int, channels: int) -> int: ...

    # masks
    def add_mask_union(self, name: str, inputs: list[int], output: int) -> int:
        """A 1x1 mask among `inputs` broadcasts."""
    def add_mask_pool(self, name: str, input: int, output: int, kernel: list[int], strides: list[int], pads: list[int], dilations: list[int]) -> int: ...
    def add_mask_resize(self, name: str, input: int, output: int, rows: np.ndarray, columns: np.ndarray) -> int:
        """rows: int32 [out_height, 2], first and last input row that an output row reads; columns likewise."""
    def add_mask_reduce(self, name: str, input: int, output: int) -> int:
        """One bit: any."""
    def add_mask_window(self, name: str, input: int, output: int, offset: list[int], step: list[int]) -> int:
        """output[y, x] = input[y * step[0] + offset[0], x * step[1] + offset[1]], 0 outside (slice, crop, pad)."""
    def add_mask_from_tensor(self, name: str, x: int, output: int) -> int:
        """output = x > 0 for a one-channel tensor (a learned gate's decision)."""

    # tensors
    def add_gate(self, name: str, x: int, y: int, mask_y: int, norm: str, threshold: float, threshold_signed: float, window: int, mask_x: int = -1) -> int:
        """The norm gate: y is the reference. x is a tensor, or -1: the network's next input, which the gate takes in by
        itself (`Stream.offer`); inputs are numbered from 0. mask_x, for window 1: outside it x is what it was when the
        gate last ran; -1: nothing tells."""
    def add_gate_decision(self, name: str, u: int, mask_u: int, u_ref: int, pending: int, gate: int, moved: int, bias: float, magnitude: bool, block: int) -> int:
        """The Gumbel gate: gate = any of block(u - u_ref + bias > 0), with magnitude the sum over channels of |u - u_ref|.
        moved = mask_u | pending, where u may differ from u_ref."""
    def add_gate_reference(self, name: str, u: int, u_ref: int, pending: int, moved: int) -> int:
        """u_ref = u at the pixels of moved that are not pending (any more)."""
    def add_conv(self, name: str, x: int, mask_x: int, y: int, mask_y: int, weight: np.ndarray, bias: np.ndarray | None,
                 strides: list[int], pads: list[int], dilations: list[int], group: int, transposed: bool,
                 activation: str, alpha: np.ndarray, beta: float, threshold: float, norm: str, block: int,
                 z: int = -1, mask_z: int = -1, channel_weight: np.ndarray | None = None, gate: int = -1, pending: int = -1,
                 scale: int = -1, activated: tuple[int, str, np.ndarray, float] | None = None) -> int:
        """SkipConv. weight: [out, in/group, kh, kw], transposed: [in, out/group, kh, kw]. gate, pending: masks
        (pending persists and starts as all ones). scale: a 1x1 tensor that x is read times (1x1 kernels only);
        mask_x is then the product's. activated: a tensor that receives `add_unary`'s activation (kind, alpha, beta) of
        y where mask_y is set."""
    def add_pool(self, name: str, kind: str, x: int, y: int, mask: int, kernel: list[int], strides: list[int], pads: list[int], dilations: list[int], count_include_pad: bool) -> int:
        """kind "max" or "average". Windows are clipped to the picture; with count_include_pad the divisor
        counts the padded picture's pixels."""
    def add_global_pool(self, name: str, kind: str, x: int, y: int, mask: int, mask_x: int = -1) -> int:
        """kind "max" or "average"; y and mask are 1x1. mask_x: the changed pixels of x, so that no other part of it
        is read again; -1: all of it is."""
    def add_resize(self, name: str, x: int, y: int, mask: int, rows: np.ndarray, row_weights: np.ndarray, columns: np.ndarray, column_weights: np.ndarray) -> int:
        """rows: int32 [out_height, 2], row_weights: [out_height, 2] of the two input rows; nearest has weights 1, 0."""
    def add_binary(self, name: str, kind: str, a: int, b: int, y: int, mask: int, activation: str, alpha: np.ndarray, beta: float) -> int:
        """kind add, sub, mul, div, max, min, pow. a or b may be 1x1 pixels: broadcast. A one-channel operand broadcasts over channels."""
    def add_binary_constant(self, name: str, kind: str, a: int, b: np.ndarray, reverse: bool, y: int, mask: int, activation: str, alpha: np.ndarray, beta: float) -> int:
        """b: [channels]; reverse: b op a."""
    def add_unary(self, name: str, x: int, y: int, mask: int, activation: str, alpha: np.ndarray, beta: float) -> int:
        """activation: the contract's kinds and exp, sqrt, neg, abs, reciprocal, log."""
    def add_softmax(self, name: str, x: int, y: int, mask: int) -> int:
        """Over channels."""
    def add_chain(self, name: str, operands: list[tuple[int, tuple[np.ndarray, np.ndarray] | None]],
                  steps: list[tuple[str, int, int, str, np.ndarray, float]], y: int, mask: int,
                  gates: list[tuple[int, int, str, float]] = []) -> int:
        """Element-wise ops in one pass. operands: a tensor of y's size or 1x1, or with int32 rows [out_height] and
        columns [out_width] the pixel that each output reads (nearest resize). steps: kind ("unary" or add_binary's),
        values a and b, activation, alpha, beta. Values are numbered: operands, then steps; y is the last step. gates
        on y: each one's own tensor and mask, norm, threshold."""
    def add_gather(self, name: str, x: int, y: int, mask: int, indices: np.ndarray | None) -> int:
        """y[c] = x[indices[c]], int32; None copies (concat that could not be in place)."""
    def add_space_to_depth(self, name: str, x: int, y: int, mask: int, block: int) -> int:
        """ONNX SpaceToDepth: channel = (by * block + bx) * C + c."""
    def add_depth_to_space(self, name: str, x: int, y: int, mask: int, block: int, column_row_depth: bool) -> int:
        """ONNX DepthToSpace, mode DCR or CRD."""
    def add_window(self, name: str, x: int, y: int, mask: int, offset: list[int], step: list[int], value: float) -> int:
        """y[r, c] = x[r * step[0] + offset[0], c * step[1] + offset[1]], `value` outside (slice, crop, pad)."""

class Engine:
    """A plan with packed weights, shared by streams.

    level: "auto" or one of `levels()`. threads >= 1. block: 0 keeps each convolution's own, else
    active sets are rounded up to blocks of that size (costs more, changes nothing: P4). panel_rows: 0
    keeps the kernel's own panel size, else pixels per panel (for tests of bit-identity). precision: "f32", or
    "bf16": convolutions of 16 and more channels, depthwise ones aside, multiply bfloat16 factors (`bf16_kernels`).
    """

    def __init__(self, plan: Plan, threads: int = 1, level: str = "auto", block: int = 0, panel_rows: int = 0,
                 precision: str = "f32") -> None: ...
    @property
    def bf16_kernel(self) -> str:
        """The kernel that multiplies bfloat16 factors, "" with precision f32."""
    @property
    def level(self) -> str: ...
    @property
    def weight_bytes(self) -> int: ...
    def new_stream(self) -> Stream: ...

class Stream:
    """The state of one camera."""

    @property
    def state_bytes(self) -> int: ...
    def reset(self) -> None:
        """Everything becomes unknown (NaN); pending masks become ones."""
    def write(self, tensor: int, value: np.ndarray) -> bool:
        """Fill a tensor from [channels, height, width]; returns whether all values are finite."""
    def write_picture(self, tensor: int, picture: np.ndarray, size: tuple[int, int], columns: np.ndarray | None,
                      rows: np.ndarray | None, order: tuple[int, ...], mean: np.ndarray, scale: np.ndarray, pads: np.ndarray) -> None:
        """Fill a tensor from a picture uint8 [height, width, 3] (edgeskip/core/picture.py in numpy).

        size: (width, height) inside the tensor; the rest is `pads` [C]. columns, rows: int32 [size, 4] of
        `resize_axis`, None: not resized. order: source channel of each channel, empty: the luminance.
        mean, scale: [C].
        """
    def offer(self, input: int, value: np.ndarray) -> bool:
        """Show an input [channels, height, width] to the gate that takes it in; the next `run` of that gate copies what
        changed. The array must stay as it is until then. False: a value is not finite, and nothing has changed."""
    def offer_picture(self, input: int, picture: np.ndarray, size: tuple[int, int], columns: np.ndarray | None,
                      rows: np.ndarray | None, order: tuple[int, ...], mean: np.ndarray, scale: np.ndarray, pads: np.ndarray) -> None:
        """The same from a picture, with the arguments of `write_picture`."""
    def read_outputs(self, outputs: list[tuple[int, int]], known: bool) -> list[np.ndarray | None]:
        """A copy [1, channels, height, width] of each tensor, read-only, for pairs (tensor, mask of it or -1). known: the
        masks tell what differs from the call before, and a tensor whose mask is empty gives None. An array that
        nobody holds any more is brought up to date and handed out again."""
    def read(self, tensor: int, out: np.ndarray | None = None) -> np.ndarray:
        """A tensor as [channels, height, width]."""
    def read_mask(self, mask: int) -> np.ndarray:
        """A mask as uint8 [height, width]."""
    def write_mask(self, mask: int, value: np.ndarray) -> None: ...
    def mask_count(self, mask: int) -> int: ...
    def run(self, begin: int, end: int) -> None:
        """Run ops begin <= i < end on the engine's threads, without the GIL."""
    def active_pixels(self) -> np.ndarray:
        """int64 [ops]: pixels that each op computed in the last frame (0 for ops of masks only)."""
    def op_times_ns(self) -> np.ndarray:
        """int64 [ops]: time of each op in the last frame; zeros unless `profile` is set."""
    profile: bool
