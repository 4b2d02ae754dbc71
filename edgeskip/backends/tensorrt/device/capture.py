"""CUDA graphs by ctypes: pycuda does not have them, and one way for both bindings is less to go wrong."""

from __future__ import annotations

import ctypes

from edgeskip.backends.tensorrt.device.interface import CaptureRefused
from edgeskip.backends.tensorrt.device.probe import LIBRARY
from edgeskip.backends.tensorrt.device.translate import raise_code

# other threads may allocate while this one records
_THREAD_LOCAL = 1
_OPERATION_NOT_CAPTURABLE = range(900, 910)  # the family of cudaErrorStreamCapture...


class Graphs:
    """Recording and launching on streams given by handle."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(LIBRARY)

    def begin(self, stream: int) -> None:
        """Start to record. Raises CaptureRefused."""
        status = self._call("cuStreamBeginCapture_v2", ctypes.c_void_p(stream), ctypes.c_int(_THREAD_LOCAL))
        if status:
            raise CaptureRefused(f"cuStreamBeginCapture fails with error {status}")

    def end(self, stream: int) -> int:
        """End recording; the executable graph. Raises CaptureRefused."""
        graph, executable = ctypes.c_void_p(), ctypes.c_void_p()
        status = self._call("cuStreamEndCapture", ctypes.c_void_p(stream), ctypes.byref(graph))
        if status or not graph.value:
            raise CaptureRefused(f"cuStreamEndCapture fails with error {status}")
        status = self._instantiate(executable, graph)
        self._call("cuGraphDestroy", graph)
        if status:
            raise CaptureRefused(f"cuGraphInstantiate fails with error {status}")
        assert executable.value is not None
        return executable.value

    def launch(self, graph: int, stream: int) -> None:
        """Run a graph. Raises TensorRTError."""
        status = self._call("cuGraphLaunch", ctypes.c_void_p(graph), ctypes.c_void_p(stream))
        if status:
            raise_code(status, "launching the frame's graph")

    def delete(self, graph: int) -> None:
        """Give a graph back."""
        self._call("cuGraphExecDestroy", ctypes.c_void_p(graph))

    def _instantiate(self, executable: ctypes.c_void_p, graph: ctypes.c_void_p) -> int:
        # CUDA 11.4 and newer; before that the call had other arguments, but there is no TensorRT of ours
        flags = ctypes.c_ulonglong(0)
        return self._call("cuGraphInstantiateWithFlags", ctypes.byref(executable), graph, flags)

    def _call(self, name: str, *arguments: object) -> int:
        try:
            return int(getattr(self._library, name)(*arguments))
        except AttributeError:
            return _OPERATION_NOT_CAPTURABLE[0]
