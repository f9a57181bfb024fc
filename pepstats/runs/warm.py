"""The process that warm kernels are forked from: it has imported what the notebooks import.

`kernels.py` starts this file for a run and asks it through a socket, a line at a time. It has one
thread, so that what it forks is whole. When whoever started it is gone, it ends its kernels, clears
their folder away and goes too. Nothing of ours is imported before it looks like a kernel.
"""

from __future__ import annotations

import builtins
import gc
import importlib
import json
import os
import select
import shutil
import signal
import socket
import sys
import threading
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

FIRST = (
    "ipykernel.ipkernel", "ipykernel.kernelapp", "pepstats.runs", "matplotlib.backends.backend_svg",
)  # fmt: skip
"""What every notebook needs."""

LATER = ("jinja2", "docx", "xlsxwriter", "python_calamine", "diff_diff")
"""What is imported where it is used: here while no kernel is asked for."""


def serve(number: int, folder: str) -> None:
    """Fork a kernel for each request, until whoever asks through the socket `number` is gone."""
    import_as_kernel(FIRST)
    if threading.active_count() > 1:
        raise RuntimeError("no kernel is forked from a process that has threads")
    running: set[int] = set()
    with socket.socket(fileno=number) as asked:
        wanted = _answer(asked, running)
    if wanted is not None:
        _become_kernel(wanted)
        return
    for process in running:
        with suppress(OSError):
            os.killpg(process, signal.SIGKILL)
    shutil.rmtree(folder, ignore_errors=True)


def import_as_kernel(names: Iterable[str]) -> None:
    """Import modules that see what they would see in a kernel: pandas shows 20 columns there."""
    os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"  # as ipykernel sets it
    vars(builtins)["get_ipython"] = lambda: SimpleNamespace(kernel=True, config={})
    try:
        for name in names:
            with suppress(ImportError):  # what misses it says so itself
                importlib.import_module(name)
    finally:
        del vars(builtins)["get_ipython"]


def _answer(asked: socket.socket, running: set[int]) -> dict[str, Any] | None:
    """Answer requests; return, in a forked process, the kernel to become, and in ours nothing.

    A request is a line of JSON. A kernel's `argv`, `env` and `cwd` are answered by its process; a
    process to `poll`, by how it ended, or by null while it runs.
    """
    later = list(LATER)
    with asked.makefile("rw", encoding="utf-8") as lines:
        while True:
            while later and not select.select([asked], [], [], 0)[0]:
                import_as_kernel([later.pop(0)])
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

    os.setsid()
    os.chdir(words["cwd"])
    os.environ.clear()
    os.environ.update(words["env"])
    np.random.seed()  # noqa: NPY002 - what nobody has seeded is another in each kernel
    parent = f"--IPKernelApp.parent_handle={os.getppid()}"  # it ends when that is gone
    IPKernelApp.launch_instance(argv=[*words["argv"], parent])


if __name__ == "__main__":
    if sys.path[0] == str(Path(__file__).parent):  # where modules are, not packages
        del sys.path[0]
    serve(int(sys.argv[1]), sys.argv[2])
