"""A made-up report of two made-up programmes, as the notebooks would have written their tables."""

from __future__ import annotations

import copy
import dataclasses
from functools import cache

import numpy as np
import pandas as pd
import pytest

from pepstats.document.blocks import Document, PaperPicture
from pepstats.impact.gaps import average_lines
from pepstats.plots import pictures
from pepstats.plots.dots import choose_dots
from pepstats.plots.style import new_figure, to_png, to_svg
from pepstats.report import figures, paper
from pepstats.report.edition import City, Edition, ProgrammeResults, SavedPicture
from pepstats.report.sentences import explain_lines, forecast_note
from pepstats.settings.programme import Programme
from pepstats.settings.report import Report
from pepstats.sources import school_statements as statements

UNITS = {"rwm_expected": "percentage points", "reading_progress": "progress points"}
RELEASE = "provisional"


def make_report(**changed: object) -> Report:
    settings = {
        "slug": "autumn-2018",
        "title": "Two programmes of support in 2017/18",
        "meeting": {
            "body": "Education Advisory Board",
            "date": "2018-10-02",
            "report_from": "Director of Children's Services",
            "report_by": "Deputy Director, Education",
        },
        "authority": 999,
        "year": 2018,
        "invented": True,
        "sources": [
            {"kind": "ks2", "year": 2017, "release": "final", "file": "raw/england_ks2_2017.csv"},
            {"kind": "ks2", "year": 2018, "release": RELEASE, "file": "raw/england_ks2_2018.csv"},
            {"kind": "links", "file": "raw/links.csv"},
        ],
        "programmes": ["closing-the-gap", "send-in-mainstream"],
    }
    return Report.model_validate({**settings, **changed})


def make_programme(slug: str = "closing-the-gap", **changed: object) -> Programme:
    settings = {
        "slug": slug,
        "title": slug.replace("-", " ").capitalize().replace("Send", "SEND"),
        "summary": "Coaching for teachers, and a shared plan for pupils who are behind.",
        "phase": "primary",
        "starts": 2018,
        "baseline": [2016, 2017],
        "outcomes": ["rwm_expected", "reading_progress"],
        "members": [{"urn": 900000 + n} for n in range(18)],
        "match": {"near": ["rwm_expected", "cohort"], "k": 10},
        "cost": {"grant": 200000},
        "seed": 1,
    }
    return Programme.model_validate({**settings, **changed})


def make_effect(outcome: str = "rwm_expected", **changed: object) -> dict[str, object]:
    row: dict[str, object] = {
        "programme": "closing-the-gap",
        "outcome": outcome,
        "pupils": "all",
        "unit": UNITS[outcome],
        "estimate": 4.2,
        "low": 0.3,
        "high": 8.1,
        "p_placebo": 0.034,
        "p_low": 0.02,
        "p_high": 0.049,
        "p_adjusted": 0.034,
        "n_schools": 17,
        "n_comparison": 112,
        "n_authorities": 40,
        "n_placebo": 10_000,
        "mode": "matched",
        "baseline": "2016 and 2017",
        "year": 2018,
        "release": RELEASE,
        "verdict": "gained",
        "borderline": False,
        "spread": 1.95,
        "smallest": 5.46,
    }
    return {**row, **changed}


def make_results(*, shift: float = 4.2, seed: int = 7, **effect: object) -> ProgrammeResults:
    rng = np.random.default_rng(seed)
    schools = [900000 + n for n in range(18)]
    outcomes = list(UNITS)
    gaps = pd.DataFrame(
        [
            {
                "school": school,
                "outcome": outcome,
                "gap": np.nan
                if school == 900003
                else (shift if outcome == "rwm_expected" else 0.2)
                + rng.normal(0, 6 if outcome == "rwm_expected" else 1),
                "reason": "no result in 2018: suppressed" if school == 900003 else np.nan,
                "weight": 1.0,
            }
            for school in schools
            for outcome in outcomes
        ]
    )
    lines = pd.DataFrame(
        [
            {
                "school": school,
                "outcome": outcome,
                "year": year,
                "own": 45 + 4 * (year - 2016) + rng.normal(0, 6) + (shift if year == 2018 else 0),
                "comparison": 45 + 4 * (year - 2016) + rng.normal(0, 1.5),
            }
            for school in schools
            for outcome in outcomes
            for year in (2016, 2017, 2018)
        ]
    )
    lines.loc[(lines["school"] == 900003) & (lines["year"] == 2018), "own"] = np.nan
    last = lines[lines["year"] == 2018].drop(columns="year")
    gaps = gaps.merge(last, on=["school", "outcome"], validate="1:1").assign(n_comparison=50)
    gaps["correction"] = gaps["own"] - gaps["comparison"] - gaps["gap"]
    placebo = pd.DataFrame(
        {
            "draw": range(1, 2001),
            "la": 300,
            "rwm_expected": rng.normal(0, 1.95, 2000),
            "reading_progress": rng.normal(0, 0.4, 2000),
        }
    )
    flow = pd.DataFrame(
        [
            ("schools in the register", 0, 2511, 18),
            ("no rwm_expected 2016: suppressed", 55, 2456, 18),
            ("no rwm_expected 2017: suppressed", 31, 2425, 17),
        ],
        columns=["step", "left_out", "kept", "members_kept"],
    )
    balance = pd.DataFrame(
        {
            "variable": ["rwm_expected 2016", "rwm_expected 2017", "cohort 2017"],
            "mean_members": [44.1, 47.9, 41.0],
            "mean_pool": [52.6, 58.3, 37.5],
            "mean_compared": [44.1, 47.9, 41.0],
            "mean_comparison": [44.4, 48.2, 40.2],
            "smd_before": [-0.71, -0.86, 0.21],
            "smd_after": [-0.03, -0.02, 0.05],
            "n_compared": 17,
            "n_comparison": 112,
        }
    )
    checks = pd.DataFrame(
        [
            ("headline", "the main estimate", 4.2, 0.3, 8.1, 0.034, 17, ""),
            ("together", "the middle of 3 ways of comparing", 4.2, 0.4, 8.0, 0.03, 17, ""),
            ("comparison", "5 comparison schools each", 3.9, -0.2, 8.0, 0.06, 17, ""),
            ("comparison", "20 comparison schools each", 4.4, 0.6, 8.2, 0.02, 17, ""),
            ("method", "entropy balancing", 3.8, 0.5, 7.1, 0.02, 17, "all schools elsewhere"),
            ("schools", "only schools that kept their number", 4.9, 0.7, 9.1, 0.02, 14, ""),
            ("schools", "only schools in no other programme", *[np.nan] * 4, 0,
             "cannot be made: none left"),
            ("before", "one year early", -0.4, -4.4, 3.6, 0.83, 17,
             "nothing had started: 2017 instead of 2018"),
        ],
        columns=["kind", "check", "estimate", "low", "high", "p", "n_schools", "note"],
    ).assign(outcome="rwm_expected", n_comparison=150, detail="")  # fmt: skip
    second = make_effect(
        "reading_progress",
        estimate=0.21,
        low=-0.6,
        high=1.0,
        p_placebo=0.58,
        p_adjusted=0.6,
        verdict="too uncertain to say",
        spread=0.4,
        smallest=1.12,
    )
    second["release"] = effect.get("release", RELEASE)
    effects = pd.DataFrame([make_effect(**effect), second])
    cases = pd.DataFrame({
        "school": [900001, 900002, 900004], "gap": [14.2, 4.0, -6.1],
        "why": ["rose most", "nearest the middle", "fell most"],
        "context": ["Junior school, maintained by the council"] * 3,
        "support": ["Joined 2017-09; 10 days of support"] * 3,
        "changed": ["Nothing that the files show", "It is in 1 other programme", np.nan],
    })  # fmt: skip
    return ProgrammeResults(
        effects, gaps, lines, placebo, flow, balance, checks, cases, make_statements()
    )


def make_statements(slug: str = "closing-the-gap") -> pd.DataFrame:
    rows = [
        {"urn": str(900000 + n), "programme": slug, "theme": theme, "stance": stance,
         "role": "Head teacher", "consent": consent, "consent_date": "2018-09-14",
         "statement": words, "cleared_by": by, "cleared_on": "2018-09-17" if by else ""}
        for n, (theme, stance, consent, by, words) in enumerate([
            ("Coaching", "positive", "yes", "I. Figment", "It helped us to plan."),
            ("Coaching", "positive", "yes", "I. Figment", "Staff feel surer of what to do next."),
            ("Coaching", "positive", "no", "", "We would do it again."),
            ("Time", "negative", "yes", "I. Figment", "It took more time than we had."),
            ("Time", "mixed", "yes", "",
             "Good ideas, but we saw that Callum was out of class a lot."),
            ("", "", "", "", ""),
        ])
    ]  # fmt: skip
    schools = {slug: {900000 + n: 900000 + n for n in range(18)}}
    return statements.check_statements(
        pd.DataFrame(rows, index=range(2, 8)), file="statements.csv", schools=schools
    )


def make_city() -> City:
    rng = np.random.default_rng(3)
    schools = [900000 + n for n in range(45)]
    ratings = pd.DataFrame({
        "school": schools, "rating": [1.0] * 4 + [2.0] * 11 + [3.0] * 28 + [np.nan] * 2,
        "governance": rng.choice(["maintained", "academy"], 45), "reasons": "red: Coasting",
    })  # fmt: skip
    return City({school: f"Invented School {school - 900000:02d}" for school in schools}, ratings)


SKETCH = SavedPicture(
    b'<svg xmlns="http://www.w3.org/2000/svg"/>', to_png(new_figure(0.1)),
    pd.DataFrame(columns=["role", "words", "schools", "members"]),
    "A picture not drawn, to save time", "A caption",
)  # fmt: skip


def sketch(found: ProgrammeResults) -> ProgrammeResults:
    """Give results whose pictures need not be drawn; their tables are there."""
    names = ("two-lines", "hundred-dots", "checks", "balance", "flow", "schools", "cases",
             "schools-named", "cases-named")  # fmt: skip
    first = found.effects.iloc[0]
    averages = average_lines(found.lines, found.gaps)
    tables = {
        "two-lines": averages[averages["outcome"] == first["outcome"]],
        "hundred-dots": choose_dots(
            found.placebo[first["outcome"]],
            estimate=first["estimate"], p_placebo=first["p_placebo"],
        ),
    }  # fmt: skip
    kept = {
        name: dataclasses.replace(SKETCH, table=tables.get(name, SKETCH.table)) for name in names
    }
    return dataclasses.replace(found, pictures=kept)


def draw(programme: Programme, found: ProgrammeResults) -> ProgrammeResults:
    """Give results with their pictures as the notebooks draw and save them."""
    primary, effect = programme.primary, found.effects.iloc[0]
    averages = average_lines(found.lines, found.gaps)
    gaps = found.gaps[found.gaps["outcome"] == primary]
    ranked = gaps.sort_values("gap", ascending=False).set_index("school")["gap"]
    lines = found.lines[found.lines["outcome"] == primary]
    members = pictures.picture_members(
        lines, ranked, found.cases["school"],
        pictures.SchoolLines(programme.title, programme.starts, primary,
                             forecast_note(effect["mode"], effect["year"])),
    )  # fmt: skip
    drawn = {
        "two-lines": pictures.picture_gaps(
            averages, explain_lines(found.effects), title=programme.title, starts=programme.starts
        )[f"gap-{primary}"],
        "hundred-dots": pictures.placebo_dots(found.placebo[primary], effect, programme.title),
        "checks": pictures.check_rows(found.checks, programme.title, unit=effect["unit"]),
        "balance": pictures.love_plot(found.balance, programme.title),
        "flow": pictures.picture_flow(found.flow, effect, programme.title),
        "schools": members["schools"],
        "cases": members["cases-picture"],
    }
    saved = {
        name: SavedPicture(to_svg(one.figure), to_png(one.figure), one.table, one.alt, one.caption)
        for name, one in drawn.items()
    }
    return dataclasses.replace(found, pictures=saved)


def make_study(
    *, release: str = RELEASE, drawn: bool = False, **changed: object
) -> tuple[Report, list[Programme], dict[str, ProgrammeResults]]:
    asked = make_report(**changed)
    programmes = [make_programme(slug) for slug in asked.programmes]
    found = copy.deepcopy(_two_results(release, drawn))  # a test may change its own
    return asked, programmes, dict(zip(asked.programmes, found, strict=False))


@cache
def _two_results(release: str, drawn: bool) -> list[ProgrammeResults]:
    nothing = {
        "estimate": 1.1,
        "low": -2.8,
        "high": 5.0,
        "p_placebo": 0.57,
        "verdict": "too uncertain to say",
    }
    found = [make_results(release=release),
             make_results(shift=1.1, seed=8, release=release, **nothing)]  # fmt: skip
    programmes = map(make_programme, make_report().programmes)
    return [draw(programme, one) if drawn else sketch(one)
            for programme, one in zip(programmes, found, strict=True)]  # fmt: skip


def write_paper(*study: object, **also: object) -> Document:
    """Write a paper of a study; what its notebooks did not draw is not drawn."""
    return write_edition(Edition(*study, **also))


def write_edition(edition: Edition) -> Document:
    """Write a paper whose picture of all programmes is only a stand-in: drawing takes its time.

    Where the notebooks' pictures are stand-ins, so is the one that is drawn again because of what
    is held back.
    """
    overview = PaperPicture(SKETCH.svg, SKETCH.png, SKETCH.alt, "The programmes", "programmes")
    drawn = [one for found in edition.results.values() for one in found.pictures.values()]
    with pytest.MonkeyPatch.context() as patch:
        if all(one.svg == SKETCH.svg for one in drawn):
            patch.setattr(figures, "to_svg", lambda figure: SKETCH.svg)
            patch.setattr(figures, "to_png", lambda figure: SKETCH.png)
        return paper.write_paper(edition, overview)
