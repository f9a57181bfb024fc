"""The notebooks of a run as tasks: their order, what each needs, writes, and is given."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatch

from pepstats import paths
from pepstats.errors import RunError
from pepstats.runs.files import Digest
from pepstats.runs.kernels import import_papermill
from pepstats.settings import Settings


class StepRecord(Settings):
    """The hash of all that a step stood on, and how long it took when it was made."""

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

CRITERIA = "dashboard*.yml"
"""The files of a data folder that have the dashboard's criteria."""

ALL = ("*",)

DESIGN = (
    "slug", "part_of", "phase", "starts", "baseline", "outcomes", "whom", "must_not_move",
    "compare_across", "match", "pool",
)  # fmt: skip
"""The keys of a programme that say who is compared with whom, in what."""


@dataclass(frozen=True)
class Reads:
    """What a step reads, and so rests on; what is not named here it cannot read.

    `report` are keys of the report's file, one inside another as `meeting.date`; `own` those of its
    programme's file, `others` of every programme's; `tables` files that earlier steps wrote, by
    their step and name; `files` of the data folder, beside those of the report and its programmes
    and, in the first step, published files and lists of schools; `earlier` tables of the run of the
    report that this one revises.
    """

    report: tuple[str, ...]
    own: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    earlier: tuple[str, ...] = ()


def _tables(step: str, *names: str) -> tuple[str, ...]:
    return tuple(f"{step}/{name}.csv" for name in names)


_COMPARED = (
    *_tables("01-clean-sources", "members", "national", "panel*", "register", "similar-schools"),
    *_tables("03-match-schools", "flow", "left-out", "pairs-of-all", "plan", "pool", "scales",
             "unmatched"),
)  # fmt: skip

READS = {
    "01-clean-sources": Reads(
        report=("slug", "year", "authority", "invented", "revises", "programmes", "sources",
                "codes"),
        others=(*DESIGN, "members"),
        earlier=("01-clean-sources/*",),
    ),
    "02-priority-ratings": Reads(
        report=("slug", "year", "authority", "invented", "programmes", "meeting.body",
                "meeting.date"),
        others=(*DESIGN, "title"),
        tables=_tables("01-clean-sources", "inspections", "members", "national", "panel*",
                       "register"),
        files=(CRITERIA, "partnership/*"),
    ),
    "03-match-schools": Reads(
        report=("slug", "year", "revises", "programmes"),
        own=(*DESIGN, "placebo", "seed"),
        tables=_tables("01-clean-sources", "members", "panel*", "register"),
        files=("plans/*",),
    ),
    "04-estimate-effect": Reads(
        report=("slug", "year", "revises", "programmes"),
        own=(*DESIGN, "title", "placebo", "seed", "cost", "months", "evidence"),
        others=(*DESIGN, "title", "placebo", "seed"),  # all effects are judged together
        tables=(*_COMPARED, *_tables("01-clean-sources", "authority-series")),
        files=("months.yml", "costs.yml", "grades.yml"),
        earlier=("07-board-report/*",),
    ),
    "05-check-robustness": Reads(
        report=("slug", "year", "programmes"),
        own=(*DESIGN, "title", "placebo", "seed"),
        others=(*DESIGN, "title", "placebo", "seed"),
        tables=(*_COMPARED, *_tables(
            "04-estimate-effect", "measured", "gaps-of-all", "slopes", "refused", "draws",
            "placebo-cities", "placebo", "effects", "yardstick",
        )),
    ),
    "06-case-studies": Reads(
        report=("slug", "year", "programmes"),
        own=(*DESIGN, "title"),
        tables=(
            *_tables("01-clean-sources", "inspections", "members", "panel*", "register",
                     "statements"),
            *_tables("04-estimate-effect", "effects", "gaps", "lines"),
        ),
    ),
    LAST: Reads(
        report=ALL, others=ALL, tables=ALL,
        files=("reports/*", "quality.yml", "quality/*", "*.docx"),
    ),
}  # fmt: skip
"""What each step reads."""


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

    @property
    def reads(self) -> Reads:
        """What the step reads."""
        return READS[self.step]

    def may_read(self, step: str, name: str) -> bool:
        """Whether this task reads a file, by its name, of the folder of an earlier step."""
        return among(f"{step}/{name}", self.reads.tables)

    def reads_file(self, name: str) -> bool:
        """Whether this task reads a file of a run: one of a task that is done before it."""
        step, *inside = name.split("/")
        if step not in STEPS or not self.needs(Task(step, inside[0] if STEPS[step] else "")):
            return False
        return self.may_read(step, inside[-1])


def among(name: str, patterns: Iterable[str]) -> bool:
    """Whether a name fits one of some patterns."""
    return any(fnmatch(name, pattern) for pattern in patterns)


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
    papermill = import_papermill()
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
