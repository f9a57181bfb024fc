"""Evaluate a city's school programmes from published data.

`load` reads a report's published files into a `Study`; `evaluate` compares a programme's schools
with schools like them elsewhere; `checks`, `calibrate`, `cases` and `rate` ask more of the same
study. Everything is imported only when it is called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from concurrent.futures import Executor
    from pathlib import Path

    import pandas as pd

    from pepstats import plots as plot
    from pepstats.impact import Evaluation
    from pepstats.measures import list_measures
    from pepstats.priority import Ratings
    from pepstats.programmes import Pooled, Sweep
    from pepstats.robustness import Calibration, Checked
    from pepstats.runs import open_step
    from pepstats.runs import release_report as release
    from pepstats.runs import verify_run as verify
    from pepstats.schools import check_sources as check
    from pepstats.settings import Programme, Report
    from pepstats.sources import read_published as read
    from pepstats.study import Study
    from pepstats.study import load_study as load

__version__ = "0.1.0"
__all__ = [
    "Programme", "Report", "calibrate", "cases", "check", "checks", "evaluate", "list_measures",
    "load", "open_step", "plot", "pool", "rate", "read", "release", "run", "sweep", "verify",
]  # fmt: skip

_ELSEWHERE = {
    "Programme": "settings.Programme",
    "Report": "settings.Report",
    "check": "schools.check_sources",
    "list_measures": "measures.list_measures",
    "load": "study.load_study",
    "open_step": "runs.open_step",
    "read": "sources.read_published",
    "release": "runs.release_report",
    "verify": "runs.verify_run",
}
"""What is public of a subpackage, and its name there."""


def __getattr__(name: str) -> Any:
    """Import what is public of a subpackage only when it is asked for."""
    from importlib import import_module

    if name == "plot":
        return import_module("pepstats.plots")
    if name not in _ELSEWHERE:
        raise AttributeError(f"pepstats has no attribute `{name}`")
    where, _, called = _ELSEWHERE[name].partition(".")
    return getattr(import_module(f"pepstats.{where}"), called)


def __dir__() -> list[str]:
    """List what is public."""
    return __all__


def evaluate(study: Study, programme: Programme | str, **changed: Any) -> Evaluation:
    """Compare a programme's schools with schools like them elsewhere.

    Parameters
    ----------
    study : Study
        As `load` returns it.
    programme : Programme or str
        The slug of one of the report's programmes, or a programme of your own.
    **changed : object
        Fields to change for this once, as the programme's file has them: `baseline`, `outcomes`,
        `members` (URNs), ..., or those of its `match`: `k`, `caliper`, `near`, `exact`.

    Returns
    -------
    Evaluation
        `effects` has one row per `outcome`: `estimate`, `low`, `high` (95% interval) in `unit`,
        `p_placebo`, `n_schools`, `release`, `verdict`; `gaps` one per `school` and `outcome`;
        `pairs`, `balance`, `placebo`, `lines`, `sizes`, `value`, `evidence`; `sentence()` and
        `what_if(...)`.

    Raises
    ------
    DesignError
        For a programme or a field that is not known, one of two phases (evaluate each by its own
        slug), or too few schools.

    Examples
    --------
    >>> found = pepstats.evaluate(study, "closing-the-gap")
    >>> found.effects.loc[0, ["outcome", "verdict"]].tolist()
    ['rwm_expected.disadvantaged', 'too uncertain to say']
    >>> found.what_if(without=found.design.members[:1]).effects.loc[0, "n_schools"]
    np.int64(16)
    """
    from pepstats.impact import change_programme, design_comparison, evaluate_design

    asked = study.find_programme(programme)
    asked = study.find_programme(change_programme(asked, **changed) if changed else asked)
    inputs = study.inputs_of(asked)
    design = design_comparison(
        asked, study.panel, study.register, inputs.members.index, study.barred
    )
    return evaluate_design(asked, design, inputs)


def checks(evaluation: Evaluation) -> Checked:
    """Make the same comparison under every other choice, the headline first, none hidden.

    Parameters
    ----------
    evaluation : Evaluation
        As `evaluate` returns it.

    Returns
    -------
    Checked
        `table` has one row per `check`: `kind`, `estimate`, `low`, `high` in the outcome's unit,
        `p`, `n_schools`, `n_comparison`, `note`, `detail`; `without` the estimate without each
        school.

    Examples
    --------
    >>> pepstats.checks(found).table.loc[0, "check"]
    'the main estimate'
    """
    from pepstats.robustness import check_effect, make_headline

    return check_effect(make_headline(evaluation))


def calibrate(
    study: Study, programme: Programme | str, draws: int = 5000, size: int = 18, low: int = 13
) -> Calibration:
    """Put programmes that did nothing through the method, in the study's own data.

    Parameters
    ----------
    study : Study
        As `load` returns it.
    programme : Programme or str
        Whose outcomes, baseline years and seed are used.
    draws : int
        How many placebo programmes are drawn.
    size, low : int
        How many schools each has, and how many of them from the lower attaining half.

    Returns
    -------
    Calibration
        `rows` has one row per `estimator`, `selection` and `outcome`: `mean` error and `spread` in
        the outcome's unit, `false_alarm_rate` at 5 in 100, `coverage` of the 95% interval.

    Raises
    ------
    DesignError
        Where no year has results to try it on, or too few schools or cities have them.

    Examples
    --------
    >>> found_nothing = pepstats.calibrate(study, "closing-the-gap", draws=200)
    >>> bool(found_nothing.rows["false_alarm_rate"].between(0, 1).all())
    True
    """
    from pepstats.robustness import Picking, Population
    from pepstats.robustness import calibrate as calibrate_programme

    return calibrate_programme(
        Population(study.panel, study.register, study.barred), study.find_programme(programme),
        study.report.year, Picking(draws, size, low), study.national,
    )  # fmt: skip


def cases(evaluation: Evaluation) -> pd.DataFrame:
    """Choose the schools to look at more closely, by a rule and not by their success.

    Parameters
    ----------
    evaluation : Evaluation
        As `evaluate` returns it.

    Returns
    -------
    DataFrame
        Index `school`: the largest gap, the one nearest the middle and the smallest (by support,
        before results are published), with `why`,
        `gap` (in the primary outcome's unit), `name`, `phase`, `dose` and `also_in`.

    Examples
    --------
    >>> len(pepstats.cases(found))
    3
    """
    from pepstats.report import choose_cases

    own = evaluation.gaps.xs(evaluation.programme.primary, level="outcome")
    known, members = evaluation.inputs.register[["name", "phase"]], evaluation.inputs.members
    chosen = choose_cases(own, members["dose"], evaluation.primary.release)
    return chosen.join(known).join(members[["dose", "also_in"]])


def rate(study: Study, year: int | None = None) -> Ratings:
    """Rate how much each school of the report's authority needs help, and how sure that is.

    Parameters
    ----------
    study : Study
        As `load` returns it.
    year : int, optional
        The year that the school year ends in; the report's own where none is given.

    Returns
    -------
    Ratings
        `ratings` has one row per `school`: `score` (0 to 2), `rating` (1 the highest priority to
        3), `p1`, `p2`, `p3` (how often it would be rated so), `rank`, `reasons`, `same_next_year`
        (the share of schools rated so that were rated the same a year later); `contributions` one
        per `school` and `indicator`.

    Examples
    --------
    >>> int(pepstats.rate(study).ratings["rating"].min())
    1
    """
    import zlib

    import numpy as np

    from pepstats.priority import (
        RatingInputs,
        add_next_year,
        follow_ratings,
        load_dashboard,
        rate_schools,
    )
    from pepstats.study import tabulate_inspections

    register, inspected = study.register, tabulate_inspections(study)
    slug, year = zlib.crc32(study.report.slug.encode()), year or study.report.year
    rng, later = (
        np.random.default_rng([slug, zlib.crc32(b"02-priority-ratings " + stream)])
        for stream in (b"ratings", b"next year")
    )
    inputs = RatingInputs(
        study.panel, register, inspected if len(inspected) else None, study.national
    )
    dashboard = load_dashboard(study.data, year)
    own = register["la"] == study.report.authority
    rated = rate_schools(inputs, dashboard, year, rng=rng, schools=register.index[own])
    return add_next_year(rated, follow_ratings(inputs, dashboard, year, rng=later))


def sweep(
    study: Study, programmes: str | Path | Iterable[Programme], executor: Executor | None = None
) -> Sweep:
    """Evaluate many programmes at once, the study matched once, each as if alone.

    Parameters
    ----------
    study : Study
        As `load` returns it; its own programmes' schools are nobody's comparison schools either.
    programmes : str or Path or iterable of Programme
        A folder of programmes (`*.yml`), a list in a CSV (`programme`, `urn`, `joined`, `dose`,
        `for`, `kind`; all else as in the study's first programme), or programmes of your own.
    executor : Executor, optional
        Any executor of `concurrent.futures`: a pool of processes, or dask's. Without one the work
        is done here. The results are the same.

    Returns
    -------
    Sweep
        `account` has one row per programme entered: whether it was `evaluated`, and the `reason`
        where not; `effects` one per programme and outcome, as `evaluate` has them; `cells` schools
        that joined later, `rest` the authorities' other schools, `doses`, `remarks`.

    Raises
    ------
    DesignError
        For a list or a folder that cannot be read. A programme that cannot be evaluated is none:
        it has its row in `account`.

    Examples
    --------
    >>> many = pepstats.sweep(study, study.programmes.values())
    >>> many.account["evaluated"].tolist()
    [True, True]
    """
    from pathlib import Path

    from pepstats.runs import sweep_study
    from pepstats.settings import Entered
    from pepstats.sources import read_entered

    if isinstance(programmes, str | Path):
        like = next(iter(study.programmes.values()))
        entered = read_entered(Path(programmes), like)
    else:
        entered = [Entered(one.slug, one.title, one.file, one) for one in programmes]
    return sweep_study(study, entered, executor)


def pool(many: Sweep, outcome: str | None = None) -> Pooled:
    """Pool the programmes of a sweep: did these gain on average, do programmes of this kind gain.

    Parameters
    ----------
    many : Sweep
        As `sweep` returns it.
    outcome : str, optional
        Which outcome; without one, that of most programmes.

    Returns
    -------
    Pooled
        `answers` has one row per `kind` of programme and `question`: `estimate`, `low`, `high`,
        `p`, the `smallest` average found four times in five, `tau` with its range; `each` one per
        programme, moved towards the others (`shrunk`), with its false discovery rate; `power`;
        `overstated`, by how much the largest estimate is likely to overstate.

    Raises
    ------
    DesignError
        Where no programme has an estimate in that outcome.

    Examples
    --------
    >>> many = pepstats.sweep(study, study.programmes.values())
    >>> pepstats.pool(many, "rwm_expected").answers["question"].tolist()
    ['these programmes', 'programmes of this kind']
    """
    from pepstats.errors import DesignError, nearest
    from pepstats.programmes import pool_sweep

    if not many.found or outcome not in (None, *many.outcomes):
        known = nearest(str(outcome), many.outcomes)
        raise DesignError(f"no programme has an estimate in `{outcome}`. {known}")
    return pool_sweep(many, outcome or many.outcomes[0])


def run(
    report: str,
    data: str | Path | None = None,
    out: str | Path | None = None,
    programmes: Iterable[str] = (),
    jobs: int = 1,
) -> Path:
    """Execute a report's notebooks in order and write the board's paper, as `pepstats run` does.

    Parameters
    ----------
    report : str
        The name of a report.
    data, out : str or Path, optional
        The data folder and where to write; the project's own where none is given.
    programmes : iterable of str
        Only these programmes of the report.
    jobs : int
        How many notebooks run at a time.

    Returns
    -------
    Path
        Of the finished paper.

    Raises
    ------
    PepstatsError
        Where a source or a setting is wrong; nothing finished is touched then.

    Examples
    --------
    >>> pepstats.run("autumn-2018", jobs=2)  # doctest: +SKIP
    """
    from pepstats import paths
    from pepstats.runs import RunOptions, run_report

    return run_report(
        report, data=paths.data_folder(data), out=paths.output_folder(out),
        programmes=programmes, options=RunOptions(jobs),
    )  # fmt: skip
