"""One figure, one number: what is drawn, the table behind it, the alt text and the caption agree.

Every figure of both papers of the default study, October's and December's, in both editions, as
they lie in the page: a line is measured against its own gridlines and compared with the cells of
the table that the figure names.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import compress
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pepstats.formatting import round_half_up
from tests.paper_figures import (
    BLUE,
    INK,
    NOTE,
    ORANGE,
    PALE,
    PaperFigure,
    in_units,
    marks,
    numbers,
    paths,
    read_figures,
    read_paper,
    scale,
    texts,
)

PAPERS = [
    (run, edition)
    for run in ("finished", "revised")
    for edition in ("report.html", "report-exempt.html")
]
TENTH, HUNDREDTH = 0.0501, 0.00501  # how far a printed number may be from what is drawn
CALENDAR = re.compile(
    r"(?:\d+ )?(?:January|February|March|April|May|June|July|August|September|October|November"
    r"|December|[Aa]utumn|version of|Act) 20\d\d"
)
BARE_YEAR = re.compile(r"(?<![\w/.-])20[12]\d(?!\w|[/-]|\.\w)")


def check_programmes(figure: PaperFigure, run: Path) -> None:
    line = scale(figure.svg, "x")
    drawn = in_units(marks(figure.svg, BLUE)[:, 0], line)
    spans = [in_units(p[:, 0], line) for p in paths(figure.svg, BLUE, "LineCollection_")]
    (moved,) = (row[1:] for row in figure.rows if row[0] == "Result")
    labels = [text for text in texts(figure.svg) if text.endswith(")")]
    for name, cell, label, at, span in zip(
        figure.columns[1:], moved, labels, drawn, spans, strict=True
    ):
        size, low, high = numbers(cell)[:3]
        assert [at, *span] == pytest.approx([size, low, high], abs=TENTH)
        what, whose = cell.split(": ")[:2]
        assert label.startswith(f"{name}, {whose}: ")
        assert numbers(label.rpartition("(")[2]) == [size]
        (said,) = re.findall(rf"{re.escape(name)}, {whose}: (.*?);", figure.alt)
        assert numbers(said) == [size, low, high]
        assert figure.caption.partition(", ")[2].partition(":")[0] in cell
        assert what in figure.caption and whose in figure.caption


def check_two_lines(figure: PaperFigure, run: Path) -> None:
    line = scale(figure.svg, "y")
    years = [text for text in texts(figure.svg) if re.fullmatch(r"\d{4}/\d\d", text)]
    assert figure.column("School year") == years
    group = ".disadvantaged" if "disadvantaged pupils" in figure.caption else ""
    saved = saved_table(run, figure, "04-estimate-effect", f"gap-rwm_expected{group}")
    assert figure.column("Schools counted") == [str(n) for n in saved["n_schools"]]
    effect = first_effect(run, figure)
    for name, column, who, colour in (
        ("Programme's schools", "members", "The programme's schools", BLUE),
        ("Comparison schools", "comparison", "Comparison schools", ORANGE),
    ):
        drawn = in_units(paths(figure.svg, colour)[0][:, 1], line)
        shown = [numbers(cell)[0] for cell in figure.column(name)]
        assert marks(figure.svg, colour) == pytest.approx(paths(figure.svg, colour)[0])
        assert drawn == pytest.approx(saved[column], abs=1e-4)
        assert drawn == pytest.approx(shown, abs=TENTH)
        early, end = effect["mode"] == "forecast" and column == "comparison", r"\."
        if early:
            who, end = "The dashed line", ", which is a forecast\\."
        said = re.search(rf"{who} went from (\S+) in (\S+) to (\S+) in (\S+?){end}", figure.alt)
        assert said is not None and said.groups()[1::2] == (years[0], years[-1])
        assert numbers(f"{said.group(1)} {said.group(3)}") == [shown[0], shown[-1]]
    assert ". Averages are weighted as in the estimate. " in figure.caption
    said = re.split("[Tt]he difference is ", figure.caption)[-1]
    assert numbers(said) == pytest.approx([effect["estimate"]], abs=TENTH)
    forecast = f"The dashed line for {years[-1]} is a forecast"
    assert (forecast in figure.caption) == (effect["release"] == "provisional")


def check_dots(figure: PaperFigure, run: Path) -> None:
    line = scale(figure.svg, "x")
    near, far = (
        np.round(in_units(marks(figure.svg, colour, "PathCollection_")[:, 0], line), 2)
        if len(marks(figure.svg, colour, "PathCollection_")) else np.array([])
        for colour in (BLUE, INK)
    )  # fmt: skip
    at = [numbers(cell)[0] for cell in figure.column("Changed by about")]
    for place, dots, beyond in zip(
        at, figure.column("Groups without the programme, in 100"),
        figure.column("Of which as much as this one"), strict=True,
    ):  # fmt: skip
        assert np.isclose(far, place, atol=0.0101).sum() == int(beyond)
        assert np.isclose(near, place, atol=0.0101).sum() == int(dots) - int(beyond)
    assert len(near) + len(far) == 100
    (real,) = in_units(paths(figure.svg, INK, "LineCollection_")[0][:1, 0], line)
    (label,) = (text for text in texts(figure.svg) if text.startswith("this programme"))
    (said,) = re.findall(r"This programme's schools changed by (\S+)\. ", figure.alt)
    assert numbers(label) == numbers(said) == pytest.approx([real], abs=TENTH)
    lie = re.findall(r"(\d+) dots? lies? that far", figure.alt) or ["0"]
    assert len(far) == int(lie[0])
    effect = first_effect(run, figure)
    assert real == pytest.approx(float(round_half_up(effect["estimate"], 1)), abs=1e-4)
    assert numbers(figure.caption)[-1] == effect["n_placebo"]
    saved = saved_table(run, figure, "04-estimate-effect", "made-up-programmes")
    middle = saved["value"].abs().sort_values().iloc[[49, 94]]
    assert numbers(figure.alt)[:3:2] == pytest.approx(middle, abs=TENTH)


def check_checks(figure: PaperFigure, run: Path) -> None:
    line = scale(figure.svg, "x")
    words = texts(figure.svg)
    shown = [bool(numbers(cell)) for cell in figure.column("Estimate")]  # others are held back
    estimates, spans = (
        [numbers(cell) for cell in compress(figure.column(name), shown)]
        for name in ("Estimate", "95% interval")
    )
    written = [at for at, text in enumerate(words) if re.fullmatch(r"[+\u2212]?\d+\.\d", text)]
    whole = [found[0] for found in estimates]
    kinds, every = list(compress(figure.column("Kind"), shown)), spans
    names = list(compress(figure.column("Check"), shown))
    rows = find_drawn([words[at - 1].removesuffix(" ...") for at in written], names)
    estimates, spans = [whole[n] for n in rows], [spans[n] for n in rows]
    more = re.findall(r"(\d+) more checks? in the table", " ".join(words)) or ["0"]
    assert len(rows) <= 20 and len(names) - len(rows) == int(more[0])
    drawn = [p[:, 0] for p in (*paths(figure.svg, BLUE), *paths(figure.svg, "#6f777b"))]
    for span, places in zip(spans, drawn, strict=True):
        assert in_units(places, line) == pytest.approx(span, abs=TENTH)
    assert [numbers(words[at])[0] for at in written] == estimates
    centres = [*marks(figure.svg, BLUE)[:, 0], *marks(figure.svg, "#6f777b")[:, 0]]
    assert in_units(np.array(centres), line) == pytest.approx(estimates, abs=TENTH)
    headline = figure.alt.partition(").")[0].partition("estimate is ")[2]
    assert numbers(headline) == [estimates[0], *spans[0]]
    check_kinds(figure, kinds, whole, every)
    left = [
        re.findall(r"(\d+) checks? could not be made", text)
        for text in (" ".join(words), figure.alt, figure.note)
    ]
    assert left[0] == left[1] == left[2]
    assert numbers(figure.caption) == []


def find_drawn(drawn: list[str], names: list[str]) -> list[int]:
    """Find which rows of a table the rows of its picture are, in the order of both."""
    rows: list[int] = []
    for name in drawn:
        after = rows[-1] + 1 if rows else 0
        rows.append(next(n for n in range(after, len(names)) if names[n].startswith(name)))
    return rows


def check_kinds(
    figure: PaperFigure, kinds: list[str], estimates: list[float], spans: list[list[float]]
) -> None:
    """Hold what the alt text says of each kind of check to the rows of the table."""
    for kind in dict.fromkeys(kinds[1:]):
        rows = [n for n, k in enumerate(kinds) if k == kind]
        found = [estimates[n] for n in rows]
        if kind == "All ways of asking the same question":
            (said,) = re.findall(r"gives (.*?)\); ", figure.alt)
            assert numbers(said) == [found[0], *spans[rows[0]]]
            continue
        (said,) = re.findall(rf"{re.escape(kind)}: (.*?\d)\.(?: |$)", figure.alt)
        ends = [found[0]] if len(rows) == 1 else [len(rows), min(found), max(found)]
        assert numbers(said) == ends


def check_balance(figure: PaperFigure, run: Path) -> None:
    edges = sorted(p[0, 0] for p in paths(figure.svg, "#6f777b"))
    slope, start = np.polyfit([edges[0], edges[-1]], [-0.25, 0.25], 1)
    labels = texts(figure.svg)
    sizes = {}
    for name, colour in (("Difference before", ORANGE), ("Difference after", BLUE)):
        shown = [numbers(cell)[0] for cell in figure.column(name)]
        drawn = in_units(marks(figure.svg, colour)[: len(shown), 0], (slope, start))
        assert drawn == pytest.approx(shown, abs=HUNDREDTH)
        sizes[name] = int((np.abs(drawn) > 0.25).sum())
    assert set(figure.column("What")) <= set(labels)
    counts = re.findall(r"for (\d+) things?|, (\d+) were over|matching, (\d+)\.", figure.alt)
    said = [int(next(n for n in found if n)) for found in counts]
    assert said == [len(figure.rows), sizes["Difference before"], sizes["Difference after"]]
    assert numbers(figure.caption) == []


def check_flow(figure: PaperFigure, run: Path) -> None:
    drawn = re.sub(r"\s+", " ", " ".join(texts(figure.svg)))
    (_, _, assessed, mine), *rules = (row for row in figure.rows if row[1])
    assert f"{assessed} schools in the register ({mine} of them the programme's)" in drawn
    assert f"{assessed} schools in the register ({mine} the programme's)" in figure.alt
    out, compared, before = 0.0, assessed, mine
    for rule, left_out, kept, members in rules:
        lost = int(numbers(before)[0] - numbers(members)[0])
        said = f"{left_out} {rule}" + (f" ({lost} the programme's)" if lost else "")
        assert said in drawn and said in figure.alt
        out, compared, before = out + numbers(left_out)[0], kept, members
    assert f"{out:,.0f} left out:" in drawn or not rules
    assert f"{compared} schools can be compared ({before} of them the programme's)" in drawn
    assert f"{compared} schools can be compared ({before} the programme's)" in figure.alt
    ends = [row for row in figure.rows if not row[1]]
    assert len(ends) == 2
    for words, _, schools, _ in ends:
        assert f"{schools} {words}" in drawn and f"{schools} {words}" in figure.alt
    assert numbers(figure.caption) == []


def check_schools(figure: PaperFigure, run: Path) -> None:
    shown = [numbers(cell)[0] for cell in figure.column("Difference") if numbers(cell)]
    assert in_units(marks(figure.svg, BLUE)[:, 0], scale(figure.svg, "x")) == pytest.approx(
        shown, abs=TENTH
    )
    words = texts(figure.svg)
    written = [numbers(text)[0] for text in words if re.fullmatch(r"[+\u2212]?\d+\.\d", text)]
    assert written == pytest.approx(shown, abs=TENTH)
    assert words.count("no result") == len(figure.rows) - len(shown)
    assert figure.alt.count("no result") == (len(figure.rows) > len(shown))
    assert numbers(figure.alt)[:4] == pytest.approx(
        [max(shown), min(shown), sum(n > 0 for n in shown), sum(n < 0 for n in shown)], abs=TENTH
    )
    for row in figure.rows:
        if all(map(numbers, row[1:5])):
            mine, theirs, correction, difference = (numbers(cell)[0] for cell in row[1:5])
            assert mine - theirs - correction == pytest.approx(difference, abs=4 * TENTH)
    assert figure.columns[3:5] == ("Correction", "Difference")
    assert ("the forecast of its result" in figure.caption) == (
        first_effect(run, figure)["release"] == "provisional"
    )


def check_cases(figure: PaperFigure, run: Path) -> None:
    own, comparison = small_lines(figure)
    for lines, cells in ((own, figure.column("The school")),
                         (comparison, figure.column("Its comparison schools"))):  # fmt: skip
        shown = [n for cell in cells for n in numbers(cell)]  # a year without results has none
        assert np.concatenate(lines) == pytest.approx(shown, abs=TENTH)
    assert figure.rows[-1][0].endswith(last_year(figure))
    ended = [
        all(map(numbers, row[1:3])) for row in figure.rows if row[0].endswith(last_year(figure))
    ]
    check_sides(figure, list(compress(own, ended)), list(compress(comparison, ended)), run)


def small_lines(figure: PaperFigure) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Read each school's own line and its comparison schools', in the units of their scale."""
    words = texts(figure.svg)
    count = int(numbers(figure.alt)[0])
    first = next(n for n, text in enumerate(words) if not NUMERIC.fullmatch(text))
    low, high = numbers(words[0])[0], numbers(words[first - 1])[0]
    grids = paths(figure.svg, PALE, "LineCollection_")
    rows = len(grids) // count
    lines = []
    for colour in (BLUE, ORANGE):
        drawn = paths(figure.svg, colour)[:count]
        lines.append([
            np.interp(-path[:, 1], [-grids[n * rows][0, 1], -grids[(n + 1) * rows - 1][0, 1]],
                      [low, high])
            for n, path in enumerate(drawn)
        ])  # fmt: skip
    return lines[0], lines[1]


NUMERIC = re.compile(r"[+\u2212]?[\d.,]+")


def last_year(figure: PaperFigure) -> str:
    return [text for text in texts(figure.svg) if re.fullmatch(r"\d{4}/\d\d", text)][-1]


def check_sides(
    figure: PaperFigure, own: list[np.ndarray], comparison: list[np.ndarray], run: Path
) -> None:
    """Hold the schools that the alt text counts above and below to the ends of their lines.

    Of the schools that have a result in the last year: another is neither above nor below in it.
    """
    apart = [mine[-1] - theirs[-1] for mine, theirs in zip(own, comparison, strict=True)]
    said = figure.alt.partition("In the last year ")[2].partition(".")[0]
    above, below = numbers(said)
    assert [above, below] == [sum(a > 1e-3 for a in apart), sum(a < -1e-3 for a in apart)]
    forecast = f"The dashed line for {last_year(figure)} is a forecast"
    assert (forecast in figure.caption) == (
        first_effect(run, figure)["release"] == "provisional"
    )  # fmt: skip


def check_series(figure: PaperFigure, run: Path) -> None:
    saved = saved_table(run, figure, "04-estimate-effect", "series-picture")
    line = scale(figure.svg, "y")
    for name, column, colour in (("The authority", "here", BLUE), ("England", "england", ORANGE)):
        shown = [numbers(cell)[0] for cell in figure.column(name)]
        assert shown == pytest.approx(saved[column], abs=TENTH)
        for drawn in (paths(figure.svg, colour)[0], marks(figure.svg, colour)[: len(shown)]):
            assert in_units(drawn[:, 1], line) == pytest.approx(shown, abs=TENTH)
    for year, cell in zip(figure.column("School year"), figure.column("England"), strict=True):
        assert re.search(rf"{year}: authority \S+, England {re.escape(cell)}", figure.alt)
    said = re.findall(r"middle half of authorities (\S+ to \S+)\.", figure.alt)
    assert said == figure.column("Middle half of authorities")


CHECKS: dict[str, Callable[[PaperFigure, Path], None]] = {
    "What was found for each programme": check_programmes,
    ", by year": check_two_lines,
    "The hundred dots stand for": check_dots,
    "The estimate under other choices": check_checks,
    "how similar the schools were": check_balance,
    "which schools could be compared": check_flow,
    "Each school's difference from": check_schools,
    "The case studies against": check_cases,
    "the whole authority and England": check_series,
}


def saved_table(run: Path, figure: PaperFigure, step: str, name: str) -> pd.DataFrame:
    return pd.read_csv(run / step / figure.programme / f"{name}.csv")


def first_effect(run: Path, figure: PaperFigure) -> pd.Series:
    return saved_table(run, figure, "04-estimate-effect", "effects").iloc[0]


@pytest.fixture(params=PAPERS, ids=" ".join)
def paper(request: pytest.FixtureRequest) -> tuple[Path, Path]:
    """A run and one of its papers."""
    run = request.getfixturevalue(request.param[0])
    return run, run / "07-board-report" / request.param[1]


def test_what_is_drawn_the_table_the_alt_text_and_the_caption_have_the_same_numbers(
    paper: tuple[Path, Path],
) -> None:
    run, page = paper
    kinds = []
    for figure in read_figures(page):
        (kind,) = (words for words in CHECKS if words in figure.caption)
        kinds.append(kind)
        CHECKS[kind](figure, run)
    held_back = {"Each school's difference from", "The case studies against"}
    hidden = run.name == "autumn-2018" and page.name == "report.html"
    assert set(kinds) == set(CHECKS) - (held_back if hidden else set())
    assert len(kinds) == (12 if hidden else 16)


def test_every_year_of_the_papers_is_a_school_year(paper: tuple[Path, Path]) -> None:
    _, page = paper
    said = [
        words
        for figure in read_figures(page)
        for words in (*texts(figure.svg), figure.alt, figure.caption)
    ]
    text = read_paper(page)
    tables = [found.group() for found in re.finditer(rf"<table.*?</table>{NOTE}", text, re.DOTALL)]
    said += [re.sub(r"<[^>]+>", " ", table) for table in tables]
    assert len(tables) > 30 and any("2016/17" in words for words in said)
    assert [BARE_YEAR.findall(CALENDAR.sub("", words)) for words in said] == [[]] * len(said)
