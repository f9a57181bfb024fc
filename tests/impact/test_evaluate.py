"""One evaluation: written down and taken up to the last digit, changed, and said in a sentence."""

from io import StringIO

import numpy as np
import pandas as pd
import pytest

from pepstats.errors import DesignError, RunError
from pepstats.impact.evaluate import Evaluation, take_up_evaluation
from pepstats.impact.verdicts import FORECAST, MATCHED
from tests.impact.test_october import in_october, national
from tests.worlds import Small, evaluate_small, small_england

SLUG = "closing-the-gap"


@pytest.fixture(scope="module")
def small() -> Small:
    return small_england()


@pytest.fixture(scope="module")
def december(small: Small) -> Evaluation:
    return evaluate_small(small, SLUG)


@pytest.fixture(scope="module")
def october(small: Small) -> Evaluation:
    return evaluate_small(small, SLUG, in_october(small), national(small))


def written(found: Evaluation) -> dict[str, pd.DataFrame]:
    """The tables as the next step reads them from its files."""
    return {name: as_read(table) for name, table in found.tables().items()}


def as_read(table: pd.DataFrame) -> pd.DataFrame:
    text = table.to_csv(index=any(name is not None for name in table.index.names))
    return pd.read_csv(StringIO(text), keep_default_na=False, na_values=[""])


@pytest.mark.parametrize("season", ["december", "october"])
def test_an_evaluation_is_taken_up_as_it_was_written_down(
    season: str, request: pytest.FixtureRequest
) -> None:
    made: Evaluation = request.getfixturevalue(season)
    again = take_up_evaluation(made.programme, made.design, made.inputs, written(made))
    assert again.effect_list == made.effect_list and again.mode == made.mode
    np.testing.assert_array_equal(again.draws.schools, made.draws.schools)
    assert vars(again.draws).keys() == vars(made.draws).keys()
    assert (again.draws.usable, again.draws.too_small, again.draws.within) == (
        made.draws.usable, made.draws.too_small, made.draws.within,
    )  # fmt: skip
    for one, two in ((again.measured.gaps, made.measured.gaps),
                     (again.measured.yardstick, made.measured.yardstick)):  # fmt: skip
        assert list(one) == list(two)
        for outcome, gaps in two.items():
            pd.testing.assert_frame_equal(one[outcome].table, gaps.table, check_exact=True)
            assert one[outcome].city_variance == gaps.city_variance
            assert (one[outcome].year, one[outcome].baseline) == (gaps.year, gaps.baseline)
    for name, table in made.tables().items():
        pd.testing.assert_frame_equal(
            as_read(again.tables()[name]), as_read(table), check_exact=True, obj=name
        )


def test_chance_is_measured_by_last_year_only_in_october(december, october) -> None:
    assert (december.mode, october.mode) == (MATCHED, FORECAST)
    assert "yardstick" in october.tables() and "yardstick" not in december.tables()


def test_a_draw_of_a_school_that_is_not_in_the_pool_is_refused(december: Evaluation) -> None:
    tables = written(december)
    tables["draws"].loc[0, "school_1"] = 1
    with pytest.raises(RunError, match="not in the pool"):
        take_up_evaluation(december.programme, december.design, december.inputs, tables)


def test_one_school_left_out_or_another_caliper_changes_only_that(december: Evaluation) -> None:
    same = december.what_if()
    assert same.effect_list == december.effect_list
    first = december.design.members[0]
    fewer = december.what_if(without=[first])
    assert fewer.design.members == december.design.members[1:]
    assert first not in set(fewer.design.match.pairs()["comparison"])
    assert december.what_if(members=fewer.design.members).effect_list == fewer.effect_list
    few = december.what_if(k=3, caliper=2.0)
    assert few.pairs.groupby("school").size().max() == 3
    assert few.programme.match.near == december.programme.match.near
    assert december.what_if(baseline=(2017,)).effects.loc[0, "baseline"] == "2017"


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"kk": 3}, "has no field `kk`. Did you mean `k`"),
        ({"k": 0}, "`match.k`"),
        ({"baseline": (2018,)}, "baseline 2018 is not before"),
        ({"without": range(10**7)}, "at least 4 are needed"),
    ],
)
def test_a_change_that_cannot_be_is_refused_and_named(december, changed, says: str) -> None:
    with pytest.raises(DesignError, match=says):
        december.what_if(**changed)


def test_the_sentence_has_the_estimate_its_range_whose_results_and_the_verdict(december) -> None:
    effect, said = december.primary, december.sentence()
    low, high = (f"{end:+.1f}".replace("+0.0", "0.0") for end in (effect.low, effect.high))
    for words in (f"{effect.estimate:+.1f}", f"95% interval {low} to {high}"):
        assert words.replace("-", "\N{MINUS SIGN}") in said
    assert "(all pupils)" in said and f"{effect.n_schools} schools" in said
    assert said.endswith(f"results for 2017/18): {effect.verdict}.")


def test_an_evaluation_shows_itself_in_one_line_and_in_a_notebook(december: Evaluation) -> None:
    assert len(repr(december)) < 120 and "\n" not in repr(december)
    shown = december._repr_html_()
    assert december.sentence() in shown and "<img alt=" in shown and shown.count("<table") == 1
    pd.testing.assert_frame_equal(december.tidy(), december.effects)
