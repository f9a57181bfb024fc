"""The attacker can succeed: what was given away is found by it, each way by itself.

A test of a release that finds nothing would mean nothing if the attacker could find nothing.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import pepstats
from pepstats.study import Study
from tests.attack_edition import write_edition
from tests.attack_reading import find_numbers, read_file, read_release
from tests.attack_shadows import (
    describe_members,
    find_cases,
    find_counts,
    find_names,
    find_refusals,
    find_shadows,
    guess_cases,
)
from tests.attack_solving import Told, bounds, ratios, solve_whole
from tests.attack_world import World, expect_together, lay_out_published, see_world
from tests.attacker import Attacked, attack, look_around
from tests.whole_runs import REPORT


@dataclass(frozen=True)
class Place:
    """A study that nobody but the authority has, and the same as it is published."""

    study: Study
    world: World
    published: Path

    @property
    def truth(self) -> pd.DataFrame:
        return self.study.panel.values.xs(self.study.report.year, level="year")


@pytest.fixture(scope="module")
def place(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Place:
    folder = tmp_path_factory.mktemp("published")
    report = lay_out_published(data, REPORT, folder)
    return Place(pepstats.load(REPORT, data), see_world(folder, report), folder)


@pytest.fixture(scope="module")
def checks(place: Place) -> dict[str, pd.DataFrame]:
    return {
        slug: pepstats.checks(pepstats.evaluate(place.study, slug)).table
        for slug in place.study.programmes
    }


def right(attacked: Attacked, place: Place) -> pd.Series:
    """Which results that the attacker is certain of are so."""
    sure = attacked.left[attacked.left["certain"]]
    true = np.array([place.truth.loc[key] for key in sure.index])
    return pd.Series(np.abs(sure["guess"] - true) < 1e-6, index=sure.index)


def test_what_it_expects_is_as_uncertain_as_the_forecasts_it_rests_on(place: Place) -> None:
    known = place.world.unknowns
    mean, covariance = expect_together(known)
    spread = np.sqrt(np.diag(covariance))
    whole = (known.index.get_level_values("measure") == "rwm_expected") & (known["forecast"] == 1)
    np.testing.assert_allclose(spread[whole], known.loc[whole, "sd"], rtol=0.01)
    np.testing.assert_allclose(mean[whole], known.loc[whole, "mean"])
    true = np.array([place.truth.loc[key] for key in known.index])
    percent = (known["step"] == 1).to_numpy()
    missed = ((true - mean) / spread)[percent & known["pupils"].gt(0).to_numpy()]
    assert 0.7 < np.square(missed).mean() < 1.5  # the three independent: 2 to 4


def draw_marks(table: pd.DataFrame) -> str:
    """Draw a row for each check as a drawing library does: coordinates have six decimals."""
    ticks = "".join(
        f'<g id="xtick_{n}"><g id="line2d_{n}"><path d="M {150 + 7 * value:.6f} 340"/></g>'
        f"<g><!-- {value} --></g></g>"
        for n, value in enumerate((-10, 0, 10, 20))
    )
    rows = "".join(
        f'<g id="text_{n}"><!-- {row["check"]} --><g transform="translate(3.0 {20 * n + 13})"/></g>'
        f'<g id="line2d_{n}"><use x="{150 + 7 * row["estimate"]:.6f}" y="{20 * n + 20}"/></g>'
        for n, row in enumerate(table.dropna(subset=["estimate"]).to_dict("records"))
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg"><g id="axes_1"><g id="matplotlib.axis_1">{ticks}'
        f"</g>{rows}</g></svg>"
    )


def test_the_attacker_is_not_given_what_it_is_after(place: Place) -> None:
    for (school, measure), _ in place.world.unknowns.iterrows():
        assert place.world.study.panel.values.loc[(school, 2018), measure] in (50.0, 0.0)
    assert not (place.published / "invented" / "local" / "statements.csv").exists()
    assert place.world.study.statements.empty


def test_its_forecasts_and_weights_are_those_of_the_real_evaluation(place: Place) -> None:
    for slug, seen in place.world.evaluations.items():
        real = pepstats.evaluate(place.study, slug)
        for outcome, gaps in real.measured.gaps.items():
            both = gaps.table, seen.measured.gaps[outcome].table
            for column in ("comparison", "weight", "variance"):
                one, other = (table[column].reindex(real.design.members) for table in both)
                pd.testing.assert_series_equal(one, other)


def test_unrounded_checks_give_every_result_away(
    place: Place, checks: dict[str, pd.DataFrame], tmp_path: Path
) -> None:
    for slug, table in checks.items():
        (tmp_path / slug).mkdir()
        table.to_csv(tmp_path / slug / "checks.csv", index=False)
    found = right(attack([tmp_path], [place.world]), place)
    assert len(found) >= 18  # not where weights are as cohorts are: of these only sums are told
    assert found.all()


def test_the_picture_alone_gives_results_away(
    place: Place, checks: dict[str, pd.DataFrame], tmp_path: Path
) -> None:
    slug = "closing-the-gap"
    (tmp_path / f"{slug}.svg").write_text(draw_marks(checks[slug]))
    found = right(attack([tmp_path], [place.world]), place)
    assert len(found) >= 8
    assert found.all()


def test_a_slope_over_days_of_support_is_one_more_sum(
    place: Place, checks: dict[str, pd.DataFrame], tmp_path: Path
) -> None:
    slug = "closing-the-gap"
    table = checks[slug].round({"estimate": 1, "low": 1, "high": 1})
    kept = table[table["check"].str.contains("main estimate|more support|less support")]
    least = {}
    for words in ("told", "held"):
        (tmp_path / words / slug).mkdir(parents=True)
        detail = kept["detail"] if words == "told" else ""
        kept.assign(detail=detail).to_csv(tmp_path / words / slug / "checks.csv", index=False)
        found = attack([tmp_path / words], [place.world])
        least[words] = found.left["alone"].min()
        assert any(name.endswith("|slope") for name in found.facts) == (words == "told")
    assert least["told"] < least["held"] - 0.01


@pytest.mark.parametrize(("words", "exact"), [("other ways", True), ("before the start", False)])
def test_a_mark_of_earlier_years_is_not_taken_for_an_estimate_with_more_digits(
    place: Place, tmp_path: Path, words: str, exact: bool
) -> None:
    slug = "closing-the-gap"
    one = place.study.programmes[slug]
    estimate = pepstats.evaluate(place.study, slug).primary.estimate
    said = pd.DataFrame({"outcome": [one.primary], "estimate": [round(estimate, 1)]})
    (tmp_path / slug).mkdir()
    said.to_csv(tmp_path / slug / "effects.csv", index=False)
    mark = pd.DataFrame({"check": [f"{one.title}: {words}"], "estimate": [estimate]})
    (tmp_path / slug / "picture.svg").write_text(draw_marks(mark))
    facts = attack([tmp_path], [place.world]).facts
    fact = facts[f"0|{slug}|{one.primary}|headline"]
    assert (fact.half < 0.001) == exact
    assert abs(fact.value - estimate) <= fact.half + 1e-9


def test_one_school_left_out_at_one_decimal_leaves_it_little_uncertainty(
    place: Place, checks: dict[str, pd.DataFrame], tmp_path: Path
) -> None:
    slug = "closing-the-gap"
    (tmp_path / slug).mkdir()
    table = checks[slug]
    rounded = table.assign(**{name: table[name].round(1) for name in ("estimate", "low", "high")})
    kept = rounded[table["check"].str.contains("as fixed|kept their number|no other")]
    kept.to_csv(tmp_path / slug / "checks.csv", index=False)
    left = attack([tmp_path], [place.world]).left
    assert left["alone"].min() < 0.9


def test_without_a_release_it_guesses_as_chance_has_it(place: Place) -> None:
    attacked = attack([], [place.world])
    true = np.array([place.truth.loc[key] for key in attacked.left.index])
    assert not attacked.left["certain"].any()
    assert (np.abs(attacked.left["guess"] - true) < 1e-6).mean() < 0.1


def test_bounds_hold_the_truth(
    place: Place, checks: dict[str, pd.DataFrame], tmp_path: Path
) -> None:
    for slug, table in checks.items():
        (tmp_path / slug).mkdir()
        table.round(1).to_csv(tmp_path / slug / "checks.csv", index=False)
    left = attack([tmp_path], [place.world]).left
    true = np.array([place.truth.loc[key] for key in left.index])
    assert (left["low"] - 1e-6 <= true).all()
    assert (left["high"] + 1e-6 >= true).all()


def test_the_hash_of_the_withheld_case_studies_gives_three_results_away(
    place: Place, tmp_path: Path
) -> None:
    slug = "closing-the-gap"
    primary = place.study.programmes[slug].primary
    gap = pepstats.evaluate(place.study, slug).gaps.xs(primary, level="outcome")["gap"].dropna()
    middle = (gap - gap.median()).abs().idxmin()
    why = {gap.idxmax(): "rose most", middle: "nearest the middle", gap.idxmin(): "fell most"}
    chosen = pd.DataFrame({"why": why, "gap": gap.reindex(list(why))}).rename_axis("school")
    described = describe_members(place.world, slug).loc[chosen.index]
    table = chosen.join(described).to_csv(lineterminator="\n")
    sha256 = hashlib.sha256(table.encode()).hexdigest()
    manifest = {"outputs": {"cases.csv": {"sha256": sha256, "bytes": len(table), "rows": 3}}}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    cells = ["<h2>Case studies</h2><table><caption>Closing the gap: the case studies</caption>"]
    cells.append("<tr><th>About</th><th>School 1</th><th>School 2</th><th>School 3</th></tr>")
    rows = {"Why this school": ["The one that " + w for w in chosen["why"]],
            "What kind of school": described["context"], "What support": described["support"],
            "What else changed": described["changed"],
            "Its statement": ["Given, without consent to publish it", "Asked for; no answer", ""],
            }  # fmt: skip
    for label, said in rows.items():
        cells.append(f"<tr><th>{label}</th>" + "".join(f"<td>{s}</td>" for s in said) + "</tr>")
    (tmp_path / "report.html").write_text("".join(cells) + "</table>")
    shadows = find_shadows(tmp_path, place.published)
    assert {one.kind for one in shadows} == {"hash", "size"}
    read = read_release(tmp_path)
    guessed = guess_cases(place.world, [one.what for one in shadows], read)
    assert {one.school: one.value for one in guessed} == {
        school: place.truth.loc[school, place.study.programmes[slug].primary]
        for school in chosen.index
    }
    kinds = [one.kind for one in find_cases(place.world, read)]
    assert kinds.count("order") >= 1
    assert kinds.count("consent") >= 1


def test_reasons_and_margins_give_small_counts_away(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text(
        "Change,Academy,Maintained,Total\nLowered,[c],[c],[c]\nRaised,4,3,7\nNew,[c],[c],[c]\n"
        "Total,9,6,15\n"
    )
    safe = find_counts(read_release(tmp_path), 2)
    assert not [one for one in safe if one.within == 0]
    (tmp_path / "log.csv").write_text(
        "table,row,column,reason\nx,Lowered,Academy,hidden so that a small count cannot be worked "
        "out\nx,New,Academy,small count\nx,New,Maintained,small count\nx,New,Total,small count\n"
    )
    told = {one.school: one.value for one in find_counts(read_release(tmp_path), 2)
            if one.within == 0}  # fmt: skip
    assert told == {"Lowered, Academy": 4, "Lowered, Maintained": 2, "Lowered, Total": 6,
                    "New, Academy": 1, "New, Maintained": 1, "New, Total": 2}  # fmt: skip


def test_a_row_of_the_private_file_names_who_refused(place: Place, tmp_path: Path) -> None:
    said = place.study.statements
    refused = said[said["held"].fillna("").str.contains("no consent")]
    rows = "".join(f"x,row {row},statement,no consent to publish\n" for row in refused["row"])
    (tmp_path / "log.csv").write_text(f"table,row,column,reason\n{rows}")
    found = find_refusals(place.world, read_release(tmp_path))
    assert {(one.school, one.what) for one in found} == set(
        zip(refused["school"], refused["programme"], strict=True)
    )


def test_a_name_is_found_where_it_is_drawn_letter_by_letter(place: Place, tmp_path: Path) -> None:
    school = next(iter(place.world.evaluations.values())).design.members[0]
    name = place.study.register.loc[school, "name"]
    drawn = "".join(f'<use xlink:href="#DejaVuSans-{ord(letter):x}"/>' for letter in name)
    (tmp_path / "picture.svg").write_text(f"<svg>{drawn}</svg>")
    assert {one.school for one in find_names(place.world, tmp_path)} == {school}


def test_numbers_are_read_with_their_last_digit() -> None:
    assert find_numbers("−4.2 to 19.50, 1,355 schools of 2017/18") == (
        (-4.2, 0.05), (19.5, 0.005), (1355.0, 0.5),
    )  # fmt: skip
    (cell,) = [c for c in read_file("a.csv", b"name,estimate\nx,7.6\n") if c.column == "estimate"]
    assert cell.numbers == ((7.6, 0.05),)


def test_whole_pupils_are_solved_for_only_where_no_others_fit() -> None:
    rng = np.random.default_rng(3)
    forms, true = rng.random((6, 10)), rng.integers(20, 80, 10).astype(float)
    mean, prior, step = np.full(10, 50.0), np.eye(10) * 225, np.ones(10)
    exact = Told(forms, forms @ true, np.full(6, 1e-9))
    found, firm = solve_whole(mean, prior, step, exact, np.isfinite)
    assert firm.all()
    assert (found == true).all()
    rounded = Told(forms, forms @ true, np.full(6, 0.05))
    assert not solve_whole(mean, prior, step, rounded, np.isfinite)[1].any()


def test_what_is_left_is_told_with_and_without_an_insider() -> None:
    told = Told(np.array([[0.5, 0.5, 0.0, 0.0]]), np.array([50.0]), np.array([0.05]))
    left = ratios(np.eye(4) * 100, told, np.array([1, 2, 3, 4]))
    assert left["alone"].tolist() == pytest.approx([0.5**0.5, 0.5**0.5, 1, 1], abs=1e-3)
    assert left["insider"].iloc[0] < 0.01
    ends = bounds(told, np.zeros(4), np.full(4, 100.0), np.arange(4))
    assert ends["low"].tolist() == pytest.approx([0, 0, 0, 0], abs=0.1)


def test_the_paper_of_october_gives_no_result_away(place: Place, tmp_path: Path) -> None:
    write_edition(place.study, tmp_path / "page")
    attacked = attack([tmp_path / "page"], [place.world])
    assert len(attacked.facts) >= 9
    assert not attacked.left["certain"].any()
    assert attacked.left["alone"].min() >= 0.90
    assert attacked.left["insider"].min() >= 0.85
    width = attacked.left["high"] - attacked.left["low"]
    assert width[attacked.left["percent"]].min() >= 10
    assert not look_around(place.world, tmp_path / "page", place.published)
