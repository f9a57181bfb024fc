"""Whatever is done to a published file, it gives a balanced account or one message; never less.

`CORPUS` names each kind of damage; Hypothesis chooses where and how much. `benchmarks/damage.py`
does the same to real files and counts the outcomes.
"""

import csv
import io
import random
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pepstats import measures
from pepstats.errors import SourceError
from pepstats.schools.source_check import check_sources
from pepstats.settings import SourceLine
from pepstats.sources import results
from pepstats.sources.files import find_source, read_text
from tests import published_files as files

Damage = Callable[[bytes, random.Random], bytes]
CORPUS: dict[str, Damage] = {}
IN_A_CELL = ("an unknown code", "a NUL", "a mark inside", "a million characters",
             "a stray quotation mark", "letters for a URN")  # fmt: skip


def damage(name: str) -> Callable[[Damage], Damage]:
    def keep(function: Damage) -> Damage:
        CORPUS[name] = function
        return function

    return keep


def cells_of(content: bytes) -> list[list[str]]:
    text = content.decode("utf-8-sig", "replace")
    mark = max(",;\t", key=text.partition("\n")[0].count)
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=mark))


def bytes_of(rows: list[list[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return b"\xef\xbb\xbf" + text.getvalue().encode()


def in_column(content: bytes, rng: random.Random, names: list[str], text: str) -> bytes:
    """Put a text into a random school's cell of a column that the file has."""
    rows = cells_of(content)
    there = [rows[0].index(name) for name in names if name in rows[0]]
    column = rng.choice(there or [len(rows[0]) - 1])
    chosen = [row for row in rows[1:] if len(row) > column and row[0] in ("1", "2")]
    if chosen:
        rng.choice(chosen)[column] = text
    return bytes_of(rows)


FIGURES = ["PTRWM_EXP", "PTREAD_EXP", "PTL2BASICS_94", "PNUMFSMEVER"]
COHORTS = ["TELIG", "TPUP", "NOR"]
damage("truncated")(lambda c, rng: c[: rng.randrange(len(c))])
damage("separated by semicolons")(lambda c, rng: c.replace(b",", b";"))
damage("separated by tabs")(lambda c, rng: c.replace(b",", b"\t"))
damage("UTF-16")(lambda c, rng: c.decode("utf-8", "replace").encode("utf-16"))
damage("Windows text")(lambda c, rng: c.decode("utf-8-sig").encode("cp1252", "replace"))
damage("a web page")(lambda c, rng: b"<!DOCTYPE html><html><body>Not found</body></html>")
damage("a zip")(lambda c, rng: b"PK\x03\x04" + c[:500])
damage("empty")(lambda c, rng: b"")
damage("only a mark")(lambda c, rng: b"\xef\xbb\xbf\r\n\r\n")
damage("the file twice")(lambda c, rng: c + b"\r\n" + c)
damage("the file twice, without its mark")(
    lambda c, rng: c + b"\r\n" + c.removeprefix(b"\xef\xbb\xbf")
)
damage("a percent of 400")(lambda c, rng: in_column(c, rng, FIGURES, "400%"))
damage("a negative cohort")(lambda c, rng: in_column(c, rng, COHORTS, "-12"))
damage("an unknown code")(lambda c, rng: in_column(c, rng, FIGURES, "WITHHELD"))
damage("letters for a URN")(lambda c, rng: in_column(c, rng, ["URN"], "URN"))
damage("a million characters")(lambda c, rng: in_column(c, rng, ["SCHNAME"], "A" * 1_000_000))
damage("a formula for a name")(lambda c, rng: in_column(c, rng, ["SCHNAME"], '=cmd|" /C calc"!A0'))


@damage("rows repeated")
def repeat_rows(content: bytes, rng: random.Random) -> bytes:
    rows = cells_of(content)
    return bytes_of(rows + rng.choices(rows[1:], k=5))


@damage("rows shuffled")
def shuffle_rows(content: bytes, rng: random.Random) -> bytes:
    head, *rows = cells_of(content)
    rng.shuffle(rows)
    return bytes_of([head, *rows])


@damage("columns shuffled")
def shuffle_columns(content: bytes, rng: random.Random) -> bytes:
    rows = cells_of(content)
    order = rng.sample(range(len(rows[0])), len(rows[0]))
    full = [row + [""] * (len(rows[0]) - len(row)) for row in rows]
    return bytes_of([[row[j] for j in order] for row in full])


@damage("a column missing")
def drop_column(content: bytes, rng: random.Random) -> bytes:
    rows = cells_of(content)
    gone = rng.randrange(len(rows[0]))
    return bytes_of([row[:gone] + row[gone + 1 :] for row in rows])


@damage("a column misspelt")
def misspell(content: bytes, rng: random.Random) -> bytes:
    rows = cells_of(content)
    j = rng.randrange(len(rows[0]))
    name = rows[0][j]
    k = rng.randrange(max(len(name), 1))
    rows[0][j] = name[:k] + "X" + name[k + 1 :]
    return bytes_of(rows)


@damage("a column named twice")
def name_twice(content: bytes, rng: random.Random) -> bytes:
    rows = cells_of(content)
    rows[0][rng.randrange(1, len(rows[0]))] = rows[0][0]
    return bytes_of(rows)


@damage("a cell lost from a row")
def lose_cell(content: bytes, rng: random.Random) -> bytes:
    rows = cells_of(content)
    del (row := rng.choice(rows[1:]))[rng.randrange(len(row))]
    return bytes_of(rows)


@damage("a cell too many in a row")
def extra_cell(content: bytes, rng: random.Random) -> bytes:
    rows = cells_of(content)
    rows[1].insert(rng.randrange(len(rows[1])), "1")
    return bytes_of(rows)


@damage("another England row")
def another_england(content: bytes, rng: random.Random) -> bytes:
    rows = cells_of(content)
    twin = [*rng.choice(rows[-2:])]
    twin[-1] = "77"
    return bytes_of([*rows, twin])


@damage("a NUL")
def put_nul(content: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(content.find(b"\n") + 1, len(content))
    return content[:at] + b"\0" + content[at:]


@damage("a mark inside")
def put_mark(content: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(content.find(b"\n") + 1, len(content))
    return content[:at] + b"\xef\xbb\xbf" + content[at:]


@damage("a stray quotation mark")
def put_quote(content: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(content.find(b"\n") + 1, len(content))
    return content[:at] + b'"' + content[at:]


@damage("bytes changed")
def change_bytes(content: bytes, rng: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(rng.randrange(1, 6)):
        changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


@damage("a piece cut out")
def cut_piece(content: bytes, rng: random.Random) -> bytes:
    start = rng.randrange(len(content))
    return content[:start] + content[start + rng.randrange(1, 400) :]


def outcome(folder: Path, content: bytes, kind: str = "ks2") -> str:
    """Read a damaged file; fail on anything but a balanced account or one message that names it."""
    (folder / "damaged.csv").write_bytes(content)
    try:
        source = find_source(SourceLine(kind=kind, file="damaged.csv"), folder)
        raw = read_text(source)
        one = results.clean_results(raw, source)
    except SourceError as error:
        assert str(error).startswith("damaged.csv")
        assert "\n" not in str(error)
        assert len(str(error)) < 1_500
        return "refused with one message"
    ledger = one.ledger
    written = [row for row in cells_of(content) if row] if b"\0" not in content else []
    assert ledger.rows_in == len(written) - 1
    assert ledger.rows_in == (
        ledger.rows_kept + sum(ledger.aggregates.values()) + sum(ledger.left_out.values())
    )
    assert ledger.cells_in == ledger.rows_in * len(written[0])
    assert (one.values.notna() ^ one.reasons.notna()).all(axis=None)
    return "read, and accounted for"


@pytest.mark.parametrize("name", CORPUS)
def test_damage_is_read_and_accounted_for_or_refused(tmp_path: Path, name: str) -> None:
    for seed in range(8):
        outcome(tmp_path, CORPUS[name](files.ks2_bytes(), random.Random(seed)))


@pytest.mark.parametrize("name", IN_A_CELL)
def test_damage_to_one_cell_is_refused_with_its_row_and_column(tmp_path: Path, name: str) -> None:
    content = CORPUS[name](files.ks2_bytes(), random.Random(1))
    with pytest.raises(SourceError, match=r"row \d+, column"):
        results.clean_results(*files.read(tmp_path, content))


@pytest.mark.parametrize("name", ["a percent of 400", "a negative cohort"])
def test_a_figure_that_cannot_be_is_left_out_and_its_place_is_said(
    tmp_path: Path, name: str
) -> None:
    one = files.results(tmp_path, CORPUS[name](files.ks2_bytes(), random.Random(1)))
    assert (one.reasons == measures.IMPOSSIBLE).to_numpy().sum() == 1
    assert one.ledger.reasons[measures.IMPOSSIBLE] == 1
    assert re.search(r"left out: row \d+ \(`(400%|-12)`\)", one.ledger.notes[0])


@pytest.mark.parametrize("name", ["rows shuffled", "columns shuffled", "Windows text"])
def test_what_loses_nothing_gives_the_same_results(tmp_path: Path, name: str) -> None:
    whole = [
        row + [""] * (len(files.KS2_COLUMNS) - len(row)) for row in cells_of(files.ks2_bytes())
    ]
    plain = bytes_of(whole)
    same = files.results(tmp_path, CORPUS[name](plain, random.Random(3)))
    assert same.values.equals(files.results(tmp_path, plain).values)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None,
          derandomize=True, max_examples=60)  # fmt: skip
@given(st.sampled_from(sorted(CORPUS)), st.sampled_from(sorted(CORPUS)), st.randoms())
def test_two_kinds_of_damage_at_once_are_still_one_message(
    tmp_path: Path, first: str, second: str, rng: random.Random
) -> None:
    once = CORPUS[first](files.ks2_bytes(), rng)
    try:
        twice = CORPUS[second](once, rng)
    except (ValueError, IndexError, csv.Error):
        twice = once  # nothing is left to damage further
    outcome(tmp_path, twice)


def test_a_check_of_every_damage_is_one_message_each(tmp_path: Path) -> None:
    for n, name in enumerate(sorted(CORPUS)):
        content = CORPUS[name](files.ks2_bytes(), random.Random(5))
        (tmp_path / f"{n}.csv").write_bytes(content)
    found = check_sources([SourceLine(file=f"{n}.csv") for n in range(len(CORPUS))], data=tmp_path)
    assert found.exit_code == 2
    assert all(bool(one.problem) != (one.ledger is not None) for one in found.files)


TABLES = {
    "links": "URN,LinkURN,LinkName,LinkType,LinkEstablishedDate\n"
    "900101,900301,A,Successor,2017-09-01\n"
    "900301,900101,A,Predecessor,01-09-2017\n900102,900303,B,Successor - merged,\n",
    "register": "URN,LA,ESTAB,LAESTAB,SCHNAME,ICLOSE,OPENDATE,NFTYPE,AGEL,AGEH,OTHERURN\n"
    "900101,551,2001,5512001,A,1,2016-09-01,Community school,4,11,\n"
    "900102,551,2002,5512002,B,2,,Academy - Converter mainstream,7,11,900303\n",
    "trusts": "URN,Linked UID,Group Name,Group Type,Joined date\n900101,1,A,Multi-academy trust,"
    "01-09-2005\n900102,2,B,School sponsor,\n",
    "ofsted": "URN,School name,Inspection date,Overall effectiveness\n900101,A,2016-01-02,2\n",
    "la_series": "Short Desc,Data item,Years,LA and Regions,Values,LA Number\nA,B,2016,C,4.5,551\n"
    "A,B,2017,C,-,551\n",
    "ks2": "time_period,geographic_level,school_urn,school_laestab,breakdown,subject,"
    "expected_standard_pupil_percent\n202425,School,900101,5512001,Total,Reading,61\n"
    "202425,School,900101,5512001,Disadvantaged,Reading,c\n202324,School,900102,5512002,Total,"
    "Maths,low\n",
    "absence": "time_period,time_identifier,geographic_level,school_urn,sess_overall_percent\n"
    "202425,Academic year,School,900101,5.49\n202425,Academic year,School,900102,z\n",
    "national": "year,measure,value,release\n2018,rwm_expected,65,final\n",
    "local_results": "urn,year,measure,group,value,cohort,release\n900101,2018,rwm_expected,"
    "sen_support,25%,8,provisional\n900102,2018,rwm_expected,sen_support,SUPP,3,provisional\n",
}


@pytest.mark.parametrize("kind", TABLES)
def test_a_damaged_table_is_accounted_for_or_refused(tmp_path: Path, kind: str) -> None:
    lines = []
    for n, name in enumerate(sorted(CORPUS)):
        for seed in range(3):
            content = CORPUS[name](TABLES[kind].encode(), random.Random(seed))
            (tmp_path / f"{n}-{seed}.csv").write_bytes(content)
            lines.append(SourceLine(file=f"{n}-{seed}.csv", kind=kind))
    (tmp_path / "whole.csv").write_text(TABLES[kind], "utf-8")
    found = check_sources([*lines, SourceLine(file="whole.csv")], data=tmp_path)
    assert all(bool(one.problem) != (one.ledger is not None) for one in found.files)
    assert not any("\n" in one.problem for one in found.files)
    assert not found.files[-1].problem


def damage_real_files(folder: Path, times: int) -> dict[str, Counter[str]]:
    """Do every damage to real files, some times each, and count the outcomes."""
    names = ["ks2/2016-2017_936_ks2final.csv", "ks2/2018-2019_936_ks2final.csv",
             "england/2018-2019_england_ks4provisional.csv"]  # fmt: skip
    counts: dict[str, Counter[str]] = {name: Counter() for name in CORPUS}
    for seed in range(times):
        file = names[seed % len(names)]
        content = (files.REAL / file).read_bytes()
        kind = "ks4" if "ks4" in file else "ks2"
        for name, function in CORPUS.items():
            rng = random.Random(seed * 1_000 + len(name))
            counts[name][outcome(folder, function(content, rng), kind)] += 1
    return counts


@pytest.mark.skipif(not files.REAL.is_dir(), reason="the real published files are not here")
def test_damaged_real_files_are_read_and_accounted_for_or_refused(tmp_path: Path) -> None:
    counts = damage_real_files(tmp_path, 1)
    assert sum(sum(each.values()) for each in counts.values()) == len(CORPUS)
