"""Two copies of a file compared as what they are: what differs is found, named and measured."""

import base64
import io
import json
import zipfile

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.image import imsave

from pepstats.runs.compare import compare_file
from pepstats.runs.files import Output
from pepstats.runs.manifest import CLOSE, DIFFERS, SAME, Finding

RULE = Output(sha256="0" * 64, bytes=0, key=("school", "year"), numbers=("gap",))
TABLE = pd.DataFrame(
    {
        "school": [906238, 906238, 906270, 906271],
        "year": [2017, 2018, 2018, 2018],
        "gap": [1.25, -0.5, 1e-16, 12.75],
        "verdict": ["gained", "lost ground", "", "NA"],
    }
)


def as_csv(table: pd.DataFrame) -> bytes:
    return table.to_csv(index=False, lineterminator="\n").encode("utf-8")


def compared(made: bytes, again: bytes, name: str = "gaps.csv") -> list[Finding]:
    return compare_file(name, made, again, RULE)


def changed(**cells: object) -> pd.DataFrame:
    table = TABLE.astype(object)
    for column, value in cells.items():
        table.loc[2, column] = value
    return table


def test_the_same_bytes_are_the_same_whatever_they_are() -> None:
    junk = b"\x00not what it says"
    for name in ("a.csv", "a.png", "a.docx", "a.ipynb"):
        assert [f.verdict for f in compared(junk, junk, name)] == [SAME]


def test_a_changed_number_is_named_by_its_row_and_measured() -> None:
    (found,) = compared(as_csv(changed(gap=0.5)), as_csv(TABLE))
    assert (found.column, found.verdict, found.rows) == ("gap", DIFFERS, 1)
    assert found.largest == pytest.approx(0.5)
    assert found.note == "school 906270, year 2018: 0.5, made again 1e-16"


def test_last_digits_are_within_the_rule_for_numbers_and_for_nothing_else() -> None:
    near = TABLE.assign(gap=TABLE["gap"] * (1 + 1e-12))
    (found,) = compared(as_csv(near), as_csv(TABLE))
    assert (found.column, found.verdict, found.rows) == ("gap", CLOSE, 4)
    exact = RULE.model_copy(update={"numbers": ()})
    (found,) = compare_file("gaps.csv", as_csv(near), as_csv(TABLE), exact)
    assert found.verdict == DIFFERS


def test_what_is_nought_but_for_rounding_is_nought() -> None:
    (found,) = compared(as_csv(changed(gap=-3e-16)), as_csv(TABLE))
    assert found.verdict == CLOSE
    (found,) = compared(as_csv(changed(gap=1e-9)), as_csv(TABLE))
    assert found.verdict == DIFFERS


@pytest.mark.parametrize("value", ["", "NA", "nan", "inf", "twelve"])
def test_a_number_that_is_gone_is_never_close(value: str) -> None:
    (found,) = compared(as_csv(changed(gap=value)), as_csv(TABLE))
    assert (found.column, found.verdict) == ("gap", DIFFERS)


def test_rows_missing_added_moved_and_repeated_are_told_apart() -> None:
    assert compared(as_csv(TABLE.drop(2)), as_csv(TABLE)) == [
        Finding("gaps.csv", "(rows)", DIFFERS, "missing: school 906270, year 2018", 1)
    ]
    (found,) = compared(as_csv(TABLE), as_csv(TABLE.drop(2)))
    assert found.note.startswith("not in the one made again: school 906270")
    (found,) = compared(as_csv(TABLE.iloc[[0, 1, 3, 2]]), as_csv(TABLE))
    assert found.note.startswith("in another order") and found.rows == 2
    (found,) = compared(as_csv(TABLE.iloc[[0, 1, 1, 2, 3]]), as_csv(TABLE))
    assert "(again 1)" in found.note and found.rows == 1


def test_columns_missing_added_and_moved_are_named() -> None:
    (found,) = compared(as_csv(TABLE.drop(columns="verdict")), as_csv(TABLE))
    assert (found.column, found.note) == ("verdict", "column not in the file")
    (found,) = compared(as_csv(TABLE.assign(more=1)), as_csv(TABLE))
    assert (found.column, found.note) == ("more", "column not in the one made again")
    found_all = compared(as_csv(TABLE[["year", "school", "gap", "verdict"]]), as_csv(TABLE))
    assert [f.column for f in found_all] == ["(columns)"]


def test_a_table_without_a_key_is_compared_line_by_line() -> None:
    rule = RULE.model_copy(update={"key": ()})
    (found,) = compare_file(
        "dots.csv", as_csv(changed(gap=9)), as_csv(TABLE), rule
    )  # fmt: skip
    assert found.note.startswith("line 4: 9")


def test_other_line_ends_and_quotes_are_other_bytes() -> None:
    for other in (as_csv(TABLE).replace(b"\n", b"\r\n"), as_csv(TABLE).replace(b"NA", b'"NA"')):
        (found,) = compared(other, as_csv(TABLE))
        assert (found.verdict, found.note) == (DIFFERS, "the same words and numbers in other bytes")


@pytest.mark.parametrize(
    "broken", [b"", b"school,year\n1\n", b"a,a\n1,2\n", b"\xff\xfe", b'school\n"1\n']
)
def test_a_table_that_is_none_differs_and_breaks_nothing(broken: bytes) -> None:
    found = compared(broken, as_csv(TABLE))
    assert found and all(f.verdict == DIFFERS and f.file == "gaps.csv" for f in found)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(
    row=st.integers(0, 3),
    column=st.sampled_from(list(TABLE.columns)),
    text=st.text(st.characters(codec="ascii", exclude_characters="\r"), max_size=6),
)
def test_any_one_cell_that_is_another_is_found(row: int, column: str, text: str) -> None:
    table = TABLE.astype("str")
    table.loc[row, column] = text
    made, again = as_csv(table), as_csv(TABLE)
    found = compared(made, again)
    if made == again:
        assert [f.verdict for f in found] == [SAME]
    else:
        assert {f.file for f in found} == {"gaps.csv"} and found[0].verdict in {DIFFERS, CLOSE}
        if found[0].verdict == CLOSE:
            gap = TABLE.loc[row, "gap"]
            assert abs(float(text) - gap) <= max(1e-9 * abs(gap), 1e-12 * TABLE["gap"].max())


def test_entries_are_compared_by_name() -> None:
    made = {"rwm.estimate": 4.5, "rwm.n": 18, "gone": 1}
    again = {"rwm.estimate": 4.25, "rwm.n": 18, "new": [1, 2]}
    found = compared(json.dumps(made).encode(), json.dumps(again).encode(), "numbers.json")
    assert {f.column for f in found} >= {"rwm.estimate", "gone", "new.0"}
    assert next(f for f in found if f.column == "rwm.estimate").largest == 0.25
    close = {**made, "rwm.estimate": 4.5 + 1e-12}
    (near,) = compared(json.dumps(close).encode(), json.dumps(made).encode(), "numbers.json")
    assert near.verdict == CLOSE


PAGE = '<html><main><p>It <b>gained</b> {n} points.</p><img alt="{alt}" src="{src}"></main></html>'
ONE, OTHER = "data:image/png;base64,iVBORw0KGgo=", "data:image/png;base64,iVBORw0KGgoA"


def page(n: float = 4.5, alt: str = "Two lines", src: str = ONE) -> bytes:
    return PAGE.format(n=n, alt=alt, src=src).encode("utf-8")


def test_a_page_is_compared_by_its_words_then_by_all_else_and_its_pictures() -> None:
    (found,) = compared(page(4.6), page(), "report.html")
    assert found.column == "(words)" and "4.6 points" in found.note and "4.5 points" in found.note
    assert compared(page(alt="One line"), page(), "report.html")[0].column == "(words)"
    styled = page().replace(b"<b>", b"<i>").replace(b"</b>", b"</i>")
    (found,) = compared(styled, page(), "report.html")
    assert (found.column, found.note) == ("(looks)", "the same words, laid out in another way")
    (found,) = compared(page(src=OTHER), page(), "report.html")
    assert (found.column, found.verdict) == ("picture 1.png", DIFFERS)


def png(shade: float, note: str = "") -> bytes:
    stream = io.BytesIO()
    pixels = np.full((4, 4, 3), 0.5)
    pixels[1, 1] = shade
    imsave(stream, pixels, metadata={"Comment": note} if note else None)
    return stream.getvalue()


def test_a_picture_is_compared_as_it_is_drawn_and_no_more_may_be_in_it() -> None:
    assert compared(png(0.500), png(0.502), "gap.png")[0].verdict == CLOSE
    (found,) = compared(png(0.9), png(0.5), "gap.png")
    assert found.verdict == DIFFERS and "shades of 255" in found.note
    assert compared(png(0.5, "a word"), png(0.5), "gap.png")[0].verdict == DIFFERS
    assert compared(b"one", b"two", "gap.png")[0].verdict == DIFFERS


def drawn(y: float, more: str = "") -> bytes:
    return f'<svg><path d="M 10.000001 {y} L 20.5 30.25"/>{more}</svg>'.encode()


def test_a_drawing_is_compared_number_by_number() -> None:
    assert compared(drawn(7.123456), drawn(7.123457), "gap.svg")[0].verdict == CLOSE
    (found,) = compared(drawn(7.4), drawn(7.1), "gap.svg")
    assert found.verdict == DIFFERS and "0.3 points" in found.note
    assert compared(drawn(7.1, "<text>more</text>"), drawn(7.1), "gap.svg")[0].verdict == DIFFERS


def notebook(text: str = "gap  4.5", source: str = "effects", **metadata: object) -> bytes:
    shown = {"text/plain": [text], "text/html": [f"<b>{text}</b>"], "image/png": "iVBORw0KGgo="}
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": ["# Effects"]},
        {"cell_type": "code", "metadata": metadata, "source": [source], "execution_count": 1,
         "outputs": [{"output_type": "execute_result", "data": shown, "metadata": {}}]},
    ]  # fmt: skip
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4}).encode("utf-8")


@pytest.mark.parametrize(
    ("other", "says"),
    [
        (notebook("gap  4.6"), "4.6"),
        (notebook(source="effects "), "spaced in another way"),
        (notebook(tags=["x"]), "tags x"),
    ],
)
def test_a_notebook_is_compared_by_its_cells_outputs_and_settings(other: bytes, says: str) -> None:
    (found,) = compared(other, notebook(), "04-estimate-effect.ipynb")
    assert (found.column, found.verdict) == ("(words)", DIFFERS) and says in found.note


def test_a_picture_in_a_notebook_is_compared_as_it_is_drawn() -> None:
    """Once the pictures of an executed copy were not looked at."""
    near, far = (compared(shown(y), shown(7.1), "04.ipynb") for y in (7.1000001, 9.1))
    assert [one.verdict for one in near] == [CLOSE, CLOSE]
    assert {one.verdict for one in far} == {DIFFERS} and len(far) == 2
    painted = compared(shown(7.1, png(0.9)), shown(7.1, png(0.5)), "04.ipynb")
    assert [one.verdict for one in painted] == [DIFFERS]
    assert painted[0].column.endswith("image/png.png")


def shown(y: float, painted: bytes = b"") -> bytes:
    """A notebook as a run writes it, a drawing in it by itself and in a page."""
    inside = base64.b64encode(drawn(y)).decode()
    data = {
        "image/svg+xml": [drawn(y).decode()], "image/png": base64.b64encode(painted).decode(),
        "text/html": [f'<img src="data:image/svg+xml;base64,{inside}">'],
    }  # fmt: skip
    return written({"cells": [{"outputs": [{"data": data}]}]})


def written(notebook: object) -> bytes:
    text = json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True)
    return f"{text}\n".encode()


def test_what_a_notebook_holds_unseen_is_found() -> None:
    """An empty key, a key that stands twice, or other spaces in the file tell of another hand."""
    whole = written({"cells": [], "metadata": {"kernelspec": {}}})
    more = written({"cells": [], "metadata": {"kernelspec": {"hidden": {}}}})
    twice = whole.replace(b'"cells": []', b'"cells": [1],\n "cells": []')
    for other in (more, twice, whole.replace(b"\n ", b"\n  ")):
        found = compared(other, whole, "04.ipynb")
        assert {one.verdict for one in found} == {DIFFERS}


@pytest.mark.parametrize("name", ["report.docx", "report.html", "gap.png", "gap.svg"])
def test_bytes_before_behind_or_between_are_no_part_of_a_file(name: str) -> None:
    """What no reader shows was once *the same but for the last digits of its pictures*."""
    whole = {"report.docx": packed(), "report.html": page(), "gap.png": png(0.5),
             "gap.svg": drawn(7.1)}[name]  # fmt: skip
    idat = b"\x00\x00\x00\x04IDATmorexxxx"
    for other in (whole + idat, whole + b" ", idat + whole):
        found = compared(other, whole, name)
        assert {one.verdict for one in found} == {DIFFERS}, other[:20]
    hidden = page(src=f"{ONE}iVBORw0KGgo=")
    assert {one.verdict for one in compared(hidden, page(), "report.html")} == {DIFFERS}


def test_a_scale_or_a_shade_in_a_drawing_may_not_move_as_a_place_may() -> None:
    scaled = b'<svg><g transform="scale(0.1)" opacity="0.95"><path d="M 10.5 200.25"/></g></svg>'
    for old, new in ((b"0.1)", b"0.14)"), (b"0.95", b"0.91")):
        assert compared(scaled.replace(old, new), scaled, "gap.svg")[0].verdict == DIFFERS
    moved = scaled.replace(b"200.25", b"200.26")
    assert compared(moved, scaled, "gap.svg")[0].verdict == CLOSE


@pytest.mark.parametrize("name", ["gaps.csv", "numbers.json"])
def test_only_one_in_the_last_digit_that_is_written_is_within_the_rule(name: str) -> None:
    """Up to nine were, so that a changed tenth digit passed."""
    text = b"school,year,gap\n1,2018,{}\n" if name == "gaps.csv" else b'{"gap": {}}'
    for digits, verdict in ((b"9.123456788", CLOSE), (b"9.123456785", DIFFERS),
                            (b"9.123456789 ", DIFFERS)):  # fmt: skip
        made, again = (text.replace(b"{}", one) for one in (digits, b"9.123456789"))
        assert {one.verdict for one in compared(made, again, name)} == {verdict}, digits
    near = text.replace(b"{}", b"9.123456788").replace(b"2018", b'"2018"') + b"\n"
    if name == "gaps.csv":
        assert DIFFERS in {one.verdict for one in compared(near, made.replace(b" ", b""), name)}


def packed(words: str = "gained 4.5 points", picture: bytes = b"one", **times: int) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        for name, inside in (
            ("word/document.xml", f"<w:t>{words}</w:t>".encode()),
            ("word/media/image1.png", picture),
        ):
            file.writestr(zipfile.ZipInfo(name, (times.get("year", 2018), 1, 1, 0, 0, 0)), inside)
    return content.getvalue()


def test_a_word_file_is_compared_by_its_words_and_its_pictures() -> None:
    (found,) = compared(packed("gained 4.6 points"), packed(), "report.docx")
    assert found.column == "(words)" and "4.6" in found.note
    (found,) = compared(packed(picture=png(0.9)), packed(picture=png(0.5)), "report.docx")
    assert (found.verdict, found.column) == (DIFFERS, "word/media/image1.png")
    (found,) = compared(packed(year=2020), packed(), "report.docx")
    assert (found.verdict, found.column) == (DIFFERS, "(packing)")
    (found,) = compared(b"not a zip", packed(), "report.docx")
    assert found.verdict == DIFFERS and "cannot be read" in found.note


@pytest.mark.parametrize(
    ("part", "reason"),
    [
        (b"<w>gained</w", "its XML is broken"),
        (b'<!DOCTYPE w [<!ENTITY a "gained">]><w>&a;</w>', "its XML declares an entity"),
    ],
)
def test_a_part_of_a_word_file_that_is_no_plain_xml_differs_and_breaks_nothing(
    part: bytes, reason: str
) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        file.writestr(zipfile.ZipInfo("word/document.xml", (2018, 1, 1, 0, 0, 0)), part)
    (found,) = compared(content.getvalue(), packed(), "report.docx")
    assert found.verdict == DIFFERS and reason in found.note
