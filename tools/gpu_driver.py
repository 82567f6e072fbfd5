# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""NVIDIA's driver, called with ctypes: what gpu_check.py needs of it.

Declarations of our own, as in runtime/src/host/cuda.h; nothing else of CUDA is needed.
"""

from __future__ import annotations

import ctypes as c
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

OK = 0
NON_BLOCKING = THREAD_LOCAL = 1
#: Of cuDeviceGetAttribute.
PROCESSORS, CLOCK_KHZ, MEMORY_CLOCK_KHZ, L2_BYTES, MAJOR, MINOR = 16, 13, 36, 38, 75, 76
#: Of cuFuncGetAttribute and cuFuncSetAttribute.
LOCAL_BYTES, REGISTERS, MOST_DYNAMIC_SHARED = 3, 4, 8
PLAIN_SHARED_BYTES = 48 << 10
ERROR_LOG, ERROR_LOG_BYTES = 5, 6
#: Of a launch.
LAUNCH_EARLY = 6


class DriverError(Exception):
    """A sentence."""


class _Attribute(c.Structure):
    _fields_ = [("id", c.c_int), ("padding", c.c_char * 4), ("value", c.c_char * 64)]


class _Config(c.Structure):
    _fields_ = [
        ("grid", c.c_uint * 3), ("block", c.c_uint * 3), ("shared_bytes", c.c_uint),
        ("stream", c.c_void_p), ("attributes", c.POINTER(_Attribute)), ("count", c.c_uint),
    ]  # fmt: skip


@dataclass(frozen=True)
class Launch:
    """A kernel with its grid and parameters, all of 8 bytes."""

    function: c.c_void_p
    blocks: tuple[int, int]
    threads: int
    parameters: tuple[int, ...]
    shared_bytes: int = 0
    early: bool = False  # it may begin while the one before ends


class Driver:
    """A device, and one stream on it."""

    def __init__(self, number: int = 0):
        try:
            self._library = c.CDLL("libcuda.so.1")
        except OSError as error:
            raise DriverError("no driver is installed: there is no libcuda.so.1") from error
        self.call("cuInit", c.c_uint(0))
        count, version, self._device = c.c_int(), c.c_int(), c.c_int()
        self.call("cuDeviceGetCount", c.byref(count))
        if number >= count.value:
            raise DriverError(f"expected a GPU {number}, got {count.value}, counted from 0")
        self.call("cuDriverGetVersion", c.byref(version))
        self.version = version.value
        self.call("cuDeviceGet", c.byref(self._device), c.c_int(number))
        name = c.create_string_buffer(96)
        self.call("cuDeviceGetName", name, c.c_int(len(name)), self._device)
        self.name = name.value.decode()
        context, self.stream = c.c_void_p(), c.c_void_p()
        self.call("cuDevicePrimaryCtxRetain", c.byref(context), self._device)
        self.call("cuCtxSetCurrent", context)
        self.call("cuStreamCreate", c.byref(self.stream), c.c_uint(NON_BLOCKING))

    def call(self, name: str, *arguments: object) -> None:
        result = getattr(self._library, name)(*arguments)
        if result != OK:
            text = c.c_char_p()
            self._library.cuGetErrorName(c.c_int(result), c.byref(text))
            raise DriverError(f"{name}: {(text.value or b'?').decode()} ({result})")

    @property
    def is_interpreter(self) -> bool:
        """If this is no card, but the library of test/Device."""
        return self.name == "PTX interpreter"

    def attribute(self, which: int) -> int | None:
        value = c.c_int()
        try:
            self.call("cuDeviceGetAttribute", c.byref(value), c.c_int(which), self._device)
        except DriverError:
            return None
        return value.value

    def free_and_total(self) -> tuple[int, int]:
        free, total = c.c_size_t(), c.c_size_t()
        self.call("cuMemGetInfo_v2", c.byref(free), c.byref(total))
        return free.value, total.value

    # Memory.

    def allocate(self, size: int, byte: int | None = 0) -> int:
        """Filled with `byte`, if it is given."""
        at = c.c_uint64()
        self.call("cuMemAlloc_v2", c.byref(at), c.c_size_t(max(size, 1)))
        if byte is not None:
            self.call("cuMemsetD8Async", at, c.c_ubyte(byte), c.c_size_t(size), self.stream)
            self.wait()
        return at.value

    def upload(self, data: bytes) -> int:
        at = self.allocate(len(data), None)
        self.call("cuMemcpyHtoD_v2", c.c_uint64(at), data, c.c_size_t(len(data)))
        return at

    def download(self, at: int, size: int) -> bytes:
        data = c.create_string_buffer(size)
        self.call("cuMemcpyDtoH_v2", data, c.c_uint64(at), c.c_size_t(size))
        return data.raw

    def free(self, *addresses: int) -> None:
        for at in addresses:
            self.call("cuMemFree_v2", c.c_uint64(at))

    def copy(self, to: int, source: int, size: int) -> None:
        """On the stream, from the device to itself."""
        arguments = c.c_uint64(to), c.c_uint64(source), c.c_size_t(size), self.stream
        self.call("cuMemcpyDtoDAsync_v2", *arguments)

    def wait(self) -> None:
        self.call("cuStreamSynchronize", self.stream)

    # Code.

    def load(self, text: bytes) -> c.c_void_p:
        module, log = c.c_void_p(), c.create_string_buffer(4096)
        options = (c.c_int * 2)(ERROR_LOG, ERROR_LOG_BYTES)
        values = (c.c_void_p * 2)(c.addressof(log), len(log))
        image = c.create_string_buffer(text)  # ends with a 0
        try:
            self.call("cuModuleLoadDataEx", c.byref(module), image, c.c_uint(2), options, values)
        except DriverError as error:
            raise DriverError(f"{error}: {' '.join(log.value.decode().split())}") from error
        return module

    def function(self, module: c.c_void_p, name: str) -> c.c_void_p:
        function = c.c_void_p()
        self.call("cuModuleGetFunction", c.byref(function), module, name.encode())
        return function

    def function_attribute(self, function: c.c_void_p, which: int) -> int:
        value = c.c_int()
        self.call("cuFuncGetAttribute", c.byref(value), c.c_int(which), function)
        return value.value

    def allow_shared(self, function: c.c_void_p, size: int) -> None:
        """More dynamic shared memory than a kernel has without asking."""
        if size > PLAIN_SHARED_BYTES:
            self.call("cuFuncSetAttribute", function, c.c_int(MOST_DYNAMIC_SHARED), c.c_int(size))

    def launch(self, launch: Launch) -> None:
        config = _Config()
        config.grid[:] = (*launch.blocks, 1)
        config.block[:] = (launch.threads, 1, 1)
        config.shared_bytes = launch.shared_bytes
        config.stream = self.stream
        values = [c.c_uint64(value) for value in launch.parameters]
        pointers = (c.c_void_p * len(values))(*[c.addressof(value) for value in values])
        if launch.early:
            allowed = (1).to_bytes(4, "little")
            config.attributes = c.pointer(_Attribute(LAUNCH_EARLY, b"", allowed))
            config.count = 1
        self.call("cuLaunchKernelEx", c.byref(config), launch.function, pointers, None)

    def graph(self, launches: Sequence[Launch]) -> c.c_void_p:
        """All of them in turn, as one."""
        graph, instance = c.c_void_p(), c.c_void_p()
        self.call("cuStreamBeginCapture_v2", self.stream, c.c_int(THREAD_LOCAL))
        for launch in launches:
            self.launch(launch)
        self.call("cuStreamEndCapture", self.stream, c.byref(graph))
        self.call("cuGraphInstantiateWithFlags", c.byref(instance), graph, c.c_uint64(0))
        self.call("cuGraphDestroy", graph)
        return instance

    def launch_graph(self, instance: c.c_void_p) -> None:
        self.call("cuGraphLaunch", instance, self.stream)

    def destroy_graph(self, instance: c.c_void_p) -> None:
        self.call("cuGraphExecDestroy", instance)

    # Time.

    def seconds(self, enqueue: Callable[[], None], rounds: int = 3) -> float:
        """Of what `enqueue` puts on the stream: the least of some rounds, of three times less
        that of once, so that starting and waiting are not in it.
        """

        def run(times: int) -> float:
            began = time.perf_counter()
            for _ in range(times):
                enqueue()
            self.wait()
            return time.perf_counter() - began

        run(1)
        one = min(run(1) for _ in range(rounds))
        three = min(run(3) for _ in range(rounds))
        return (three - one) / 2 if three > one else three / 3

    def graph_seconds(self, launches: Sequence[Launch], rounds: int = 3) -> float:
        instance = self.graph(launches)
        try:
            return self.seconds(lambda: self.launch_graph(instance), rounds)
        finally:
            self.destroy_graph(instance)
