from __future__ import annotations

import io

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from pepstats.errors import DesignError
from pepstats.formatting import per_hundred
from pepstats.plots import (
    bars,
    check_rows,
    love_plot,
    pictures,
    placebo_dots,
    school_lines,
    style,
    to_png,
    two_lines,
)
from pepstats.plots.dots import choose_dots, draw_hundred_dots
from pepstats.plots.lines import (
    describe_small_lines,
    describe_two_lines,
    draw_small_lines,
    draw_two_lines,
)
from pepstats.plots.pictures import SchoolLines, name_schools, school_dots, shorten_names
from pepstats.plots.ranges import (
    describe_check_rows,
    describe_love_plot,
    draw_check_rows,
    draw_love_plot,
    height_of_balance,
    height_of_checks,
)

LINES = pd.DataFrame(
    {"year": [2016, 2017, 2018], "members": [45.0, 48.0, 57.9], "comparison": [45.0, 48.8, 52.2]}
)
CHECKS = pd.DataFrame(
    {
        "kind": ["headline", "comparison", "before"],
        "check": ["as fixed", "5 comparison schools each", "one year early"],
        "estimate": [2.1, 1.8, np.nan],
        "low": [-0.3, -0.9, np.nan],
        "high": [4.5, 4.4, np.nan],
    }
)
BALANCE = pd.DataFrame(
    {"label": ["results, 2016/17", "pupils"], "smd_before": [-0.9, 0.1], "smd_after": [0.02, -0.4]}
)
SCHOOLS = pd.DataFrame(
    {
        "label": ["School 1"] * 2 + ["School $2$"] * 2,
        "year": [2017, 2018] * 2,
        "own": [50.0, 60.0, 50.0, 40.0],
        "comparison": [50.0, 52.0, 50.0, 51.0],
    }
)
FLOW = pd.DataFrame(
    [("assessed", "schools in the register", 100, 6), ("left out", "authority not known", 7, 0),
     ("can be compared", "schools can be compared", 93, 6),
     ("programme", "of the programme's schools are compared", 6, 6),
     ("comparison", "comparison schools elsewhere", 40, 0)],
    columns=["role", "words", "schools", "members"],
)  # fmt: skip
RATINGS = pd.DataFrame({"rating": [1, 2, 3], "schools": [8, 17, 30]})


def made_up(seed: int = 1, spread: float = 2.0) -> pd.Series:
    return pd.Series(np.random.default_rng(seed).normal(0, spread, 5000))


def share_beyond(placebo: pd.Series, estimate: float) -> float:
    return (1 + (placebo.abs() >= abs(estimate)).sum()) / (1 + len(placebo))


@pytest.mark.parametrize("estimate", [-9.0, -3.3, -0.01, 0.0, 0.4, 2.0, 4.4, 30.0])
def test_as_many_dots_lie_beyond_as_the_words_say(estimate: float) -> None:
    placebo = made_up()
    p = share_beyond(placebo, estimate)
    dots = choose_dots(placebo, estimate=estimate, p_placebo=p)
    assert len(dots) == 100
    assert dots["beyond"].sum() == per_hundred(p)
    far, near = dots.loc[dots["beyond"], "at"].abs(), dots.loc[~dots["beyond"], "at"].abs()
    assert (far > abs(estimate)).all() or estimate == 0
    assert (near < abs(estimate)).all() or abs(estimate) < 0.02
    assert not dots.duplicated(["at", "height"]).any()


def draw_all() -> dict[str, Figure]:
    dots = choose_dots(made_up(), estimate=2.0, p_placebo=0.3)
    drawn = {}
    for name in ("two-lines", "dots", "checks", "love", "flow", "ratings"):
        drawn[name] = style.new_axes()
    draw_two_lines(LINES, drawn["two-lines"][1], starts=2018, unit="percentage of pupils")
    draw_hundred_dots(dots, drawn["dots"][1], estimate=2.0, unit="percentage points")
    draw_check_rows(CHECKS, drawn["checks"][1], unit="percentage points")
    draw_love_plot(BALANCE, drawn["love"][1])
    bars.draw_consort(FLOW, drawn["flow"][1])
    bars.draw_ratings(RATINGS, drawn["ratings"][1])
    small = style.new_figure(3)
    draw_small_lines(SCHOOLS, small, starts=2018)
    return {name: figure for name, (figure, _) in drawn.items()} | {"small": small}


def test_every_picture_is_the_same_bytes_each_time_and_has_no_date() -> None:
    with mpl.rc_context({"svg.hashsalt": None, "font.size": 30, "lines.linewidth": 9}):
        first = {name: (style.to_svg(f), style.to_png(f)) for name, f in draw_all().items()}
    second = {name: (style.to_svg(f), style.to_png(f)) for name, f in draw_all().items()}
    assert first == second
    for svg, png in first.values():
        assert b"<dc:date>" not in svg and b"Matplotlib" not in png


def test_drawing_changes_no_setting_and_sets_no_backend() -> None:
    import sys

    before, had_pyplot = dict(mpl.rcParams), "matplotlib.pyplot" in sys.modules
    draw_all()
    assert dict(mpl.rcParams) == before
    assert ("matplotlib.pyplot" in sys.modules) == had_pyplot


def test_the_alternative_text_is_computed_from_the_table() -> None:
    said = describe_two_lines(LINES, starts=2018, unit="percentage of pupils")
    assert "The programme's schools went from 45.0 in 2015/16 to 57.9 in 2017/18" in said
    moved = LINES.assign(members=[45.0, 48.0, 61.3])
    assert "61.3" in describe_two_lines(moved, starts=2018, unit="percentage of pupils")
    rows = describe_check_rows(CHECKS, unit="points")
    assert "The headline estimate is +2.1 (−0.3 to 4.5)" in rows
    assert "Other comparison schools: one row, +1.8. 1 check could not be made." in rows
    assert "Still over 0.25: pupils." in describe_love_plot(BALANCE)
    assert "1 stand above their comparison schools and 1 below" in describe_small_lines(
        SCHOOLS, unit="%"
    )
    assert "left out, 7 authority not known; 93 schools can be" in bars.describe_consort(FLOW)
    assert "8 schools priority 1" in bars.describe_ratings(RATINGS)


def test_nothing_is_told_by_colour_alone() -> None:
    figure, ax = style.new_axes()
    draw_two_lines(LINES, ax, starts=2018, unit="percentage of pupils")
    members, comparison = ax.lines[:2]
    assert members.get_marker() != comparison.get_marker()
    assert members.get_linestyle() != comparison.get_linestyle()
    words = [text.get_text() for text in ax.texts]
    assert "the programme's\nschools" in words and "comparison\nschools" in words


def test_the_series_use_the_analysis_function_palette() -> None:
    assert {style.BLUE, style.ORANGE} <= {"#12436D", "#28A197", "#801650", "#F46A25"}


def test_checks_that_could_not_be_made_are_counted_under_the_rows() -> None:
    figure, ax = style.new_axes(height_of_checks(CHECKS))
    draw_check_rows(CHECKS, ax, unit="points")
    words = [text.get_text() for text in ax.texts]
    assert "1 check could not be made" in words
    assert "one year early" not in words and "+1.8" in words


def test_rows_of_checks_never_lie_on_each_other_however_many_there_are() -> None:
    many = pd.concat([CHECKS.iloc[[0]], *[CHECKS.iloc[[1]]] * 30], ignore_index=True)
    figure, ax = style.new_axes(height_of_checks(many))
    draw_check_rows(many, ax, unit="points")
    figure.draw_without_rendering()
    boxes = [t.get_window_extent() for t in ax.texts if t.get_ha() == "left"]
    assert all(above.y0 > below.y1 for above, below in zip(boxes, boxes[1:], strict=False))


def test_a_flow_says_who_was_left_out_by_which_rule_and_who_is_compared() -> None:
    flow = pd.DataFrame(
        [("schools in the register", 0, 100, 6), ("authority not known", 7, 93, 6),
         ("no rwm_expected 2016: suppressed", 3, 90, 5)],
        columns=["step", "left_out", "kept", "members_kept"],
    )  # fmt: skip
    effect = pd.Series({"n_schools": 5, "n_comparison": 4, "mode": "matched"})
    picture = pictures.picture_flow(flow, effect, "A programme")
    rows = picture.table.set_index("role")
    assert rows.loc["left out", "schools"].tolist() == [7, 3]
    assert rows.loc["left out", "members"].tolist() == [0, 1]
    assert rows.loc["assessed", "schools"] == rows.loc["left out", "schools"].sum() + int(
        rows.loc["can be compared", "schools"]
    )
    assert rows.loc["programme", "schools"] == 5 and rows.loc["comparison", "schools"] == 4
    drawn = " ".join(text.get_text() for text in picture.figure.axes[0].texts)
    for words in ("100 schools in the register", "10 left out:", "7 authority not known"):
        assert words in drawn
    assert "rwm_expected" not in drawn and "3 no % reaching" in picture.alt
    # October never claims comparison schools that do not enter the number.
    october = pictures.picture_flow(flow, effect.replace("matched", "forecast"), "A programme")
    assert "comparison schools" not in october.alt and "forecast rests on" in october.alt


def test_a_long_name_never_covers_the_mark_above_it() -> None:
    long = BALANCE.assign(label=["results in reading, writing and maths " * 3] * 2)
    figure, ax = style.new_axes(height_of_balance(long))
    draw_love_plot(long, ax)
    figure.draw_without_rendering()
    marks = sorted(line.get_window_extent().y0 for line in ax.lines if len(line.get_xdata()) == 1
                   and line.get_marker() == "s")  # fmt: skip
    second = min(t.get_window_extent().y1 for t in ax.texts)
    assert second < marks[-1]


def test_no_name_beside_a_dot_is_cut_off_by_the_edge_of_the_picture() -> None:
    names = ["Fablemouth Station Road W", "WWWWWWWWWW WWWWWWWWWWWWWW", "Low"]
    drawn = SchoolLines("P", 2018, "rwm_expected")
    picture = school_dots(pd.Series([34.0, np.nan, -3.0], [1, 2, 3]), dict(enumerate(names, 1)),
                          drawn)  # fmt: skip
    shades = mpl.image.imread(io.BytesIO(to_png(picture.figure)), format="png")[..., :3]
    assert (shades[:, :2] == 1).all() and (shades[:, -2:] == 1).all()
    assert (shades < 0.5).any()


def test_two_schools_of_one_name_are_told_apart() -> None:
    named = name_schools([3, 1, 2], {1: "St Mary's", 2: "Hill", 3: "St Mary's"})
    assert named == {3: "St Mary's (3)", 1: "St Mary's (1)", 2: "Hill"}
    assert list(named) == [3, 1, 2]


def test_names_in_a_picture_leave_out_the_kind_of_school_where_they_stay_apart() -> None:
    short = shorten_names({
        1: "Nevershaw Heath Primary School", 2: "Fablemouth Holt Junior Academy",
        3: "St Figment's CofE Primary School, Quasiden", 4: "Hill Infant School",
        5: "Hill Junior School", 6: "Primary School",
    })  # fmt: skip
    assert list(short.values()) == [
        "Nevershaw Heath", "Fablemouth Holt", "St Figment's, Quasiden", "Hill Infant School",
        "Hill Junior School", "Primary School",
    ]  # fmt: skip


def test_with_many_schools_the_words_of_their_scales_do_not_stand_on_each_other() -> None:
    labels = {school: f"A school with a rather long name {school}" for school in range(32)}
    lines = pd.DataFrame(
        [(s, y, 20.0 + s * 2 + y % 3, 50.0) for s in labels for y in (2016, 2017, 2018)],
        columns=["school", "year", "own", "comparison"],
    )
    drawn = {"starts": 2018, "unit": "points", "caption": "Each school"}
    figure = school_lines(lines, labels, **drawn).figure
    left = min(text.xy[0] for text in figure.axes[0].texts)
    heights = np.sort([text.xy[1] for text in figure.axes[0].texts if text.xy[0] == left])
    assert len(heights) >= 2 * 11  # at least the two ends of each row's scale
    assert np.diff(heights).min() > 0.14  # inches


def test_each_public_plot_is_a_figure_a_table_its_words_and_a_caption() -> None:
    effect = pd.Series({"estimate": 2.0, "unit": "points", "p_placebo": 0.3, "n_placebo": 5000,
                        "outcome": "rwm_expected.disadvantaged"})  # fmt: skip
    balance = BALANCE.assign(variable=["rwm_expected 2017", "cohort 2017"]).set_index("variable")
    lines = pd.DataFrame({"school": [1, 1], "year": [2017, 2018], "own": [50.0, 60.0],
                          "comparison": [50.0, 52.0]})  # fmt: skip
    drawn = [
        two_lines(LINES, "rwm_expected", title="A programme", starts=2018),
        placebo_dots(made_up(), effect, "A programme"),
        check_rows(
            CHECKS.assign(note="", detail="", outcome="rwm_expected"), "A programme", unit="points"
        ),
        love_plot(balance.drop(columns="label"), "A programme"),
        school_lines(lines, {1: "Hill"}, starts=2018, unit="points", caption="A programme"),
    ]
    for picture in drawn:
        assert picture.figure.axes and len(picture.table) and picture.alt
        assert picture.caption.startswith("A programme")
    assert [one.caption.count("pupils") for one in drawn[:3]] == [1, 1, 1]


def test_two_lines_of_several_outcomes_are_those_of_the_one_that_is_asked_for() -> None:
    other = LINES.assign(outcome="reading_progress", members=-1.0, comparison=0.5)
    both = pd.concat([LINES.assign(outcome="rwm_expected"), other])
    drawn = two_lines(both, "rwm_expected", title="A programme", starts=2018)
    assert drawn.alt == two_lines(LINES, "rwm_expected", title="A programme", starts=2018).alt
    assert len(drawn.table) == len(LINES)
    with pytest.raises(DesignError, match="no line of `maths_progress`"):
        two_lines(both, "maths_progress", title="A programme", starts=2018)
