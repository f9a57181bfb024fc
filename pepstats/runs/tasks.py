"""The notebooks of a run as tasks: their order, what each needs, writes, and is given."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatch

from pepstats import paths
from pepstats.errors import RunError
from pepstats.runs.files import Digest
from pepstats.settings import Settings


class StepRecord(Settings):
    """The hash of all that a step stood on, and how long it took, unless taken over as it was."""

    stands_on: Digest
    seconds: float
    reused: bool

    @property
    def took(self) -> str:
        """How long it took, for eyes."""
        return "as it was" if self.reused else f"{self.seconds:7.2f} s"


STEPS = {
    "01-clean-sources": False,
    "02-priority-ratings": False,
    "03-match-schools": True,
    "04-estimate-effect": True,
    "05-check-robustness": True,
    "06-case-studies": True,
    "07-board-report": False,
}
"""The steps in order, and whether each is run once per programme."""


FIRST, LAST = list(STEPS)[0], list(STEPS)[-1]
MATCHING = "03-match-schools"

CRITERIA = "dashboard*.yml"
"""The files of a data folder that have the dashboard's criteria."""

ONLY = {
    CRITERIA: "02-priority-ratings",
    "partnership/*": "02-priority-ratings",
    "quality.yml": LAST,
    "quality/*": LAST,
    "reports/*.md": LAST,
}
"""Settings that one step alone reads, and the paper where it needs them; the rest are for all."""


@dataclass(frozen=True)
class Task:
    """One notebook to execute, for one programme where it has one."""

    step: str
    programme: str

    @property
    def name(self) -> str:
        """The executed copy's name: the step, and the programme where there is one."""
        return f"{self.step}--{self.programme}" if self.programme else self.step

    def needs(self, other: Task) -> bool:
        """Whether another task must be done before this one: the paper needs all the others."""
        if other.step >= self.step:
            return False
        if self.step == LAST:
            return True
        return other.step != "02-priority-ratings" and other.programme in {"", self.programme}

    def owns(self, name: str) -> bool:
        """Whether a file of a run is this task's."""
        folder = f"{self.step}/{self.programme}/" if self.programme else f"{self.step}/"
        return name.startswith(folder) or name == f"notebooks/{self.name}.ipynb"

    def may_read(self, setting: str, whole: str) -> bool:
        """Whether this task may read a setting; `whole` is its programme, as it is written down."""
        if self.step == MATCHING and setting.startswith("programmes/"):
            return setting == f"programmes/{whole}.yml"
        steps = {step for pattern, step in ONLY.items() if fnmatch(setting, pattern)}
        return not steps or self.step in {*steps, LAST}

    def needs_file(self, name: str) -> bool:
        """Whether a file of a run was written by a task that must be done before this one."""
        step, *inside = name.split("/")
        return step in STEPS and self.needs(Task(step, inside[0] if STEPS[step] else ""))


def list_tasks(programmes: Iterable[str]) -> list[Task]:
    """List the notebooks in the order they are run."""
    return [
        Task(step, programme)
        for step, each in STEPS.items()
        for programme in (tuple(programmes) if each else ("",))
    ]


def check_parameters(task: Task) -> None:
    """Refuse a notebook that is missing or does not take just the parameters it will be given.

    Papermill itself only warns of an unknown parameter and runs with the default.
    """
    import papermill

    path = paths.NOTEBOOKS / f"{task.step}.ipynb"
    if not path.is_file():
        raise RunError(f"{path} is not there. Restore it, or clone the project again.")
    given, taken = set(parameters_of(task, "")), set(papermill.inspect_notebook(str(path)))
    if given != taken:
        raise RunError(
            f"{path.name} takes the parameters {sorted(taken)}, but is given {sorted(given)}. "
            "Mend its cell tagged `parameters`."
        )


def parameters_of(task: Task, report: str) -> dict[str, str]:
    """Return the parameters of a notebook: which report and, where it has one, which programme."""
    return {"report": report, **({"programme": task.programme} if STEPS[task.step] else {})}
