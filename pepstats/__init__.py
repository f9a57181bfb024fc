"""An evaluation workbook that a city can trust.

`load` reads a study's published files into one panel of school by year; `evaluate` compares a
programme's schools with schools like them elsewhere. Both are imported only when called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pepstats.impact import Evaluation
    from pepstats.settings import Programme
    from pepstats.study import Study

__version__ = "0.1.0"
__all__ = ["evaluate", "load"]


def load(report: str, data: str | None = None) -> Study:
    """Read a report's sources and give back its study: panel, register and programmes."""
    from pepstats.study import load_study

    return load_study(report, data)


def evaluate(study: Study, programme: Programme | str) -> Evaluation:
    """Compare a programme's schools with schools like them elsewhere.

    A programme of several phases is compared phase by phase, each on its own pool.
    """
    from pepstats.impact import Inputs, evaluate_programme, stack_evaluations
    from pepstats.study import national_levels

    inputs = Inputs(study.panel, study.register, study.report.year, national_levels(study))
    return stack_evaluations([
        evaluate_programme(part, inputs, study.members_of(part).index, study.barred)
        for part in study.parts_of(programme)
    ])  # fmt: skip
