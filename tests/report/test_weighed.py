"""What the paper says of a result weighed with trials', of what it overstates and of odds."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from pepstats import paths
from pepstats.impact.effects import MOST_ODDS
from pepstats.impact.weighing import PRIORS, Seen
from pepstats.report import sentences as wording
from pepstats.report.edition import Edition
from pepstats.report.entries import list_entries
from pepstats.report.paper import make_tables
from tests.paper_made_up import make_study
from tests.report.test_wording import result

PER, SPREAD = 37.4, 2.97


def weighed(estimate: float, **changed: object) -> pd.DataFrame:
    row: dict[str, object] = {"outcome": "rwm_expected", "estimate": estimate, "reason": np.nan}
    for prior in PRIORS:
        after = Seen(estimate / PER, SPREAD / PER).weigh(prior)
        row |= {
            f"shrunken_{prior.name}": after.mean * PER,
            f"helped_{prior.name}": after.above(0.0),
            f"helped_before_{prior.name}": prior.above(0.0),
            f"two_months_{prior.name}": after.above(0.1),
            f"two_months_before_{prior.name}": prior.above(0.1),
        }
    return pd.DataFrame([{**row, **changed}])


def test_a_result_is_weighed_in_the_boards_words_with_everything_beside_it() -> None:
    seven = result(7.0, -0.1, 14.0, 0.06)
    assert wording.weighed_sentence(seven, weighed(7.0)) == (
        "Large trials in schools usually find small gains, about a month. Combining this result "
        "with them, our best estimate is 2.5 to 4.0 percentage points rather than 7.0 (likely "
        "range −0.1 to 14.0 percentage points; 17 schools; provisional results for 2017/18). "
        "The chance that it helped at all is 90 to more than 95 in 100 (before these results: "
        "50 to 85); that it was worth two months or more, 25 to 55 (before: 5 to 25)."
    )


def test_what_lies_within_the_two_weighed_estimates_is_not_put_right() -> None:
    said = wording.weighed_sentence(result(0.5, -5, 6, 0.8), weighed(0.5))
    assert "is 0.2 to 1.6 percentage points; these results alone give 0.5 (likely" in said
    said = wording.weighed_sentence(result(-9.0, -15, -3, 0.01), weighed(-9.0))
    assert "is −3.3 to −1.8 percentage points rather than −9.0 (" in said
    assert "worth two months or more, fewer than 5 (before" in said


def test_what_cannot_be_weighed_says_why_and_what_was_not_weighed_says_nothing() -> None:
    one = result(7.0, -0.1, 14.0, 0.06)
    bare = weighed(7.0, reason="it is not an attainment outcome, and the trials are of those")
    assert wording.weighed_sentence(one, bare).endswith("trials are of those.")
    for nothing in (pd.DataFrame(), weighed(7.0, outcome="absence")):
        assert wording.weighed_sentence(one, nothing) == ""
    none = result(np.nan, np.nan, np.nan, np.nan, verdict="")
    assert wording.weighed_sentence(none, weighed(7.0)) == ""
    short = weighed(7.0, two_months_trials=np.nan, two_months_sceptic=np.nan)
    assert wording.weighed_sentence(one, short).endswith("(before these results: 50 to 85).")


@pytest.mark.parametrize(
    ("share", "said"),
    [(0.0, "fewer than 5"), (0.0249, "fewer than 5"), (0.026, "5"), (0.5, "50"), (0.974, "95"),
     (0.976, "more than 95"), (1.0, "more than 95")],
)  # fmt: skip
def test_a_chance_is_to_the_nearest_five_and_never_none_or_all(share: float, said: str) -> None:
    row = {"helped_trials": share, "helped_sceptic": share}
    assert wording.chance_range(row, "helped") == said


def test_a_range_of_chances_ends_in_plain_words() -> None:
    for sceptic, trials, said in (
        (0.92, 0.99, "90 to more than 95"), (0.95, 0.99, "95 or more"), (0.01, 0.05, "5 or fewer"),
        (0.01, 0.09, "fewer than 5 to 10"), (0.53, 0.48, "50 to 55"),
    ):  # fmt: skip
        row = {"helped_trials": trials, "helped_sceptic": sceptic}
        assert wording.chance_range(row, "helped") == said


def test_only_what_is_called_gained_is_said_to_be_overstated() -> None:
    gained = result(7.4, 0.3, 14.5, 0.034, overstates=1.83)
    assert wording.overstated_sentence(gained) == (
        "Gains large enough to be told from chance tend to be overstated: if true effects are like "
        "those found in large trials, such estimates are on average 1.8 times the true gain."
    )
    assert "1.8 times the true gain" in wording.verdict_words(gained)
    for verdict in ("probably gained", "too uncertain to say", "lost ground"):
        other = dataclasses.replace(gained, verdict=verdict)
        assert wording.overstated_sentence(other) == ""
        assert "times" not in wording.verdict_words(other)
    assert wording.overstated_sentence(result(7.4, 0.3, 14.5, 0.034)) == ""


@pytest.mark.parametrize(
    ("odds", "times"),
    [(5.3, "five times"), (5.99, "five times"), (2.8, "twice"), (1.57, "1.5 times"),
     (10.0, "ten times"), (10.4, "more than ten times"), (MOST_ODDS, "more than ten times")],
)  # fmt: skip
def test_unequal_authorities_are_said_in_one_figure_that_holds(odds: float, times: str) -> None:
    assert wording.unequal_sentence(result(7.4, 0.3, 14.5, 0.02, unequal_odds=odds)) == (
        f"Even if some authorities were {times} as likely as others to have had the programme, "
        "arranged in the way that suits this result least, fewer than 5 in 100 would have changed "
        "this much. This does not allow for the other results looked at."
    )


def test_what_hardly_bears_unequal_authorities_says_so_and_the_uncertain_nothing() -> None:
    said = wording.unequal_sentence(result(7.4, 0.3, 14.5, 0.05, unequal_odds=1.04))
    assert "only a little likelier" in said and "5 in 100 or more could" in said
    assert wording.unequal_sentence(result(7.4, -0.3, 15.1, 0.07)) == ""


def test_nothing_weighed_stands_on_the_page_of_a_verdict() -> None:
    text = (paths.TEMPLATES / "paper.md").read_text("utf-8")
    body, appendices = text.split("# Appendix 1[[ letter ]]", 1)
    assert ".weighed}" not in body and appendices.count(".weighed}") == 2
    assert ".headline} {[[ programme.slug ]].overstated}" in body
    assert ".chance} {[[ programme.slug ]].unequal}" in body


def test_the_paper_says_what_was_weighed_and_its_verdict_does_not_heed_it() -> None:
    settings, programmes, results = make_study()
    slug = "closing-the-gap"
    told = {"overstates": 1.83, "unequal_odds": 5.3, "unit": "percentage points"}
    row = weighed(4.2, **told)
    other = weighed(9.0, outcome="reading_progress", reason="no spread is known", unit="points")
    found = dataclasses.replace(results[slug], weighed=pd.concat([row, other]))
    bare, full = (
        Edition(settings, programmes, {**results, slug: one}) for one in (results[slug], found)
    )
    before, after = list_entries(bare), list_entries(full)
    for name in ("headline", "chance", "verdict"):
        assert after[f"{slug}.{name}"].text == before[f"{slug}.{name}"].text
    for name in ("overstated", "unequal", "weighed"):
        assert before[f"{slug}.{name}"].text == "" != after[f"{slug}.{name}"].text
        assert after[f"{slug}.{name}"].source == f"04-estimate-effect/{slug}/weighed.csv"
    tables = make_tables(full)
    shown = tables[f"{slug}.weighed"]
    assert [row[2:] for row in shown.rows] == [
        ("1.5\u00a0to\u00a03.0", "80 to 95 (before: 50 to 85)", "10 to 35 (before: 5 to 25)")
    ]
    assert shown.note.endswith(
        "Progress score in reading: all pupils is not combined: no spread is known."
    )
    assert "1.8 times the true gain" in dict(tables[f"{slug}.summary"].rows)["Verdict"]
    assert make_tables(bare)[f"{slug}.weighed"].rows == ()
