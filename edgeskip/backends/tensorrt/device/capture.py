"""CUDA graphs by ctypes: pycuda does not have them, and one way for both bindings is less to go wrong."""

from __future__ import annotations

import ctypes
from functools import cached_property

from edgeskip.backends.tensorrt.device.interface import CaptureRefused, Device, Stream
from edgeskip.backends.tensorrt.device.probe import LIBRARY
from edgeskip.backends.tensorrt.device.translate import raise_code

# other threads may allocate while this one records
_THREAD_LOCAL = 1
_OPERATION_NOT_CAPTURABLE = range(900, 910)  # the family of cudaErrorStreamCapture...


class CapturingDevice(Device):
    """A device that records and launches graphs, whatever binding it uses for the rest."""

    def begin_capture(self, stream: Stream) -> None:
        status = self._driver("cuStreamBeginCapture_v2", ctypes.c_void_p(stream.handle), ctypes.c_int(_THREAD_LOCAL))
        if status:
            raise CaptureRefused(f"cuStreamBeginCapture fails with error {status}")

    def end_capture(self, stream: Stream) -> int:
        graph, executable = ctypes.c_void_p(), ctypes.c_void_p()
        status = self._driver("cuStreamEndCapture", ctypes.c_void_p(stream.handle), ctypes.byref(graph))
        if status or not graph.value:
            raise CaptureRefused(f"cuStreamEndCapture fails with error {status}")
        status = self._instantiate(executable, graph)
        self._driver("cuGraphDestroy", graph)
        if status:
            raise CaptureRefused(f"cuGraphInstantiate fails with error {status}")
        assert executable.value is not None
        return executable.value

    def launch(self, graph: int, stream: Stream) -> None:
        status = self._driver("cuGraphLaunch", ctypes.c_void_p(graph), ctypes.c_void_p(stream.handle))
        if status:
            raise_code(status, "launching the frame's graph")

    def delete_graph(self, graph: int) -> None:
        self._driver("cuGraphExecDestroy", ctypes.c_void_p(graph))

    @cached_property
    def _library(self) -> ctypes.CDLL:
        return ctypes.CDLL(LIBRARY)

    def _instantiate(self, executable: ctypes.c_void_p, graph: ctypes.c_void_p) -> int:
        # CUDA 11.4 and newer; before that the call had other arguments, but there is no TensorRT of ours
        flags = ctypes.c_ulonglong(0)
        return self._driver("cuGraphInstantiateWithFlags", ctypes.byref(executable), graph, flags)

    def _driver(self, name: str, *arguments: object) -> int:
        try:
            return int(getattr(self._library, name)(*arguments))
        except AttributeError:
            return _OPERATION_NOT_CAPTURABLE[0]
