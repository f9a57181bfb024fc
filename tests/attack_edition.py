"""A paper's public edition made in Python from a study, without notebooks."""

import io
from pathlib import Path

import pandas as pd

import pepstats
from pepstats.document import write_formats
from pepstats.impact import (
    Evaluation,
    compare_lost,
    describe_held,
    describe_series,
    measure_national_gap,
)
from pepstats.report import choose_cases, describe_cases, protect
from pepstats.report.edition import City, Edition, ProgrammeResults
from pepstats.report.figures import picture_overview
from pepstats.report.paper import write_paper
from pepstats.runs.files import as_csv
from pepstats.settings import lead_with
from pepstats.study import Study, tabulate_series

READ = (
    "effects", "gaps", "lines", "placebo", "flow", "balance", "checks", "shares", "value", "sizes",
    "weighed", "grades", "refused", "described", "gap-to-national", "lost", "series", "cases",
)  # fmt: skip


def collect(study: Study, slug: str) -> ProgrammeResults:
    """Collect what a paper needs of one programme, each table as it comes back from its file."""
    found = pepstats.evaluate(study, slug)
    inputs, members, checked = found.inputs, found.design.members, pepstats.checks(found)
    series, primary = tabulate_series(study), found.programme.primary
    made = found.tables() | {
        "flow": found.flow,
        "checks": checked.table,
        "shares": checked.shares,
        "described": describe_held(inputs.panel, series, found.programme.outcomes, members),
        "gap-to-national": measure_national_gap(found.programme, inputs, members),
        "lost": compare_lost(found.programme, inputs, found.measured.gaps[primary].table, members),
        "series": describe_series(found.programme, series),
        "cases": pick_cases(study, found),
    }
    tables = {name: pd.read_csv(io.BytesIO(as_csv(made[name]))) for name in READ}
    return ProgrammeResults(
        **{name.replace("-", "_"): table for name, table in tables.items()},
        statements=study.statements,
        also_in=study.members_of(found.programme)["also_in"],
    )


def pick_cases(study: Study, found: Evaluation) -> pd.DataFrame:
    """Pick and describe a programme's case studies."""
    starts, members = found.programme.starts, study.members_of(found.programme)
    own = found.gaps.xs(found.programme.primary, level="outcome")
    return describe_cases(
        choose_cases(own, members["dose"], found.primary.release), register=study.register,
        members=members, before=study.panel.values.xs(starts - 1, level="year"),
        years=(starts, study.report.year),
    )  # fmt: skip


def make_edition(study: Study) -> Edition:
    """Make the edition of a report from its study."""
    results = {slug: collect(study, slug) for slug in study.programmes}
    programmes = [lead_with(one, results[slug].effects["outcome"].iloc[0])
                  for slug, one in study.programmes.items()]  # fmt: skip
    names = dict(study.register["name"])
    return Edition(study.report, programmes, results, City(names), panel=study.panel)


def write_edition(study: Study, folder: Path) -> Edition:
    """Write the public edition of a report as it would leave."""
    edition = make_edition(study)
    public = protect(edition)
    folder.mkdir(parents=True)
    paper = {"report": write_paper(public, picture_overview(public))}
    for name, content in write_formats(paper, ("word", "workbook")).items():
        data = content.encode() if isinstance(content, str) else content
        (folder / name).write_bytes(data)
    return public
