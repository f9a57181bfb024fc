"""An evaluation workbook that a city can trust.

`load` reads a study's published files into one panel of school by year; `evaluate` compares a
programme's schools with schools like them elsewhere. Both are imported only when called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pepstats.evaluation import Evaluation
    from pepstats.study import Study

__version__ = "0.1.0"
__all__ = ["evaluate", "load"]


def load(report: str, data: str | None = None) -> Study:
    """Read a report's sources and give back its study: panel, register and programmes."""
    from pepstats.study import load_study

    return load_study(report, data)


def evaluate(study: Study, programme: Any) -> Evaluation:
    """Compare a programme's schools with schools like them elsewhere."""
    from pepstats.evaluation import evaluate_programme

    return evaluate_programme(study, programme)
