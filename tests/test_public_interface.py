"""The public interface: every name is there, documented as numpydoc has it; examples run."""

import doctest
import inspect

import pandas as pd
import pytest
from numpydoc.validate import validate

import pepstats
from pepstats.impact import Evaluation
from pepstats.plots import check_rows, love_plot, placebo_dots, school_lines, two_lines
from pepstats.robustness import calibration
from pepstats.settings import Programme
from pepstats.study import Study
from tests.worlds import ROOT

NOT_ASKED = {
    "GL01",  # our docstrings begin on their first line
    "SA01",  # a "See Also"
    "ES01",  # more words than the summary needs
}
FUNCTIONS = [name for name in pepstats.__all__ if inspect.isfunction(getattr(pepstats, name))]


@pytest.fixture(scope="module")
def study() -> Study:
    return pepstats.load("autumn-2018-revised", data=str(ROOT / "data"))


@pytest.fixture(scope="module")
def found(study: Study) -> Evaluation:
    return pepstats.evaluate(study, "closing-the-gap")


def test_what_is_promised_is_there_and_seen_by_tab_completion() -> None:
    assert set(dir(pepstats)) == set(pepstats.__all__)
    assert all(getattr(pepstats, name) for name in pepstats.__all__)
    with pytest.raises(AttributeError, match="no attribute `evalute`"):
        _ = pepstats.evalute


@pytest.mark.parametrize("name", FUNCTIONS)
def test_each_function_is_documented_as_numpydoc_has_it(name: str) -> None:
    about = getattr(pepstats, name)
    path = f"{about.__module__}.{about.__qualname__}"
    wrong = {code: said for code, said in validate(path)["errors"] if code not in NOT_ASKED}
    assert wrong == {}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_each_example_runs(
    name: str, study: Study, found: Evaluation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PEPSTATS_DATA", str(ROOT / "data"))
    monkeypatch.setattr(calibration, "SPLITS", 4)  # no rate of it is printed
    known = {"pepstats": pepstats, "study": study, "found": found}
    [tried] = doctest.DocTestFinder(recurse=False).find(getattr(pepstats, name), name, globs=known)
    assert tried.examples
    if name not in {"run", "verify", "release"}:  # these take a run of minutes
        assert not any(one.options.get(doctest.SKIP) for one in tried.examples)
    result = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(tried)
    assert result.failed == 0


@pytest.mark.parametrize("shown", ["study", "found"])
def test_a_study_and_an_evaluation_show_themselves(
    shown: str, request: pytest.FixtureRequest
) -> None:
    one = request.getfixturevalue(shown)
    assert len(repr(one)) < 120 and "\n" not in repr(one)
    assert "<table" in one._repr_html_()


def test_nothing_that_is_shown_is_taken_for_html(study: Study) -> None:
    report = study.report.model_copy(update={"title": "<script>x</script>"})
    changed = type(study)(**{**_parts_of(study), "report": report})
    assert "<script>" not in changed._repr_html_() and "&lt;script&gt;" in changed._repr_html_()


def _parts_of(study: Study) -> dict[str, object]:
    return {name: getattr(study, name) for name in study.__dataclass_fields__}


def test_a_programme_of_ones_own_is_evaluated_as_one_of_the_report_is(
    study: Study, found: Evaluation
) -> None:
    fields = study.programmes["closing-the-gap"].model_dump(by_alias=True)
    own = Programme.model_validate({**fields, "slug": "mine"})
    mine = pepstats.evaluate(study, own)
    assert mine.primary.estimate == pytest.approx(found.primary.estimate, abs=1)
    urns = study.members["closing-the-gap"]["urn"].tolist()
    fewer = pepstats.evaluate(study, "closing-the-gap", members=urns[1:], k=20)
    assert len(fewer.design.members) == 17 and fewer.programme.match.k == 20


def test_the_study_has_the_tables_of_the_first_notebook(study: Study) -> None:
    tables = study.tables()
    assert {"source-checks", "register", "members", "national", "measures"} <= set(tables)
    assert all(isinstance(table, pd.DataFrame) for table in tables.values())
    assert tables["statements"] is study.statements


def test_pictures_are_drawn_from_tables_by_name(found: Evaluation) -> None:
    about, lines = found.programme, found.lines[found.lines["outcome"] == "rwm_expected"]
    checks = pd.DataFrame(
        {"kind": ["headline"], "outcome": ["rwm_expected"], "check": ["as it is"],
         "estimate": [1.0], "low": [0.0], "high": [2.0], "p": [0.04],
         "n_schools": [18], "n_comparison": [100], "note": [pd.NA],
         "detail": [pd.NA]}
    )  # fmt: skip
    schools = {school: f"School {school}" for school in found.design.members[:3]}
    for picture in (
        two_lines(found.averages, about.primary, title=about.title, starts=about.starts),
        placebo_dots(found.placebo[about.primary], found.effects.iloc[0], about.title),
        check_rows(checks, about.title, unit="percentage points"),
        love_plot(found.balance, about.title),
        school_lines(lines, schools, starts=about.starts, unit="%", caption=about.title),
    ):
        assert len(picture.table) and picture.caption.startswith(about.title)
        assert picture._repr_html_().count("<img alt=") == 1
    for name in ("two_lines", "placebo_dots", "check_rows", "love_plot", "school_lines"):
        assert hasattr(pepstats.plot, name)
