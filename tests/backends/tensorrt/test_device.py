"""The doors to the driver, with modules that stand for pycuda and cuda-bindings: what is called, and errors."""

from __future__ import annotations

import ctypes
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from edgeskip.backends.tensorrt import device as door
from edgeskip.backends.tensorrt.device import CaptureRefused, DriverState, GpuState, capture, look_for_driver
from edgeskip.backends.tensorrt.device.capture import CapturingDevice
from edgeskip.backends.tensorrt.device.interface import Stream, pattern
from edgeskip.backends.tensorrt.device.translate import raise_code, raise_text
from edgeskip.backends.tensorrt.errors import TensorRTError

GPU = DriverState("", (13, 0), (GpuState("Orin", (8, 7), 8 << 30),))


class Driver:
    """Stands for libcuda: `status` by function name, all else succeeds."""

    def __init__(self, **status: int) -> None:
        self.status, self.called = status, []

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("cu"):
            raise AttributeError(name)

        def call(*arguments: Any) -> int:
            self.called.append(name)
            if name in ("cuStreamEndCapture", "cuGraphInstantiateWithFlags"):
                target = arguments[1] if name == "cuStreamEndCapture" else arguments[0]
                target._obj.value = 77
            return self.status.get(name, 0)

        return call


@pytest.fixture
def bindings(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """cuda-bindings, where every call succeeds, or gives what the returned table says."""
    answers: dict[str, Any] = {
        "cuDeviceGet": (0, 0),
        "cuDeviceGetName": (0, b"Orin\0\0"),
        "cuDeviceGetAttribute": lambda which, gpu: (0, {"major": 8, "minor": 7}[which]),
        "cuDriverGetVersion": (0, 13000),
        "cuDevicePrimaryCtxRetain": (0, 1),
        "cuMemAlloc": (0, 4096),
        "cuMemGetInfo": (0, 5, 9),
        "cuStreamCreate": (0, 3),
        "cuEventCreate": (0, 4),
        "cuEventElapsedTime": (0, 1.5),
        "called": [],
    }

    class Bindings(ModuleType):
        CUdevice_attribute = SimpleNamespace(
            CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR="major", CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR="minor"
        )

        def __getattr__(self, name: str) -> Any:
            if not name.startswith("cu"):
                raise AttributeError(name)

            def call(*arguments: Any) -> Any:
                answers["called"].append((name, arguments))
                answer = answers.get(name, (0,))
                return answer(*arguments) if callable(answer) else answer

            return call

    for name in ("cuda", "cuda.bindings"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, "cuda.bindings.driver", Bindings("cuda.bindings.driver"))
    monkeypatch.setattr(ctypes, "CDLL", lambda name: Driver())
    monkeypatch.setattr(door, "look_for_driver", lambda: GPU)
    monkeypatch.setattr(door, "binding_name", lambda: "cuda-bindings")
    return answers


def test_cuda_bindings_do_what_they_are_asked(bindings: dict[str, Any]) -> None:
    gpu = door.open_device()
    assert (gpu.name, gpu.compute_capability, gpu.driver_version, gpu.binding) == (
        "Orin",
        (8, 7),
        (13, 0),
        "cuda-bindings",
    )
    assert gpu.architecture == "sm_87"
    with gpu.current():
        assert gpu.allocate(10, "a test") == 4096
        assert gpu.memory_info() == (5, 9)
        stream = gpu.new_stream()
        gpu.fill(4096, np.float16("nan"), 5, stream)
        gpu.fill(4096, np.int32(1), 6, stream)
        event = gpu.new_event()
        gpu.record(event, stream)
        gpu.wait(stream, event)
        assert gpu.elapsed_ms(event, event) == 1.5
        gpu.begin_capture(stream)
        assert gpu.end_capture(stream) == 77
        gpu.launch(77, stream)
    calls = [call for call in bindings["called"] if "Memset" in call[0]]
    assert [(name, arguments[1:3]) for name, arguments in calls] == [
        ("cuMemsetD16Async", (0x7E00, 5)),
        ("cuMemsetD32Async", (1, 6)),
    ]
    names = [name for name, _ in bindings["called"]]
    assert names.count("cuCtxPushCurrent") == names.count("cuCtxPopCurrent") == 1


def test_context_is_left_also_after_an_error(bindings: dict[str, Any]) -> None:
    bindings["cuMemAlloc"] = (2,)
    gpu = door.open_device()
    with pytest.raises(TensorRTError, match=r"no memory left for the state \(8 MiB\)") as caught, gpu.current():
        gpu.allocate(8 << 20, "the state")
    assert "fewer streams" in (caught.value.hint or "")
    assert [name for name, _ in bindings["called"]][-1] == "cuCtxPopCurrent"


def test_real_cuda_bindings_have_every_function_that_is_called() -> None:
    driver = pytest.importorskip("cuda.bindings.driver", reason="cuda-bindings is not installed", exc_type=ImportError)
    import re
    from pathlib import Path

    from edgeskip.backends.tensorrt.device import through_bindings

    source = Path(through_bindings.__file__).read_text()
    names = set(re.findall(r'"(cu[A-Z]\w+)"', source)) | {f"cuMemsetD{bits}Async" for bits in (8, 16, 32)}
    assert len(names) > 25
    assert not {name for name in names if not hasattr(driver, name)}


class PycudaError(Exception):
    """Stands for pycuda.driver.Error."""


class _Names(list):
    """Where a Driver notes its calls among those of pycuda."""

    def __init__(self, calls: list) -> None:
        super().__init__()
        self._calls = calls

    def append(self, name: str) -> None:
        self._calls.append((name, ()))


@pytest.fixture
def pycuda(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """pycuda with one device; `failing` names the functions that fail and how."""
    failing: dict[str, str] = {}
    calls: list[tuple[str, tuple[Any, ...]]] = []

    def function(name: str, result: Any = None) -> Any:
        def call(*arguments: Any) -> Any:
            calls.append((name, arguments))
            if name in failing:
                raise PycudaError(f"cu{name} failed: {failing[name]}")
            return result

        return call

    class Allocation(int):
        def free(self) -> None:
            calls.append(("free", (int(self),)))

    context = SimpleNamespace(push=function("push"), detach=function("detach"))
    gpu = SimpleNamespace(
        name=lambda: "Orin", compute_capability=lambda: (8, 7), retain_primary_context=lambda: context
    )
    stream = SimpleNamespace(handle=5, synchronize=function("synchronize"), wait_for_event=function("wait"))
    module = ModuleType("pycuda.driver")
    module.__dict__.update(
        Error=PycudaError, init=function("init"), Device=lambda ordinal: gpu, get_driver_version=lambda: 12060,
        Context=SimpleNamespace(pop=function("pop")), mem_alloc=function("mem_alloc", Allocation(4096)),
        mem_get_info=lambda: (1, 2), Stream=lambda: stream, memset_d32_async=function("memset_d32_async"),
        memset_d16_async=function("memset_d16_async"), memset_d8_async=function("memset_d8_async"),
        pagelocked_empty=lambda size, kind: np.empty(size, kind), event_flags=SimpleNamespace(DISABLE_TIMING=2),
        memcpy_htod_async=function("memcpy_htod_async"),
    )  # fmt: skip
    monkeypatch.setitem(sys.modules, "pycuda", ModuleType("pycuda"))
    monkeypatch.setitem(sys.modules, "pycuda.driver", module)
    driver = Driver()
    driver.called = _Names(calls)
    monkeypatch.setattr(ctypes, "CDLL", lambda name: driver)
    monkeypatch.setattr(door, "look_for_driver", lambda: GPU)
    monkeypatch.setattr(door, "binding_name", lambda: "pycuda")
    return SimpleNamespace(failing=failing, calls=calls)


def test_pycuda_does_what_it_is_asked(pycuda: SimpleNamespace) -> None:
    gpu = door.open_device()
    assert (gpu.name, gpu.driver_version, gpu.binding) == ("Orin", (12, 6), "pycuda")
    with gpu.current():
        address = gpu.allocate(64, "a test")
        stream = gpu.new_stream()
        gpu.fill(address, np.float32("nan"), 4, stream)
        gpu.free(address)
    gpu.close()
    fills = [arguments for name, arguments in pycuda.calls if name == "memset_d32_async"]
    assert fills[0][:3] == (4096, 0x7FC00000, 4)
    assert [name for name, _ in pycuda.calls if name in ("push", "free", "pop", "cuCtxPopCurrent_v2", "detach")] == [
        "push", "free", "pop",
        "push", "cuCtxPopCurrent_v2", "detach",  # detach gives a context back that is pycuda's current one
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("function", "reason", "said"),
    [
        ("mem_alloc", "out of memory", "no memory left for a test"),
        ("synchronize", "an illegal memory access was encountered", "illegal memory address"),
        ("synchronize", "no kernel image is available for execution on the device", "no code for this GPU"),
        ("synchronize", "something new", "something new"),
    ],
)
def test_errors_of_pycuda_have_a_remedy(pycuda: SimpleNamespace, function: str, reason: str, said: str) -> None:
    gpu = door.open_device()
    pycuda.failing[function] = reason
    with pytest.raises(TensorRTError, match=said) as caught, gpu.current():
        _work(gpu)
    assert caught.value.hint


def _work(gpu: Any) -> None:
    gpu.allocate(64, "a test")
    gpu.synchronize(gpu.new_stream())


def test_which_device_and_which_binding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "look_for_driver", lambda: GPU)
    monkeypatch.setattr(door, "binding_name", lambda: None)
    with pytest.raises(TensorRTError, match="device 1 was asked for, there are 1"):
        door.open_device(1)
    with pytest.raises(TensorRTError, match="neither pycuda nor cuda-bindings") as caught:
        door.open_device()
    assert "pip install pycuda" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("function", "step"),
    [("cuStreamBeginCapture_v2", "begin"), ("cuStreamEndCapture", "end"), ("cuGraphInstantiateWithFlags", "end")],
)
def test_a_capture_that_the_driver_refuses_is_no_error_of_the_user(
    monkeypatch: pytest.MonkeyPatch, function: str, step: str
) -> None:
    monkeypatch.setattr(capture.ctypes, "CDLL", lambda name: Driver(**{function: 900}))
    with pytest.raises(CaptureRefused, match="900"):
        _record(_capturing(), step)


def _capturing() -> CapturingDevice:
    """A device of which the graphs alone are tried."""
    alone = type("Alone", (CapturingDevice,), {})
    alone.__abstractmethods__ = frozenset()
    return alone()


def _record(device: CapturingDevice, step: str) -> None:
    device.begin_capture(Stream(5))
    if step == "end":
        device.end_capture(Stream(5))


def test_a_graph_that_fails_to_run_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture.ctypes, "CDLL", lambda name: Driver(cuGraphLaunch=719))
    with pytest.raises(TensorRTError, match="launching the frame's graph: a kernel failed"):
        _capturing().launch(1, Stream(5))


@pytest.mark.parametrize("code", [2, 35, 100, 209, 700, 803, 4711])
def test_every_code_becomes_one_error_with_a_remedy(code: int) -> None:
    with pytest.raises(TensorRTError) as caught:
        raise_code(code, "a test")
    assert caught.value.hint
    assert "\n" not in caught.value.message


def test_a_text_without_a_known_reason_is_shown_as_it_is() -> None:
    with pytest.raises(TensorRTError, match="strange thing"):
        raise_text("cuFoo failed: strange thing", "a test")


def test_the_driver_lists_its_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    class Library:
        """One Orin behind driver 12.6."""

        def cuInit(self, flags: int) -> int:  # noqa: N802
            return 0

        def cuDriverGetVersion(self, version: Any) -> int:  # noqa: N802
            version._obj.value = 12060
            return 0

        def cuDeviceGetCount(self, count: Any) -> int:  # noqa: N802
            count._obj.value = 1
            return 0

        def cuDeviceGet(self, device: Any, index: int) -> int:  # noqa: N802
            return 0

        def cuDeviceGetName(self, name: Any, size: int, device: Any) -> int:  # noqa: N802
            name.value = b"Orin"
            return 0

        def cuDeviceTotalMem_v2(self, memory: Any, device: Any) -> int:  # noqa: N802
            memory._obj.value = 8 << 30
            return 0

        def cuDeviceGetAttribute(self, value: Any, which: int, device: Any) -> int:  # noqa: N802
            value._obj.value = {75: 8, 76: 7, 18: 1}[which]
            return 0

    monkeypatch.setattr(ctypes, "CDLL", lambda name: Library())
    state = look_for_driver()
    assert state == DriverState("", (12, 6), (GpuState("Orin", (8, 7), 8 << 30, True),))
    assert state.gpus[0].architecture == "sm_87"


@pytest.mark.parametrize(
    ("value", "bits"),
    [
        (np.float32("nan"), (0x7FC00000, 4)),
        (np.float16("nan"), (0x7E00, 2)),
        (np.int32(1), (1, 4)),
        (np.uint8(7), (7, 1)),
    ],
)
def test_patterns_to_fill_with(value: np.generic, bits: tuple[int, int]) -> None:
    assert pattern(value) == bits
