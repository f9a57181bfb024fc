"""Whose results they are is said in the headline, and what is not known of them beside it."""

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest

from pepstats.measures import MEASURES, PUBLISHED, name_pupils, outcome_label
from pepstats.report.disclosure import View
from pepstats.report.edition import Chapter, ProgrammeResults, list_results
from pepstats.report.group_sentences import (
    lost_sentence,
    national_gap_sentence,
    series_sentence,
    whose_sentence,
)
from pepstats.report.sentences import effect_sentence, read_result
from tests.paper_made_up import make_effect, make_programme, make_results

GROUP = "rwm_expected.disadvantaged"


def chapter_of(found: ProgrammeResults, **programme: object) -> Chapter:
    one = make_programme(**programme)
    return Chapter(one, found, list_results(one, found, 2018), View())


def test_a_group_that_only_authorities_publish_is_given_no_effect_in_so_many_words() -> None:
    chapter = chapter_of(make_results(), **{"for": "sen_support"})
    assert effect_sentence(chapter.primary).startswith("For all pupils, ")
    for cost, count in (({}, ""), ({"pupils": 130}, "130 ")):
        chapter = chapter_of(make_results(), **{"for": "sen_support", "cost": cost})
        assert whose_sentence(chapter) == (
            f"The programme was for {count}pupils with SEN Support, whose results are not "
            "published by school: no effect on them is estimated, and results of all pupils say "
            "little of theirs."
        )


def test_a_headline_of_other_pupils_than_were_named_first_says_so_and_why() -> None:
    why = "no source of this study has it"
    refused = pd.DataFrame({"outcome": [GROUP], "n_schools": 0, "n_pupils": 0, "reason": why})
    found = dataclasses.replace(make_results(), named_first=GROUP, refused=refused)
    said = whose_sentence(chapter_of(found))
    assert why in said and "Results of disadvantaged pupils were named first" in said
    assert said.endswith("So the result is that of all pupils.")
    for same in ("rwm_expected", ""):
        assert whose_sentence(chapter_of(dataclasses.replace(found, named_first=same))) == ""


def test_the_headline_of_a_group_and_of_a_gap_name_the_pupils() -> None:
    group = read_result(make_effect() | {"outcome": GROUP})
    gap = read_result(make_effect() | {"outcome": "rwm_expected.gap"})
    assert effect_sentence(group).startswith("For disadvantaged pupils, ")
    assert (
        "the gap to other pupils of the same school (a plus means narrower) in the percentage"
        in effect_sentence(gap)
    )


@pytest.mark.parametrize("outcome", ["rwm_expected", "reading_progress", "attainment8", GROUP])
def test_every_title_of_results_names_the_pupils(outcome: str) -> None:
    assert outcome_label(outcome).endswith(name_pupils(outcome))
    assert outcome_label("cohort") == MEASURES["cohort"].label
    assert "rwm_expected.gap" not in PUBLISHED


def test_schools_lost_are_counted_with_the_reason_and_how_they_differ() -> None:
    found = make_results()
    lost = pd.DataFrame({"which": ["in the estimate", "left out"], "n_schools": [13, 5],
                         "year": 2017, "group_pupils": [14.4, 4.6],
                         "all_pupils_result": [55.0, 61.24]})  # fmt: skip
    result = read_result(make_effect() | {"outcome": GROUP})
    said = lost_sentence(dataclasses.replace(found, lost=lost), result)
    assert "can be compared in 13 of the schools" in said
    assert "5 of these pupils each, against 14 and a result of all pupils of 61.2, against" in said
    few = lost.assign(group_pupils=np.nan, all_pupils_result=np.nan)
    assert "on average" not in lost_sentence(dataclasses.replace(found, lost=few), result)
    none = lost.assign(n_schools=[18, 0])
    assert lost_sentence(dataclasses.replace(found, lost=none), result) == ""


def test_the_gap_to_england_says_that_its_effect_is_the_same_number() -> None:
    table = pd.DataFrame({
        "outcome": GROUP, "year": [2017, 2018], "own": [43.0, 45.0], "england_own": [43.0, np.nan],
        "england_other": [69.0, np.nan], "gap": [-26.0, np.nan], "n_schools": 17,
        "n_pupils": [406, 420], "release": ["final", "provisional"], "reason": ["", "none yet"],
    })  # fmt: skip
    forecast = read_result(make_effect() | {"outcome": GROUP, "mode": "forecast"})
    said = national_gap_sentence(table, forecast)
    assert "−26.0 in 2016/17" in said and "17 schools" in said and "406 pupils" in said
    assert "There is none for 2017/18" in said
    assert "takes it to have changed as that of all pupils did" in said
    assert "the effect on this gap is the same number" in said
    assert national_gap_sentence(pd.DataFrame(), forecast) == ""


def series_row(year: int, here: float, england: float, **also: object) -> dict[str, object]:
    nothing = dict.fromkeys(("low", "high", "change", "england_change", "spread", "smallest"),
                            math.nan)  # fmt: skip
    return {"measure": "rwm_expected.sen_support", "year": year, "here": here, "england": england,
            "n_authorities": 150, "reason": "", **nothing, **also}  # fmt: skip


def test_a_series_is_told_with_its_usual_change_and_ends_in_no_estimate() -> None:
    rows = [series_row(2016, 8, 16), series_row(2017, 15, 21),
            series_row(2018, 12, 24, change=0.5, spread=2.94, smallest=8.24)]  # fmt: skip
    said = series_sentence(pd.DataFrame(rows), 2018)
    assert "12% for them in 2017/18, after 8% in 2015/16 and 15% in 2016/17" in said
    assert "in England 24%" in said and "+0.5 percentage points" in said
    assert "Only a change of about 8.2 or more could be told from such" in said
    assert said.endswith("We therefore give no estimate.")
    early = pd.DataFrame([series_row(2016, 8, 16), series_row(2017, 15, 21, reason="no figure")])
    late = series_sentence(early, 2018)
    assert "figure for 2017/18 is not in the sources yet" in late
    assert "No change is worked out: no figure. We give no estimate." in late
