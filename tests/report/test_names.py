"""What an officer's text may name rests on a report's settings alone, whatever was found."""

import shutil
from pathlib import Path

import pytest

from pepstats.cli import main
from pepstats.errors import DesignError
from pepstats.report import check_officers_words, collect_edition, protect
from pepstats.report.edition import Edition, nothing_found
from pepstats.report.figures import picture_overview
from pepstats.report.paper import list_contents
from pepstats.runs.runner import check_request
from pepstats.runs.steps import Step
from pepstats.settings import load_programmes, load_report
from tests.whole_runs import REPORT

LATER = f"{REPORT}-revised"


def names_in(edition: Edition) -> dict[str, set[str]]:
    contents = list_contents(edition, picture_overview(edition))
    return {
        kind: set(getattr(contents, kind)) for kind in ("entries", "tables", "figures", "quotes")
    }


@pytest.mark.parametrize(("run", "report"), [("finished", REPORT), ("revised", LATER)])
def test_no_name_comes_or_goes_with_what_was_found(
    run: str, report: str, data: Path, request: pytest.FixtureRequest
) -> None:
    settings = load_report(report, data)
    programmes = load_programmes(settings, data)
    before = names_in(
        Edition(settings, programmes, {one.slug: nothing_found() for one in programmes})
    )
    step = Step("07-board-report", settings, None, data, request.getfixturevalue(run))
    found = collect_edition(step)
    assert names_in(found.turn("exempt")) == before
    assert names_in(protect(found)) == before
    assert len(before["entries"]) > 200


def test_the_command_lists_every_hole_as_it_is_written(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", "--names", REPORT, "--data", str(data)]) == 0
    listed = capsys.readouterr().out.splitlines()
    for hole in ("{closing-the-gap.headline}", "{table verdicts}", "{figure programmes}",
                 "{quotes closing-the-gap.statements}"):  # fmt: skip
        assert hole in listed
    text = data / "reports" / f"{REPORT}.md"
    assert not text.exists()
    report = load_report(REPORT, data)
    words = "# Ours\n\n" + "\n\n".join(listed)
    check_officers_words(report, load_programmes(report, data), words)


def test_a_name_that_there_is_not_is_told_before_anything_runs(data: Path, tmp_path: Path) -> None:
    own = tmp_path / "data"
    shutil.copytree(data, own)
    text = own / "reports" / f"{REPORT}.md"
    text.write_text("# Ours\n\n{closing-the-gap.headline}\n\n{closing-the-gap.months}\n", "utf-8")
    check_request(REPORT, own)
    text.write_text(
        "# Ours\n\nSo {closing-the-gap.headlin}\n\n{table closing-the-gap.effect}\n\n"
        "{figure programs}\n\n{quotes closing-the-gap.words}\n", "utf-8",
    )  # fmt: skip
    with pytest.raises(DesignError) as told:
        check_request(REPORT, own)
    for words in (
        f"reports/{REPORT}.md: line 3, column 4: no entry is called `closing-the-gap.headlin`. "
        "Did you mean `closing-the-gap.headline`",
        "line 5, column 1: no table is called", "line 7, column 1: no figure is called `programs`. "
        "Did you mean `programmes`", "line 9, column 1: no quotes is called",
    ):  # fmt: skip
        assert words in str(told.value)
