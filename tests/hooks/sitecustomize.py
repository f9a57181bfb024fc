"""Count, in every process of a run, the files that it opens and the published files it parses.

Python imports this by itself where its folder is on the path. Each line of the log is a process, an
event and a file.
"""

import importlib.abc
import importlib.machinery
import json
import os
import sys
from types import ModuleType

LOG = os.environ.get("PEPSTATS_TEST_LOG", "")
COUNTED = "pepstats.sources.files"


class _Counting(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Import the module that reads published files as ever, and count each file it parses."""

    def find_spec(self, name, path, target=None):
        if name != COUNTED:
            return None
        self.real = importlib.machinery.PathFinder.find_spec(name, path)
        return importlib.machinery.ModuleSpec(name, self, origin=self.real.origin)

    def exec_module(self, module: ModuleType) -> None:
        module.__file__ = self.real.origin
        self.real.loader.exec_module(module)
        parse = module.read_text

        def read_text(source):
            _write("parse", source.path)
            return parse(source)

        module.read_text = read_text


def _write(event: str, path: str) -> None:
    line = json.dumps([os.getpid(), event, os.path.realpath(os.fsdecode(path))])
    os.write(_LINES, f"{line}\n".encode("ascii"))


def _note(event: str, about: tuple) -> None:
    if event == "open" and isinstance(about[0], str | bytes | os.PathLike):
        _write(event, about[0])


if LOG:
    _LINES = os.open(LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    sys.meta_path.insert(0, _Counting())
    sys.addaudithook(_note)
