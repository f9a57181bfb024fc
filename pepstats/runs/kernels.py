"""Kernels of a run: how they are started, and that none is left when it ends, however it ends.

On Linux a kernel is forked from a process that is warm: it has imported what the notebooks import.
Elsewhere, and where that cannot be had, Python is started for each. Papermill, nbclient and
ipykernel are as they are; nbclient is given a kernel manager. What kernels need on the disk,
sockets among it, is in a folder of the run's own: two of them must never share one.
"""

from __future__ import annotations

import asyncio
import builtins
import gc
import importlib
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from threading import Lock
from types import ModuleType
from typing import Any, cast

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from traitlets.config import Config

from pepstats.runs.files import private_folder

CAN_FORK = sys.platform == "linux"  # elsewhere a process that has imported much may not be forked
LAUNCHER = "ipykernel_launcher"
FIRST = ("ipykernel.ipkernel", "ipykernel.kernelapp", "matplotlib.backends.backend_svg")
"""What every notebook needs, beside our own code, which this file brings with it."""

LATER = (
    "scipy.optimize", "scipy.spatial", "matplotlib.figure", "matplotlib.backends.backend_agg",
    "jinja2", "docx", "xlsxwriter", "python_calamine", "diff_diff",
)  # fmt: skip
"""What is imported where it is used: here while no kernel is asked for."""

SERVE = """
import builtins, os, sys, types
if sys.path[0] == "":  # as a kernel does: the folder that a run stands in holds no code
    del sys.path[0]
builtins.get_ipython = lambda: types.SimpleNamespace(kernel=True, config={})
os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
from pepstats.runs import kernels
getattr(kernels, sys.argv[1])(int(sys.argv[2]), sys.argv[3])
"""
"""Starts the warm process. What it imports sees a kernel: pandas then shows 20 columns."""

LONGEST = 80  # letters of a folder in which a socket can still be named, on every system
SHORT = "/tmp"  # noqa: S108 - the folder in it is made for us alone


class Kernels:
    """The kernels of one run, and the warm process that they are forked from, where there is one.

    `stopped` says that they were ended from here, so that a notebook without one is no news.
    """

    def __init__(self, folder: Path, *, warm: bool) -> None:
        """Keep a folder for kernels, which are forked from what is `warm` where they can be."""
        self.folder, self.stopped, self._cold = folder, False, warm and CAN_FORK
        self._number, self._started = count(1), list[_Provisioner]()
        self._lock, self._beginning = Lock(), Lock()
        self._server: subprocess.Popen[bytes] | None = None

    def warm_up(self) -> None:
        """Begin to warm up, once; the first kernel waits until that is done."""
        with self._beginning:
            if not self._cold or self.stopped:
                return
            self._cold = False
            self._socket, theirs = socket.socketpair()
            self._lines = self._socket.makefile("rw", encoding="utf-8")
            with theirs:
                given = [serve.__name__, str(theirs.fileno()), str(self.folder)]
                self._server = subprocess.Popen(  # noqa: S603 - our own words
                    [sys.executable, "-c", SERVE, *given],
                    pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, start_new_session=True,
                    cwd=os.sep,  # the folder of a run may be gone before it is
                )  # fmt: skip

    def manager(self) -> tuple[type[AsyncKernelManager], Config]:
        """Return the class of the manager of one notebook's kernel, and what it is told."""
        self.warm_up()
        config, place = Config(), str(self.folder / str(next(self._number)))
        config.NotebookClient.extra_arguments = ["--IPKernelApp.log_level=CRITICAL"]
        config.KernelManager.connection_file = f"{place}.json"
        if os.name == "posix" and len(str(self.folder)) <= LONGEST:
            config.KernelManager.transport, config.KernelManager.ip = "ipc", place
        return type("RunKernelManager", (_Manager,), {"kernels": self}), config

    def ask(self, **words: Any) -> int | None:
        """Ask the warm process; `EOFError` where there is none."""
        if self._server is None:
            raise EOFError
        with self._lock:
            try:
                self._lines.write(f"{json.dumps(words)}\n")
                self._lines.flush()
                answer: int | None = json.loads(self._lines.readline())
            except (OSError, ValueError):  # it is gone, or could not become warm
                raise EOFError from None
        return answer

    def keep(self, one: _Provisioner) -> None:
        """Remember a kernel that was started by itself, to end it with the run."""
        self._started.append(one)
        if self.stopped:
            one.end()

    def stop(self) -> None:
        """End every kernel that still runs, and the warm process, which ends its own."""
        with self._beginning:
            self.stopped = True
        for one in self._started:
            one.end()
        if self._server is None:
            return
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        try:
            self._server.wait(timeout=2)
        except subprocess.TimeoutExpired:  # it is still warming up
            self._server.kill()
            self._server.wait()
        with self._lock, suppress(OSError):
            self._lines.close()
            self._socket.close()


@contextmanager
def start_kernels(*, warm: bool) -> Iterator[Kernels]:
    """Let the notebooks of a run have kernels; at its end there are none, and no folder of them."""
    short = (
        SHORT if len(tempfile.gettempdir()) > LONGEST - 30 and os.access(SHORT, os.W_OK) else None
    )
    with private_folder(short) as folder:
        kernels = Kernels(folder, warm=warm)
        try:
            yield kernels
        finally:
            kernels.stop()


class _Forked:
    """A forked kernel, as jupyter_client knows a process."""

    stdin = stdout = stderr = None

    def __init__(self, kernels: Kernels, pid: int) -> None:
        self.kernels, self.pid = kernels, pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        if self.returncode is None:
            try:
                self.returncode = self.kernels.ask(poll=self.pid)
            except EOFError:  # it ends with the process that it was forked from
                self.returncode = -signal.SIGTERM
        return self.returncode

    def wait(self) -> int:
        while (found := self.poll()) is None:
            time.sleep(0.02)
        return found

    def send_signal(self, number: int) -> None:
        if self.poll() is None:  # its number may be another's by now
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)


class _Provisioner(LocalProvisioner):
    """Starts a kernel: forked from what is warm, else as jupyter_client does."""

    kernels: Kernels
    process: Any = None

    async def launch_kernel(self, cmd: list[str], **options: Any) -> KernelConnectionInfo:
        try:
            given = cmd[cmd.index(LAUNCHER) + 1 :]
            place = str(options.get("cwd") or Path.cwd())
            self.pid = self.pgid = self.kernels.ask(argv=given, env=options["env"], cwd=place)
        except EOFError:
            info = await super().launch_kernel(cmd, **options)
            self.kernels.keep(self)
            return info
        self.process, self.cwd = _Forked(self.kernels, self.pid or 0), place
        return self.connection_info

    def end(self) -> None:
        """Kill the kernel, and what it has started, where it still runs."""
        if self.process is not None and self.process.poll() is None:
            with suppress(OSError):
                if os.name == "posix":  # it leads a group of its own
                    os.killpg(self.process.pid, signal.SIGKILL)
                else:
                    self.process.kill()


class _Manager(AsyncKernelManager):
    """What nbclient is given: the usual manager, whose kernels are the run's."""

    kernels: Kernels

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.provisioner = _Provisioner(kernel_spec=self.kernel_spec, parent=self)
        self.provisioner.kernels = self.kernels

    async def shutdown_kernel(  # type: ignore[override]  # there it is declared as no coroutine
        self, now: bool = False, restart: bool = False
    ) -> None:
        """End a kernel whose notebook is done, or hangs, at once.

        Asked to end by itself, it now and then waits for a thread of its own that is gone.
        """
        await cast(Any, super().shutdown_kernel(now=True, restart=restart))
        waiting = asyncio.all_tasks() - {asyncio.current_task()}  # for what a hung cell still says
        for one in waiting:
            one.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


def serve(number: int, folder: str) -> None:
    """Fork a kernel for each request, until whoever asks through the socket `number` is gone.

    This is the warm process. It has one thread, so that what it forks is whole. When whoever asks
    is gone, it ends its kernels, clears their folder away and goes too.
    """
    for name in FIRST:
        importlib.import_module(name)
    if threading.active_count() > 1:
        raise RuntimeError("no kernel is forked from a process that has threads")
    running, wanted = set[int](), None
    with suppress(ConnectionError), socket.socket(fileno=number) as asked:
        wanted = _answer(asked, running)  # whoever asks may be killed at any moment
    if wanted is not None:
        _become_kernel(wanted)
        return
    for process in running:
        with suppress(OSError):
            os.killpg(process, signal.SIGKILL)
    shutil.rmtree(folder, ignore_errors=True)


def _answer(asked: socket.socket, running: set[int]) -> dict[str, Any] | None:
    """Answer requests; return, in a forked process, the kernel to become, and in ours nothing.

    A request is a line of JSON. A kernel's `argv`, `env` and `cwd` are answered by its process; a
    process to `poll`, by how it ended, or by null while it runs.
    """
    later = list(LATER)
    with asked.makefile("rw", encoding="utf-8") as lines:
        while True:
            while later and not select.select([asked], [], [], 0)[0]:
                with suppress(ImportError):  # a notebook that misses it says so
                    importlib.import_module(later.pop(0))
            request = lines.readline()
            if not request:
                return None
            words: dict[str, Any] = json.loads(request)
            if "poll" in words:
                found = _poll(words["poll"], running)
            else:
                gc.freeze()  # so that what is shared is not copied
                found = os.fork()
                if not found:
                    return words
                running.add(found)
            lines.write(f"{json.dumps(found)}\n")
            lines.flush()


def _poll(process: int, running: set[int]) -> int | None:
    """Return how a kernel ended, a signal as a number below zero; nothing while it runs."""
    ended, status = os.waitpid(process, os.WNOHANG)
    if not ended:
        return None
    running.discard(process)
    return os.waitstatus_to_exitcode(status)


def _become_kernel(words: dict[str, Any]) -> None:
    """Run the kernel that was asked for in this process, as a Python started for it would."""
    import numpy as np
    from ipykernel.kernelapp import IPKernelApp

    del vars(builtins)["get_ipython"]  # ipykernel puts its own there
    os.setsid()
    with Path(os.devnull).open("wb") as nowhere:  # ended while it starts, it would complain there
        os.dup2(nowhere.fileno(), 2)
    os.chdir(words["cwd"])
    os.environ.clear()
    os.environ.update(words["env"])
    np.random.seed()  # noqa: NPY002 - what nobody has seeded is another in each kernel
    parent = f"--IPKernelApp.parent_handle={os.getppid()}"  # it ends when that is gone
    with _without("debugpy"):  # nobody sets a breakpoint in a run
        IPKernelApp.launch_instance(argv=[*words["argv"], parent])


def import_papermill() -> ModuleType:
    """Import Papermill without the grammars of a check of addresses that no notebook is asked for.

    `jsonschema`, which it imports, builds them, a second's work, as soon as it finds the package.
    """
    with _without("rfc3987_syntax"):
        import papermill
    return cast(ModuleType, papermill)


@contextmanager
def _without(name: str) -> Iterator[None]:
    """Say of one package that it is not there, to what has not imported it yet."""
    if hidden := name not in sys.modules:
        cast(Any, sys.modules)[name] = None
    try:
        yield
    finally:
        if hidden:
            del sys.modules[name]
