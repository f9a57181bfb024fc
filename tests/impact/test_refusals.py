"""Outcomes that too few have are given no effect, but a count and a reason."""

import numpy as np
import pandas as pd
import pytest

from pepstats.errors import DesignError
from pepstats.impact import Evaluation
from pepstats.impact.design import Design, Inputs, design_comparison
from pepstats.impact.effects import MATCHED
from pepstats.impact.not_estimated import ONLY_HERE, choose_lead, refuse_outcomes
from pepstats.schools.panel import Panel
from pepstats.settings import Programme
from tests.impact.test_october import in_october, national
from tests.worlds import YEAR, evaluate_small, small_england

SMALL = small_england()
PROGRAMME = SMALL.programmes["closing-the-gap"]
OWN = SMALL.members["closing-the-gap"]
GROUP = "rwm_expected.disadvantaged"


def with_group(group: pd.Series | float, pupils: float = 10.0, outcome: str = GROUP) -> Panel:
    """Give the small England with one more outcome."""
    panel, cohort = SMALL.panel, f"cohort.{outcome.partition('.')[2]}"
    values = panel.values.assign(**{outcome: group, cohort: pupils})
    reasons = panel.reasons.assign(**{outcome: np.nan, cohort: np.nan}).astype("str")
    return Panel(values, reasons, panel.releases.assign(**{outcome: "final", cohort: "final"}))


def only(schools: list[int], years: tuple[int, ...] = (2016, 2017, 2018)) -> pd.Series:
    index = SMALL.panel.values.index
    there = index.isin(schools, level="school") & index.isin(years, level="year")
    return pd.Series(np.where(there, 50.0, np.nan), index=index)


def refuse(panel: Panel, outcome: str = GROUP) -> list[tuple]:
    asked = PROGRAMME.model_copy(update={"outcomes": ("rwm_expected", outcome)})
    pool = SMALL.register.loc[SMALL.register["phase"] != "special", ["la"]]
    found = refuse_outcomes(asked, panel, pool, OWN, YEAR, MATCHED)
    return list(found.itertuples(index=False, name=None))


def evaluate(asked: Programme, panel: Panel, design: Design, levels=None) -> Evaluation:
    return evaluate_small(SMALL, "closing-the-gap", panel, levels, asked, design)


def everyone_but(n: int) -> list[int]:
    return [s for s in SMALL.register.index if s not in OWN[n:]]


def test_a_group_that_enough_have_is_not_refused() -> None:
    assert refuse(with_group(50.0)) == []
    one_year_before = only(everyone_but(10), (2017, 2018))
    assert refuse(with_group(one_year_before)) == []


@pytest.mark.parametrize(
    ("panel", "says"),
    [
        (SMALL.panel, (GROUP, 0, 0, "no source of this study has it")),
        (with_group(only(everyone_but(9)), pupils=30.0),
         (GROUP, 9, 270, "too few schools have it in every year compared: at least 10 needed")),
        (with_group(only(everyone_but(10)), pupils=9.9),
         (GROUP, 10, 99, "too few pupils: at least 100 needed")),
        (with_group(only(everyone_but(18), (2016, 2018))),
         (GROUP, 0, 0, "no school elsewhere has a result in 2017")),
        (with_group(only([])), (GROUP, 0, 0, "no school has a result in it")),
    ],
)  # fmt: skip
def test_what_too_few_have_is_refused_with_the_count_and_the_reason(panel: Panel, says) -> None:
    assert refuse(panel) == [says]


def test_results_of_all_pupils_are_asked_of_fewer_schools_but_of_every_year() -> None:
    def held(schools: list[int], years: tuple[int, ...] = (2016, 2017, 2018)) -> list[tuple]:
        values = SMALL.panel.values.assign(maths_progress=only(schools, years))
        return refuse(Panel(values, SMALL.panel.reasons, SMALL.panel.releases), "maths_progress")

    assert held(everyone_but(4)) == []
    [(_, schools, _, few)] = held(everyone_but(3))
    assert schools == 3 and few.endswith("in every year compared: at least 4 needed")
    assert held(everyone_but(18), (2017, 2018))[0][3] == "no school elsewhere has a result in 2016"


def lead(panel: Panel, *outcomes: str) -> str:
    asked = PROGRAMME.model_copy(update={"outcomes": outcomes})
    return choose_lead(asked, Inputs(panel, SMALL.register, YEAR, pd.DataFrame()), OWN)


def test_a_groups_result_leads_where_enough_have_it_and_all_pupils_where_not() -> None:
    enough, few = with_group(50.0), with_group(only(everyone_but(9)))
    assert lead(enough, GROUP, "rwm_expected") == GROUP
    assert lead(enough, "rwm_expected", GROUP) == "rwm_expected"  # as the file has them
    for panel in (few, SMALL.panel, with_group(only([]))):
        assert lead(panel, GROUP, "reading_progress", "rwm_expected") == "reading_progress"
    assert lead(few, GROUP) == GROUP  # there is no other, and the run stops and says why


def test_the_headline_is_of_the_outcome_that_leads_and_the_group_is_listed_with_its_reason() -> (
    None
):
    quick = PROGRAMME.placebo.model_copy(update={"draws": 199})
    asked = PROGRAMME.model_copy(update={"outcomes": (GROUP, "rwm_expected"), "placebo": quick})
    rng = np.random.default_rng(1)
    index = SMALL.panel.values.index
    some = pd.Series(rng.normal(50, 12, len(index)), index=index)
    for schools, primary in ((18, GROUP), (9, "rwm_expected")):
        panel = with_group(some.where(only(everyone_but(schools)).notna()))
        design = design_comparison(asked, panel, SMALL.register, OWN, SMALL.barred)
        found = evaluate(asked, panel, design)
        assert found.primary.outcome == found.effects["outcome"].iloc[0] == primary
        assert found.primary.pupils == ("disadvantaged" if primary == GROUP else "all")
        assert found.refused["outcome"].tolist() == ([] if primary == GROUP else [GROUP])
        assert ("disadvantaged" in found.sentence()) == (primary == GROUP)


def test_what_only_the_authority_holds_is_given_no_effect() -> None:
    """Its schools outside the programme have it too: that makes no comparison."""
    la = SMALL.register["la"]
    home = la.index[la == la[OWN[0]]].tolist()
    sen = "rwm_expected.sen_support"
    [(outcome, _, _, reason)] = refuse(with_group(only(home, (2018,)), outcome=sen), sen)
    assert (outcome, reason) == (sen, ONLY_HERE)


def test_the_other_outcomes_are_estimated_as_if_it_had_not_been_asked_for() -> None:
    quick = PROGRAMME.placebo.model_copy(update={"draws": 199})
    both = PROGRAMME.model_copy(
        update={"outcomes": ("rwm_expected", "reading_progress"), "placebo": quick}
    )
    asked = both.model_copy(update={"outcomes": (*both.outcomes, GROUP)})
    panel = with_group(only(everyone_but(3)))
    design = design_comparison(both, panel, SMALL.register, OWN, SMALL.barred)
    found = evaluate(asked, panel, design)
    plain = evaluate(both, panel, design)
    assert found.refused["outcome"].tolist() == [GROUP] and plain.refused.empty
    pd.testing.assert_frame_equal(found.effects, plain.effects)


def test_a_group_whose_pupils_are_not_counted_is_refused() -> None:
    panel = with_group(50.0)
    uncounted = Panel(
        panel.values.drop(columns="cohort.disadvantaged"), panel.reasons, panel.releases
    )
    assert refuse(uncounted) == [(GROUP, 0, 0, "no source says how many pupils it is of")]
    asked = PROGRAMME.model_copy(update={"outcomes": (GROUP,)})
    design = design_comparison(PROGRAMME, panel, SMALL.register, OWN, SMALL.barred)
    with pytest.raises(DesignError, match="says how many pupils"):
        evaluate(asked, uncounted, design)


def test_in_october_a_group_without_a_national_level_does_not_stop_the_rest() -> None:
    quick = PROGRAMME.placebo.model_copy(update={"draws": 199})
    asked = PROGRAMME.model_copy(update={"outcomes": ("rwm_expected", GROUP), "placebo": quick})
    panel = in_october(SMALL)
    group = with_group(50.0).values[[GROUP, "cohort.disadvantaged"]]
    there = panel.values["rwm_expected"].notna()
    values = panel.values.join(group.assign(**{GROUP: group[GROUP].where(there)}))
    held = with_group(50.0)
    panel = Panel(values, held.reasons, held.releases)
    design = design_comparison(asked, panel, SMALL.register, OWN, SMALL.barred)
    found = evaluate(asked, panel, design, national(SMALL))
    assert found.effects["outcome"].tolist() == ["rwm_expected"]
    [row] = found.refused.to_dict("records")
    assert "national level of 2017, 2018 is not known" in row["reason"] and row["n_schools"] > 4
