"""The one gate: what a public paper may tell before results are published, and what it may not."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pepstats.document.blocks import Document
from pepstats.document.html import to_html
from pepstats.document.workbook import write_workbook
from pepstats.errors import DesignError
from pepstats.impact import OWN
from pepstats.report import gate
from pepstats.report.audit import Form, Left, Unknown, audit, choose_forms, may_show
from pepstats.report.disclosure import HELD
from pepstats.report.edition import Edition, ProgrammeResults, Told
from pepstats.report.paper import list_disclosure, list_effects
from pepstats.schools import Panel
from pepstats.settings.report import Disclosure
from tests.paper_made_up import make_city, make_results, make_study, write_edition
from tests.reading import words_of

SLUG = "closing-the-gap"
LEAST = Left(0.9, 0.85, 0.1)


def unknown_of(n: int, seed: int = 0, **columns: object) -> Unknown:
    rng = np.random.default_rng(seed)
    at = pd.Index(range(n), name="school")
    table = pd.DataFrame({"school": at, "value": rng.uniform(20, 80, n), "low": 0.0, "high": 100.0},
                         index=at)  # fmt: skip
    spread = np.diag(rng.uniform(8, 16, n))
    return Unknown(table.assign(**columns), spread, pd.DataFrame(np.eye(n), index=at, columns=at))


def mean_of(schools: list[int], half: float = 0.005) -> Form:
    return Form(str(schools), pd.Series(1 / len(schools), index=schools), half)


# What is left to know -----------------------------------------------------------------------------


@settings(deadline=None, derandomize=True, max_examples=25)
@given(st.integers(6, 14), st.integers(0, 999), st.sampled_from([0.005, 0.5, 3.0]))
def test_what_is_left_to_know_is_that_of_the_normal_distribution(
    n: int, seed: int, half: float
) -> None:
    """By another road: the conditional covariance, written out by Schur's complement.

    A school that knows its own result is one more number shown, without rounding.
    """
    unknown, rng = unknown_of(n, seed), np.random.default_rng(seed + 1)
    sets = [sorted(rng.choice(n, size=rng.integers(3, n + 1), replace=False)) for _ in range(3)]
    forms = [mean_of([int(one) for one in chosen], half) for chosen in sets]
    prior = unknown.prior @ unknown.prior.T
    matrix = np.array([form.parts.reindex(range(n)).fillna(0.0) for form in forms])
    noise = np.diag([(2 * half) ** 2 / 12] * 3)

    def shares(matrix: np.ndarray, noise: np.ndarray) -> np.ndarray:
        gain = prior @ matrix.T @ np.linalg.inv(matrix @ prior @ matrix.T + noise)
        after = prior - gain @ matrix @ prior
        return np.sqrt(np.clip(np.diag(after), 0, None) / np.diag(prior))

    found = audit(forms, unknown, ask=0.0)
    assert found.alone == pytest.approx(shares(matrix, noise).min(), abs=1e-6)
    exact = np.pad(noise, (0, 1))
    exact[-1, -1] = 1e-12
    helped = [np.delete(shares(np.vstack([matrix, row]), exact), i).min()
              for i, row in enumerate(np.eye(n))]  # fmt: skip
    assert found.with_insider == pytest.approx(min(helped), abs=1e-4)


def test_a_school_alone_in_what_is_shown_has_no_other_to_be_told_by() -> None:
    found = audit([mean_of([0])], unknown_of(1))
    assert found.alone < 0.01 and found.with_insider == 1.0 and found.width < 0.01
    nothing = audit([], unknown_of(4))
    assert (nothing.alone, nothing.with_insider, nothing.width) == (1.0, 1.0, 1.0)


def test_what_one_school_learns_of_another_is_what_is_left_of_the_other_alone() -> None:
    """The one of two that nobody was sure of is told by the one whose result hardly varies."""
    unknown = dataclasses.replace(unknown_of(2), prior=np.diag([1.0, 20.0]))
    half = 1.0
    noise = (2 * half) ** 2 / 12 * 4  # of a mean of two, in units of their sum
    told = audit([mean_of([0, 1], half)], unknown, ask=0.0)
    left = [np.sqrt(noise / (noise + sd**2)) for sd in (1.0, 20.0)]
    assert told.with_insider == pytest.approx(min(left), abs=1e-6)


@pytest.mark.parametrize(
    ("shown", "half", "low"), [(10.0, 0.5, 0.0), (90.0, 0.5, 79.0), (50.0, 2.0, 0.0)]
)
def test_a_mean_of_two_leaves_each_the_range_that_the_other_leaves_it(shown, half, low) -> None:
    unknown = unknown_of(2, value=[shown, shown])
    high = min(100.0, 2 * (shown + half))
    width = audit([mean_of([0, 1], half)], unknown).width
    assert width == pytest.approx((high - max(low, 0.0)) / 100)


def test_the_range_of_a_difference_of_two_results_is_that_of_both_together() -> None:
    unknown = unknown_of(2, value=[60.0, 20.0])
    apart = pd.DataFrame([[1.0, -0.5]], index=pd.Index([0], name="school"),
                         columns=unknown.table.index)  # fmt: skip
    unknown = dataclasses.replace(unknown, wanted=apart)
    assert audit([], unknown).width == pytest.approx(1.0)
    told = audit([mean_of([0], 5.0)], unknown)  # 55 to 65, less half of 0 to 100: 60 of 150
    assert told.width == pytest.approx(60 / 150)


@pytest.mark.parametrize(
    ("alone", "insider", "width", "enough"),
    [(0.9, 0.85, 0.1, True), (1.0, 1.0, 1.0, True), (0.89, 1.0, 1.0, False),
     (1.0, 0.84, 1.0, False), (1.0, 1.0, 0.09, False)],
)  # fmt: skip
def test_enough_is_left_where_all_three_are(alone, insider, width, enough) -> None:
    assert Left(alone, insider, width).enough(LEAST) == enough


def test_secret_results_are_not_printed_with_what_holds_them() -> None:
    assert repr(unknown_of(3)) == "Unknown()"
    assert "parts" not in repr(mean_of([1, 2]))


def test_what_leaves_too_narrow_a_range_is_left_out_again_the_last_first() -> None:
    unknown = unknown_of(4, value=[5.0, 5.0, 50.0, 50.0])
    narrow, wide = [mean_of([0, 1])], [mean_of([2, 3])]  # 0 to 10 each, and 0 to 100 each
    least = Left(0.0, 0.0, 0.5)
    assert choose_forms([wide, narrow], [], unknown, least) == wide
    assert choose_forms([narrow, wide], [], unknown, least) == []  # the last first, then the next
    assert not may_show(narrow, unknown, least) and may_show(wide, unknown, least)
    assert may_show(narrow, unknown, Left(0.0, 0.0, 0.0))
    assert not may_show(narrow, unknown, Left(0.99, 0.0, 0.0))


def test_known_answers() -> None:
    """Of n alike schools a mean tells 1 part in n of each; one without a school, all of that."""
    n = 18
    unknown = dataclasses.replace(unknown_of(n), prior=np.eye(n) * 10.0)
    every = list(range(n))
    assert audit([mean_of(every)], unknown).alone == pytest.approx(np.sqrt(1 - 1 / n), abs=1e-4)
    halves = [mean_of(every[:9]), mean_of(every[9:])]
    assert audit(halves, unknown).alone == pytest.approx(np.sqrt(1 - 1 / 9), abs=1e-4)
    told = audit([mean_of(every), mean_of(every[1:])], unknown)
    assert told.alone < 0.05 and told.width < 0.05
    two = audit([mean_of(every), mean_of(every[2:])], unknown)
    assert two.alone == pytest.approx(np.sqrt(0.5), abs=0.01) and two.with_insider < 0.05


@settings(deadline=None, derandomize=True, max_examples=15)
@given(st.integers(0, 999))
def test_a_range_that_is_left_holds_the_truth_and_closes_when_all_is_told(seed: int) -> None:
    unknown = unknown_of(6, seed)
    alone = [mean_of([school]) for school in range(6)]
    assert 0 <= audit(alone, unknown).width == pytest.approx(0.0001, abs=2e-5)
    assert audit([mean_of(list(range(6)))], unknown).width > 0.3


@settings(deadline=None, derandomize=True, max_examples=25)
@given(st.integers(0, 9999), st.sampled_from([0.05, 0.1, 0.3, 0.6, 0.9]))
def test_whether_ranges_are_wide_enough_is_what_every_programme_of_them_says(
    seed: int, ask: float
) -> None:
    rng = np.random.default_rng(seed)
    unknown = unknown_of(8, seed)
    sets = [np.flatnonzero(rng.random(8) < 0.6) for _ in range(4)]
    forms = [mean_of([int(i) for i in one], float(rng.uniform(0.2, 8))) for one in sets if len(one)]
    every, asked = audit(forms, unknown).width, audit(forms, unknown, ask=ask).width
    assert (asked >= ask) == (every >= ask)
    assert asked == pytest.approx(every, abs=1e-9) if every < ask else asked >= every - 1e-9


def test_groups_are_added_only_while_enough_is_left_and_in_their_order() -> None:
    unknown, every = dataclasses.replace(unknown_of(40), prior=np.eye(40) * 10.0), list(range(40))
    pair = [mean_of(every[:20]), mean_of(every[20:])]
    single = [mean_of(every[1:])]
    kept = choose_forms([single, pair], [mean_of(every)], unknown, LEAST)
    assert kept == [mean_of(every), *pair]
    assert not may_show([*kept, *single], unknown, LEAST)


# A paper ------------------------------------------------------------------------------------------


def with_shares(found: ProgrammeResults) -> ProgrammeResults:
    """Say of the checks which schools each rests on, as notebook 05 does."""
    own = found.gaps_of("rwm_expected")
    schools = own.index[own["gap"].notna()]
    sets = {
        "the main estimate": schools,
        "5 comparison schools each": schools,
        "20 comparison schools each": schools,
        "only schools that kept their number": schools[1:],
    }
    parts = [pd.DataFrame({"check": name, "school": some, "share": 1 / len(some)})
             for name, some in sets.items()]  # fmt: skip
    more = pd.DataFrame([
        ("schools", "one school left out, the lowest estimate", 3.1, -1.0, 7.2, 0.1, 16, ""),
        ("schools", "one school left out, the highest estimate", 5.3, 1.2, 9.4, 0.01, 16, ""),
    ], columns=["kind", "check", "estimate", "low", "high", "p", "n_schools", "note"])  # fmt: skip
    more = more.assign(outcome="rwm_expected", n_comparison=150, detail="")
    checks = pd.concat([found.checks, more])
    return dataclasses.replace(found, shares=pd.concat(parts), checks=checks)


def edition_of(release: str = "provisional", **report: object) -> Edition:
    settings_, programmes, results = make_study(release=release, **report)
    results = {slug: with_shares(one) for slug, one in results.items()}
    return Edition(settings_, programmes, results, make_city())


def page_of(edition: Edition) -> Document:
    return write_edition(edition)


def test_before_results_are_published_only_what_the_audit_lets_stands_beside_the_headline() -> None:
    public = gate.protect(edition_of())
    checks = public.results[SLUG].checks.set_index("check")
    shown = set(checks.index[checks["estimate"].notna()])
    assert shown == {"the main estimate", "5 comparison schools each",
                     "20 comparison schools each", "one year early"}  # fmt: skip
    gone = checks.loc[checks["note"] == f"cannot be made: {HELD}"]
    assert (gone["n_schools"] == 0).all() and len(gone) >= 4
    assert gone[["estimate", "low", "high", "p"]].isna().all().all()


def test_each_row_that_is_held_back_would_fail_the_audit_if_it_were_put_back() -> None:
    edition = edition_of()
    chapters = edition.chapters
    unknown = gate.find_unknown(chapters, "rwm_expected")
    kept, _ = gate.choose_shown(edition)
    shown = [form for one in chapters
             for form in [gate.headline_form(one, "rwm_expected", unknown)]]  # fmt: skip
    groups = [group for one in chapters for group in gate.check_forms(one, unknown)]
    for group in groups:
        for form in group:
            slug, _, name = form.name.partition(": ")
            assert may_show([*shown, form], unknown, LEAST) == (name in kept[slug])


def test_a_number_that_is_held_back_is_in_no_format_of_the_public_paper() -> None:
    edition = edition_of()
    secret = dict.fromkeys(("estimate", "low", "high"), 77.7) | {"p": 0.77}
    for slug, found in edition.results.items():
        checks = found.checks.copy()
        hidden = checks["check"].str.contains("kept their number|left out|the middle of")
        for name, value in secret.items():
            checks.loc[hidden, name] = value
        gaps = found.gaps.assign(own=77.7)
        results = {**edition.results, slug: dataclasses.replace(found, checks=checks, gaps=gaps)}
        edition = dataclasses.replace(edition, results=results)
    public = gate.protect(edition)
    paper = page_of(public)
    page = re.sub(r"<style>.*?</style>", "", to_html(paper), flags=re.DOTALL)
    assert "77.7" not in page
    assert b"77.7" not in write_workbook(paper)
    assert "77.7" not in list_effects(public).to_csv()
    assert "77.7" in to_html(page_of(edition.turn("exempt")))


def test_what_is_told_of_an_outcome_is_written_down_as_of_it_in_parts_that_add_up_to_one() -> None:
    forms = gate.protect(edition_of()).forms
    names = forms["name"].str.partition(": ")[2]
    other = names == "reading_progress"
    assert other.any() and (forms.loc[other, "outcome"] == "reading_progress").all()
    assert (forms.loc[~other, "outcome"] == "rwm_expected").all()
    assert (forms.groupby(["outcome", "name"])["share"].sum().round(9) == 1).all()
    assert not (forms["school"] == 900003).any()  # it has no result
    assert (forms["half"].round(12) == 0.005).all()  # a tenth of half of the last printed place


def test_what_each_unit_of_support_brought_is_a_second_sum_of_results_and_goes() -> None:
    edition = edition_of()
    found = edition.results[SLUG]
    row = found.checks["check"] == "5 comparison schools each"
    note = found.checks["note"].mask(row, "divided at 11 days")
    detail = found.checks["detail"].mask(row, "each extra day is associated with +0.3")
    kinds = found.checks["kind"].mask(row, "schools")
    checks = found.checks.assign(kind=kinds, note=note, detail=detail)
    results = {**edition.results, SLUG: dataclasses.replace(found, checks=checks)}
    shown = gate.protect(dataclasses.replace(edition, results=results)).results[SLUG].checks
    kept = shown.set_index("check").loc["5 comparison schools each"]
    assert kept["estimate"] == 3.9 and kept["note"] == "divided at 11 days"
    assert kept["detail"] == ""
    released = edition_of("final")
    final = dataclasses.replace(released.results[SLUG], checks=checks)
    released = dataclasses.replace(released, results={**released.results, SLUG: final})
    out = gate.protect(released).results[SLUG].checks.set_index("check")
    assert out.loc["5 comparison schools each", "detail"].startswith("each extra day")


def test_an_outcome_is_told_wherever_it_stands_in_a_programmes_list() -> None:
    edition, names = edition_of(), ("rwm_expected", "reading_progress")
    for outcomes in (names, names[::-1]):
        listed = [one.model_copy(update={"outcomes": outcomes}) for one in edition.programmes]
        told = gate.protect(dataclasses.replace(edition, programmes=listed)).forms
        for slug in edition.results:
            assert {f"{slug}: {name}" for name in names} <= set(told["name"])


def test_an_outcome_without_an_estimate_is_told_by_nothing_and_keeps_its_own_reason() -> None:
    edition = edition_of()
    refused = pd.DataFrame([{"outcome": "reading_progress", "n_schools": 3, "mode": "matched",
                             "reason": "too few schools"}])  # fmt: skip
    results = {
        slug: dataclasses.replace(one, effects=one.effects.iloc[:1], refused=refused)
        for slug, one in edition.results.items()
    }
    public = gate.protect(dataclasses.replace(edition, results=results))
    assert set(public.forms["outcome"]) == {"rwm_expected"}
    for one in public.results.values():
        assert one.refused["reason"].tolist() == ["too few schools"]
    held = list_disclosure(public)
    assert not (held["table"].str.endswith(".effects")).any()


def test_checks_with_the_headlines_own_schools_come_first_and_then_those_that_are_preferred() -> (
    None
):
    edition = edition_of()
    chapter = edition.chapters[0]
    shares = chapter.found.shares
    one_less = shares[shares["check"] == "only schools that kept their number"]
    shares = pd.concat([one_less.assign(check="another"), one_less, shares[shares["check"].ne(
        "only schools that kept their number")]])  # fmt: skip
    found = dataclasses.replace(chapter.found, shares=shares)
    chapter = dataclasses.replace(chapter, found=found)
    unknown = gate.find_unknown([chapter], "rwm_expected")
    names = [form.name.partition(": ")[2] for group in gate.check_forms(chapter, unknown)
             for form in group]  # fmt: skip
    assert names == [
        "the main estimate", "5 comparison schools each",
        "20 comparison schools each", "only schools that kept their number", "another",
    ]  # fmt: skip


@pytest.mark.parametrize(("n", "k", "shown"), [(8, 0.25, True), (8, 0.24, False)])
def test_two_schools_may_have_just_the_policys_share_and_no_more(n, k, shown) -> None:
    policy = Disclosure(safe_nk_k=k, least_left=0.5, least_left_insider=0.5)
    edition = few_schools(edition_of(disclosure=policy), n)
    if shown:
        assert len(gate.protect(edition).forms)
    else:
        with pytest.raises(DesignError, match="cannot be made before results"):
            gate.protect(edition)


@pytest.mark.parametrize(("most", "shown"), [(7, True), (8, False)])
def test_an_estimate_needs_more_schools_than_the_policy_says(most, shown) -> None:
    policy = Disclosure(safe_dof_threshold=most, least_left=0.5, least_left_insider=0.5)
    edition = few_schools(edition_of(disclosure=policy), 8)
    if shown:
        assert len(gate.protect(edition).forms)
    else:
        with pytest.raises(DesignError, match="cannot be made before results"):
            gate.protect(edition)


def test_of_the_authoritys_own_results_those_that_are_published_may_be_shown() -> None:
    edition = edition_of()
    releases = ["final", "provisional", "school-returned"]
    own = pd.DataFrame({"measure": ["a", "b", "c"], "release_after": releases})
    made = dataclasses.replace(edition.made, results=own)
    public = gate.protect(dataclasses.replace(edition, made=made))
    assert public.made.results["measure"].tolist() == ["a"]


@pytest.mark.parametrize(
    ("better", "worse", "fared"),
    [(17, 0, "most"), (14, 3, "most"), (2, 1, "most"), (3, 3, "about half"), (1, 2, "few"),
     (3, 14, "few"), (0, 17, "few"), (4, 13, ""), (13, 4, ""), (8, 9, "")],
)  # fmt: skip
def test_how_schools_fared_is_a_number_only_where_four_are_on_either_side(
    better: int, worse: int, fared: str
) -> None:
    edition = edition_of()
    found = edition.results[SLUG]
    signs = pd.Series([1.0] * better + [-1.0] * worse + [0.0] * 18)
    order = found.gaps.groupby("outcome").cumcount()
    gap = found.gaps["gap"].abs().fillna(1.0) * signs.reindex(order).to_numpy()
    with_signs = dataclasses.replace(found, gaps=found.gaps.assign(gap=gap))
    results = {**edition.results, SLUG: with_signs}
    counts = gate.protect(dataclasses.replace(edition, results=results)).results[SLUG].counts_of(
        "rwm_expected"
    )  # fmt: skip
    assert counts.fared == fared
    assert (counts.above, counts.below) == ((None, None) if fared else (better, worse))


@pytest.mark.parametrize(
    ("first", "left", "changes"),
    [((0.3, 8.1), [(0.1, 7.0), (1.0, 9.0)], False), ((0.3, 8.1), [(-0.1, 7.0)], True),
     ((-1.0, 8.1), [(-2.0, 7.0), (0.0, 9.0)], False), ((-1.0, 8.1), [(0.5, 9.0)], True),
     ((-8.0, -0.5), [(-9.0, -0.1)], False), ((-8.0, -0.5), [(-9.0, 0.0)], True),
     ((0.0, 3.0), [(-1.0, 2.0)], False), ((0.3, 8.1), [(1.0, 9.0), (-1.0, 9.0)], True)],
)  # fmt: skip
def test_one_school_decides_where_without_it_the_interval_holds_zero_or_no_longer_does(
    first, left, changes
) -> None:
    rows = [("as fixed", *first), *((f"{gate.NEVER}, {n}", *one) for n, one in enumerate(left))]
    checks = pd.DataFrame(rows, columns=["check", "low", "high"]).assign(estimate=1.0)
    said = gate.say_one_school(checks)
    assert said == (
        "Leaving out one of the schools would change whether the likely range includes zero."
        if changes
        else "Leaving out any one school does not change whether the likely range includes zero."
    )
    assert gate.say_one_school(checks.iloc[:1]) == gate.say_one_school(checks.iloc[:0]) == ""


def test_what_no_picture_may_show_is_not_there_to_be_drawn() -> None:
    found = gate.protect(edition_of()).results[SLUG]
    assert found.gaps.empty and found.lines.empty and found.shares.empty
    assert not {"schools", "cases", "schools-named", "cases-named"} & set(found.pictures)
    assert found.cases["gap"].isna().all()
    assert found.named == 18 and found.counts_of("rwm_expected").known == 17


def test_a_count_of_fewer_than_four_on_one_side_is_told_in_words() -> None:
    edition = edition_of()
    found = edition.results[SLUG]
    gaps = found.gaps.assign(gap=found.gaps["gap"].abs())
    few = dataclasses.replace(
        edition, results={**edition.results, SLUG: dataclasses.replace(found, gaps=gaps)}
    )
    assert "Of the 17 schools in the estimate, most did better" in words_of(
        page_of(gate.protect(few))
    )


def test_whether_one_school_decides_is_told_in_words_alone() -> None:
    said = to_html(page_of(gate.protect(edition_of())))
    assert (
        "Leaving out one of the schools would change whether the likely range includes zero."
        in said
    )
    assert "one school left out, the lowest estimate (not shown" in said


def test_a_later_release_with_one_school_fewer_tells_of_it_and_is_refused() -> None:
    edition = edition_of()
    first = gate.protect(edition)
    results = {}
    for slug, found in edition.results.items():
        gone = found.gaps["school"] == 900001
        gaps = found.gaps.assign(gap=found.gaps["gap"].mask(gone))
        shares = found.shares[found.shares["school"] != 900001]
        results[slug] = dataclasses.replace(found, gaps=gaps, shares=shares.iloc[:0])
    later = dataclasses.replace(edition, results=results)
    assert gate.protect(later).held is not None  # by itself it may
    with pytest.raises(DesignError, match="beside what was released before"):
        gate.protect(dataclasses.replace(later, told=Told(forms=first.forms)))
    again = gate.protect(dataclasses.replace(edition, told=Told(forms=first.forms)))
    pd.testing.assert_frame_equal(again.forms, first.forms)


def few_schools(edition: Edition, named: int) -> Edition:
    results = {}
    for slug, found in edition.results.items():
        kept = found.gaps[found.gaps["school"].isin([900004 + n for n in range(named)])]
        results[slug] = dataclasses.replace(found, gaps=kept)
    return dataclasses.replace(edition, results=results)


def test_of_few_schools_even_the_estimate_is_refused_in_one_message() -> None:
    few = few_schools(edition_of(), 5)
    with pytest.raises(DesignError, match="the public edition cannot be made before results"):
        gate.protect(few)
    exempt = gate.protect(dataclasses.replace(few, asked="exempt"))  # the exempt paper is made
    assert exempt.forms.empty
    assert gate.protect(few_schools(edition_of(), 8)).held is not None


def test_a_school_that_weighs_too_much_is_refused_by_the_policys_dominance() -> None:
    edition = edition_of(disclosure=Disclosure(safe_nk_k=0.3))
    found = edition.results[SLUG]
    gaps = found.gaps.assign(weight=np.where(found.gaps["school"] == 900001, 8.0, 1.0))
    heavy = dataclasses.replace(
        edition, results={**edition.results, SLUG: dataclasses.replace(found, gaps=gaps)}
    )
    public = gate.protect(heavy)
    assert HELD in words_of(page_of(public))
    checks = public.results[SLUG].checks
    assert checks.loc[checks["kind"] != "before", "estimate"].isna().all()
    assert SLUG not in set(public.forms["name"].str.partition(": ")[0])
    assert not {"two-lines", "hundred-dots"} & set(public.results[SLUG].pictures)
    assert "rwm_expected" in set(gate.protect(edition).results[SLUG].effects["outcome"])


def test_once_results_are_published_nothing_of_them_is_held_back() -> None:
    edition = edition_of("final")
    public = gate.protect(edition)
    for slug, found in edition.results.items():
        pd.testing.assert_frame_equal(public.results[slug].checks, found.checks)
        pd.testing.assert_frame_equal(public.results[slug].gaps, found.gaps)
    assert public.forms.empty and not public.city.names
    assert not {"school", "reasons"} & set(public.city.ratings)


def test_the_exempt_edition_and_what_the_gate_was_given_stay_as_they_were() -> None:
    edition = edition_of()
    before = edition.results[SLUG].checks.copy()
    gate.protect(edition)
    pd.testing.assert_frame_equal(edition.results[SLUG].checks, before)
    assert "+4.9" in to_html(page_of(edition.turn("exempt")))


def test_what_is_held_back_is_in_the_log_and_the_log_names_no_school() -> None:
    log = list_disclosure(gate.protect(edition_of()))
    held = log[log["table"] == f"{SLUG}.checks"]
    assert set(held["row"]) >= {"only schools that kept their number"}
    assert not log.astype(str).apply(lambda column: column.str.contains("9000")).any().any()


def gaps_of_a_group_and_all():
    """Give gaps of 18 schools; one of them has no result for the group."""
    rng = np.random.default_rng(5)
    schools = list(range(900000, 900018))
    rows = []
    for school in schools:
        own, less = rng.uniform(30, 70), rng.uniform(5, 20)
        lacking = school == 900003
        for outcome, value in (("rwm_expected", own),
                               ("rwm_expected.disadvantaged", np.nan if lacking else own - less),
                               ("rwm_expected.gap", np.nan if lacking else -2 * less)):  # fmt: skip
            weight = 0.006 if outcome == "rwm_expected" else 0.003
            weight = np.nan if np.isnan(value) else weight
            rows.append({"school": school, "outcome": outcome, "own": value, "comparison": 50.0,
                         "correction": 0.0, "gap": value - 50.0, "n_comparison": 50,
                         "reason": "", "weight": weight})  # fmt: skip
    return pd.DataFrame(rows)


def chapter_of(gaps):
    found = dataclasses.replace(make_results(), gaps=gaps)
    return dataclasses.replace(edition_of().chapters[0], found=found)


def panel_of_pupils(gaps: pd.DataFrame, group: float, every: float) -> Panel:
    """A panel of how many pupils each school has, in all and in the group."""
    at = pd.MultiIndex.from_product([gaps["school"].unique(), [2018]], names=["school", "year"])
    values = pd.DataFrame({"cohort.disadvantaged": group, "cohort": every}, index=at)
    return Panel(values, values.isna().astype("str"), pd.DataFrame("final", [2018], values.columns))


@pytest.mark.parametrize(("pupils", "q"), [(None, 0.5), ((100.0, 400.0), 0.25)])
def test_a_school_in_two_parts_is_as_uncertain_as_its_weights_say_and_adds_up(pupils, q) -> None:
    gaps = gaps_of_a_group_and_all()
    gaps = gaps.assign(weight=gaps["weight"].replace(0.003, 0.004))
    panel = panel_of_pupils(gaps, *pupils) if pupils else None
    unknown = gate.find_unknown([chapter_of(gaps)], "rwm_expected", panel)
    figures = ((unknown.wanted.to_numpy() @ unknown.prior) ** 2).sum(axis=1)
    variance = pd.Series(figures, unknown.wanted.index).drop(900003)
    own = pd.Series(unknown.wanted.to_numpy() @ unknown.table["value"], unknown.wanted.index)
    known = gaps[gaps["own"].notna()].set_index(["outcome", "school"])["own"]
    for part, outcome, weight in ((gate.WHOLE, "rwm_expected", 0.006),
                                  (gate.GROUP, "rwm_expected.disadvantaged", 0.004)):  # fmt: skip
        np.testing.assert_allclose(variance.xs(part, level="part"), 1 / weight)
        there = own.xs(part, level="part").drop(900003, errors="ignore")
        np.testing.assert_allclose(there, known[outcome].reindex(there.index))
    shares = unknown.wanted.loc[(900000, gate.WHOLE)]
    assert shares[(900000, gate.GROUP)] == q and shares.sum() == pytest.approx(1.0)
    assert unknown.wanted.loc[(900003, gate.OTHER)].sum() == 1  # it has no group: one unknown
    assert own[(900003, gate.OTHER)] == known["rwm_expected"][900003]
    assert (unknown.table["low"] == 0).all() and (unknown.table["high"] == 100).all()


@pytest.mark.parametrize("weight", [0.0005, 0.004, 0.006, 0.02])
def test_a_groups_distance_from_the_others_is_as_uncertain_as_so_few_pupils_make_it(weight) -> None:
    gaps = gaps_of_a_group_and_all()
    group = gaps["outcome"] != "rwm_expected"
    gaps = gaps.assign(weight=gaps["weight"].mask(group, weight))
    unknown = gate.find_unknown([chapter_of(gaps)], "rwm_expected", panel_of_pupils(gaps, 10, 40))
    covariance = (unknown.prior @ unknown.prior.T)[:2, :2]
    whole, apart = np.array([0.25, 0.75]), np.array([1.0, -1.0])
    assert whole @ covariance @ whole == pytest.approx(1 / 0.006)
    assert whole @ covariance @ apart == pytest.approx(0.0, abs=1e-9)
    by_pupils = gate.BETWEEN_PUPILS * (1 / 10 + 1 / 30)
    by_weight = (1 / weight - 1 / 0.006) / 0.75**2
    assert apart @ covariance @ apart == pytest.approx(max(by_pupils, by_weight))


def test_a_result_of_none_or_of_all_pupils_can_be() -> None:
    gaps = gaps_of_a_group_and_all()
    twice = gaps["school"] == 900005
    whole, group = (
        gaps["outcome"] == name for name in ("rwm_expected", "rwm_expected.disadvantaged")
    )
    gaps.loc[twice & whole, "own"], gaps.loc[twice & group, "own"] = 20.0, 40.0
    unknown = gate.find_unknown([chapter_of(gaps)], "rwm_expected")
    assert unknown.table.loc[(900005, gate.OTHER), "value"] == 0.0
    assert unknown.table["value"].between(0, 100).all()


def test_a_score_lies_within_four_deviations_of_what_was_expected_and_a_share_in_a_hundred() -> (
    None
):
    gaps = gaps_of_a_group_and_all().query("outcome == 'rwm_expected'")
    share = gate.find_unknown([chapter_of(gaps)], "rwm_expected")
    assert (share.table["low"] == 0).all() and (share.table["high"] == 100).all()
    np.testing.assert_allclose(np.diag(share.prior), np.sqrt(1 / 0.006))
    scores = gaps.assign(outcome="reading_progress", comparison=1.0, correction=0.5, weight=0.25,
                         own=np.where(gaps["school"] == 900001, 12.0, 2.0))  # fmt: skip
    found = gate.find_unknown([chapter_of(scores)], "reading_progress").table.droplevel("part")
    assert (found["low"] == 1.5 - 4 * 2).all()
    assert (found["high"].drop(900001) == 1.5 + 4 * 2).all() and found.loc[900001, "high"] == 12.0


def test_an_estimate_is_its_schools_weights_and_of_no_other_programmes_schools() -> None:
    gaps = gaps_of_a_group_and_all()
    other = gaps.assign(school=gaps["school"] + 100)
    mine, theirs = chapter_of(gaps), chapter_of(other)
    unknown = gate.find_unknown([mine, theirs], "rwm_expected")
    for name, schools in (("rwm_expected", 18), ("rwm_expected.disadvantaged", 17)):
        parts = gate.headline_form(mine, name, unknown).parts.groupby(level="school").sum()
        assert (parts[parts.index >= 900100] == 0).all() and parts.sum() == pytest.approx(1.0)
        shares = parts[parts.index < 900100].drop(900003)
        np.testing.assert_allclose(shares, 1 / schools)
    between = (
        gate.headline_form(mine, "rwm_expected.gap", unknown).parts.groupby(level="part").sum()
    )
    assert between[gate.GROUP] == pytest.approx(1.0) and between[gate.OTHER] == pytest.approx(-1.0)


def test_what_was_told_of_all_pupils_is_in_parts_what_it_would_be_told_as_now() -> None:
    gaps = gaps_of_a_group_and_all()
    before = chapter_of(gaps[gaps["outcome"] == "rwm_expected"])
    told = gate.headline_form(before, "rwm_expected", gate.find_unknown([before], "rwm_expected"))
    now = chapter_of(gaps)
    unknown = gate.find_unknown([now], "rwm_expected", panel_of_pupils(gaps, 10, 40))
    found = gate.as_now(told, unknown).parts
    wanted = gate.headline_form(now, "rwm_expected", unknown).parts
    shared = found.index.intersection(wanted.index)
    np.testing.assert_allclose(found[shared], wanted[shared])
    assert found.sum() == pytest.approx(1.0)


def test_a_school_that_left_is_as_uncertain_as_the_others_usually_are() -> None:
    gaps = gaps_of_a_group_and_all().query("outcome == 'rwm_expected'")
    before = chapter_of(gaps)
    told = gate.headline_form(before, "rwm_expected", gate.find_unknown([before], "rwm_expected"))
    left = chapter_of(gaps[gaps["school"] != 900007])
    now = gate.find_unknown([left], "rwm_expected")
    found = gate.with_told(now, [told])
    assert found.table["school"].tolist()[-1] == 900007 and len(found.table) == 18
    np.testing.assert_allclose(np.diag(found.prior), np.sqrt(1 / 0.006))
    np.testing.assert_array_equal(found.wanted, np.eye(18))
    assert gate.with_told(now, []) is now


# What no school publishes -------------------------------------------------------------------------

HELD_BY_THE_CITY = "rwm_expected.ehcp"


def with_described(pupils: dict[int, float], **policy: object) -> Edition:
    """An edition that describes pupils with a plan, of whom each school has so many."""
    edition = edition_of("final", disclosure=Disclosure(**policy))
    at = pd.MultiIndex.from_product([list(pupils), [2018]], names=["school", "year"])
    values = pd.DataFrame({"cohort.ehcp": list(pupils.values())}, index=at)
    panel = Panel(
        values, values.isna().astype("str"), pd.DataFrame("final", [2018], values.columns)
    )
    rows = [(HELD_BY_THE_CITY, 2018, whose, 12.5, 17.0, 43.0, "final", "")
            for whose in (OWN, "the authority", "England")]  # fmt: skip
    described = pd.DataFrame(rows, columns=["measure", "year", "whose", "value", "n_schools",
                                            "n_pupils", "release", "reason"])  # fmt: skip
    members = pd.DataFrame({"also_in": 0}, index=pd.Index(list(pupils), name="school"))
    mine = dataclasses.replace(
        edition.results[SLUG], described=described, also_in=members["also_in"]
    )
    return dataclasses.replace(edition, results={**edition.results, SLUG: mine}, panel=panel)


def value_shown(edition: Edition) -> bool:
    """Whether the programme's own is shown; everyone else's always is."""
    shown = gate.protect(edition).results[SLUG].described.set_index("whose")
    assert shown["value"].drop(OWN).notna().all()
    own = shown.loc[OWN]
    held = own["reason"] == gate.NOT_BY_SCHOOL
    assert pd.isna(own["value"]) == pd.isna(own["n_pupils"]) == held
    return not held


@pytest.mark.parametrize(
    ("pupils", "shown"),
    [([5.0] * 12, True), ([5.0] * 11 + [100.0], False), ([2.0] * 5, False), ([1.0] * 9, False),
     ([1.0] * 10, True), ([0.0] * 10 + [5.0] * 5, False), ([9.0] * 6 + [0.0], True)],
)  # fmt: skip
def test_a_sum_of_secret_results_needs_schools_and_pupils_and_none_that_weighs_too_much(
    pupils: list[float], shown: bool
) -> None:
    easy = {"least_left": 0.75, "least_left_insider": 0.7}
    edition = with_described({900000 + n: many for n, many in enumerate(pupils)}, **easy)
    assert value_shown(edition) == shown
    told = gate.protect(edition).forms
    assert set(told["outcome"]) == ({HELD_BY_THE_CITY} if shown else set())
    again = dataclasses.replace(edition, told=Told(forms=told))
    assert value_shown(again) == shown  # the same told twice tells nothing new


def test_where_nobody_knows_how_many_pupils_there_are_the_sum_is_held_back() -> None:
    edition = with_described({900000 + n: 5.0 for n in range(12)})
    assert not value_shown(dataclasses.replace(edition, panel=None))


def test_the_same_sum_with_one_school_fewer_than_was_told_is_held_back() -> None:
    everyone = {900000 + n: 5.0 for n in range(16)}
    first = gate.protect(with_described(everyone))
    later = with_described({school: n for school, n in everyone.items() if school != 900004})
    assert value_shown(later)
    told = dataclasses.replace(later, told=Told(forms=first.forms))
    with_pupils = dataclasses.replace(told, panel=with_described(everyone).panel)
    assert not value_shown(with_pupils)


def test_counts_of_pupils_are_rounded_to_the_policys_base() -> None:
    pupils = {900000 + n: 5.0 for n in range(16)}
    for base, n, other in ((1, 43.0, 1234.0), (5, 45.0, 1235.0), (10, 40.0, 1230.0)):
        edition = with_described(pupils, rounding_base=base)
        gap = pd.DataFrame({"n_pupils": [1234.0], "release": ["final"]})
        mine = dataclasses.replace(edition.results[SLUG], gap_to_national=gap)
        results = {**edition.results, SLUG: mine}
        found = gate.protect(dataclasses.replace(edition, results=results)).results[SLUG]
        assert (found.described["n_pupils"] == n).all()
        assert found.gap_to_national["n_pupils"].tolist() == [other]


@pytest.mark.parametrize("later", ["rwm_expected", "rwm_expected.disadvantaged"])
def test_what_was_told_of_a_group_counts_where_a_later_report_has_no_such_group(later) -> None:
    """One school fewer is told by what an earlier release said, with the group or without."""
    gaps = gaps_of_a_group_and_all()
    before = chapter_of(gaps)
    both = gate.find_unknown([before], "rwm_expected")
    told = [gate.headline_form(before, name, both) for name in gaps["outcome"].unique()[:2]]
    for school, may in ((None, True), (900007, False)):
        left = chapter_of(gaps[gaps["outcome"].eq(later) & gaps["school"].ne(school)])
        unknown = gate.find_unknown([left], "rwm_expected", None, told)
        forms = [gate.as_now(form, unknown) for form in told]
        unknown = gate.with_told(unknown, forms)
        now = gate.headline_form(left, later, unknown)
        assert may_show([*forms, now], unknown, LEAST) == may


def test_what_was_told_of_all_pupils_counts_where_a_later_report_has_a_group_too() -> None:
    gaps = gaps_of_a_group_and_all()
    whole = gaps[gaps["outcome"] == "rwm_expected"]
    before = chapter_of(whole)
    told = [gate.headline_form(before, "rwm_expected", gate.find_unknown([before], "rwm_expected"))]
    for school, may in ((None, True), (900007, False)):
        now = chapter_of(gaps[gaps["school"] != school])
        unknown = gate.find_unknown([now], "rwm_expected", None, told)
        forms = [gate.as_now(form, unknown) for form in told]
        unknown = gate.with_told(unknown, forms)
        forms.append(gate.headline_form(now, "rwm_expected", unknown))
        assert may_show(forms, unknown, LEAST) == may


def test_a_school_of_which_no_pupils_are_counted_is_as_one_of_the_usual_size() -> None:
    gaps = gaps_of_a_group_and_all()
    found = [gate.find_unknown([chapter_of(gaps)], "rwm_expected", panel)
             for panel in (None, panel_of_pupils(gaps, 0, 0))]  # fmt: skip
    np.testing.assert_allclose(found[0].prior, found[1].prior)


def test_a_group_and_all_pupils_are_reckoned_with_together() -> None:
    """A group of 17 schools beside all pupils of 18 tells of the one school between them."""
    chapter = chapter_of(gaps_of_a_group_and_all())
    unknown = gate.find_unknown([chapter], "rwm_expected")
    names = ("rwm_expected", "rwm_expected.disadvantaged", "rwm_expected.gap")
    forms = {name: gate.headline_form(chapter, name, unknown) for name in names}
    two = [forms["rwm_expected"], forms["rwm_expected.disadvantaged"]]
    assert may_show(two, unknown, LEAST)
    assert not may_show(list(forms.values()), unknown, LEAST)


def test_a_second_group_of_pupils_is_told_of_early_by_nobody() -> None:
    """Only one group's results and all pupils' are reckoned with: more would be told unreckoned."""
    gaps = gaps_of_a_group_and_all()
    girls = gaps[gaps["outcome"] == "rwm_expected.disadvantaged"]
    girls = girls.assign(outcome="rwm_expected.girls")
    chapters = [chapter_of(pd.concat([gaps, girls], ignore_index=True))]
    told = {"rwm_expected", "rwm_expected.disadvantaged", "rwm_expected.gap"}
    assert gate.list_protected(chapters, "rwm_expected") == told
    before = [mean_of([0])]
    before = [dataclasses.replace(before[0], name="other: rwm_expected.girls")]
    assert "rwm_expected.girls" in gate.list_protected(chapters, "rwm_expected", before)
    assert "rwm_expected.disadvantaged" not in gate.list_protected(chapters, "rwm_expected", before)
    alone = [chapter_of(pd.concat([gaps[gaps["outcome"] != "rwm_expected.disadvantaged"], girls]))]
    assert gate.list_protected(alone, "rwm_expected") == {"rwm_expected", "rwm_expected.girls"}
