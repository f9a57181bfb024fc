"""A paper's page made in Python from a study, without notebooks."""

from pathlib import Path

import pepstats
from pepstats.document import write_formats
from pepstats.impact import compare_lost, describe_held, describe_series, measure_national_gap
from pepstats.report import list_disclosure, list_shown_counts, write_editions
from pepstats.report.edition import City, Edition, ProgrammeResults
from pepstats.settings import lead_with
from pepstats.study import Study, tabulate_series


def collect(study: Study, slug: str) -> ProgrammeResults:
    """Collect what a paper needs of one programme."""
    found = pepstats.evaluate(study, slug)
    inputs, members, primary = found.inputs, found.design.members, found.programme.primary
    series = tabulate_series(study)
    gaps = found.measured.gaps[primary].table
    return ProgrammeResults(
        effects=found.effects, gaps=found.gaps, lines=found.lines, placebo=found.placebo,
        flow=found.flow, balance=found.balance, checks=pepstats.checks(found).table,
        statements=study.statements, value=found.value, sizes=found.sizes, weighed=found.weighed,
        grades=found.evidence, refused=found.refused,
        described=describe_held(inputs.panel, series, found.programme.outcomes, members),
        gap_to_national=measure_national_gap(found.programme, inputs, members),
        lost=compare_lost(found.programme, inputs, gaps, members),
        series=describe_series(found.programme, series),
        also_in=study.members_of(found.programme)["also_in"],
    )  # fmt: skip


def make_edition(study: Study) -> Edition:
    """Make the edition of a report from its study."""
    results = {slug: collect(study, slug) for slug in study.programmes}
    programmes = [lead_with(one, results[slug].effects["outcome"].iloc[0])
                  for slug, one in study.programmes.items()]  # fmt: skip
    names = dict(study.register["name"])
    return Edition(study.report, programmes, results, City(names))


def write_edition(study: Study, folder: Path) -> Edition:
    """Write the public page of a report, its log and the counts that it shows."""
    edition = make_edition(study)
    folder.mkdir(parents=True)
    paper = {"report": write_editions(edition)["report"]}
    for name, content in write_formats(paper, ("word", "workbook")).items():
        data = content.encode() if isinstance(content, str) else content
        (folder / name).write_bytes(data)
    list_disclosure(edition).to_csv(folder / "disclosure-log.csv", index=False)
    list_shown_counts(edition).to_csv(folder / "shown-counts.csv", index=False)
    return edition
