"""Small files in the Department's layouts, all invented, for tests to read, damage and compare."""

import csv
import io
import re
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from pepstats.settings import SourceLine
from pepstats.sources import files
from pepstats.sources.cells import Cells
from pepstats.sources.files import Source
from pepstats.sources.results import Results, clean_results

REAL = Path(__file__).resolve().parents[2] / "shared" / "real"

KS2_COLUMNS = [
    "RECTYPE", "ALPHAIND", "LEA", "ESTAB", "URN", "SCHNAME", "TOWN", "URN_AC", "SCHNAME_AC",
    "OPEN_AC", "NFTYPE", "ICLOSE", "AGERANGE", "TOTPUPS", "TELIG", "BELIG", "GELIG", "TKS1AVERAGE",
    "TFSM6CLA1A", "PTFSM6CLA1A", "TNotFSM6CLA1A", "PTNotFSM6CLA1A", "PTRWM_EXP", "PTRWM_HIGH",
    "READPROG", "READPROG_LOWER", "READPROG_UPPER", "READCOV", "PTRWM_EXP_FSM6CLA1A",
    "PTRWM_EXP_NotFSM6CLA1A", "DIFFN_RWM_EXP", "PTRWM_EXP_17", "TELIG_17", "READPROG_DESCR",
]  # fmt: skip
LA = 551  # no real authority has this code


def school(
    urn: int, n: int = 40, disadvantaged: int = 10, met: int = 24, **given: str
) -> dict[str, str]:
    """Give one invented mainstream school's row, consistent in itself."""
    met_disadvantaged = round(met * disadvantaged / n)
    others = n - disadvantaged
    both = disadvantaged >= 6 and others >= 6
    shares = {
        "PTRWM_EXP_FSM6CLA1A": f"{round(100 * met_disadvantaged / disadvantaged)}%",
        "PTRWM_EXP_NotFSM6CLA1A": f"{round(100 * (met - met_disadvantaged) / others)}%",
    }
    groups = shares if both else dict.fromkeys(shares, "SUPP")
    row = {
        "RECTYPE": "1", "ALPHAIND": str(urn % 1000), "LEA": str(LA),
        "ESTAB": str(2000 + urn % 1000),
        "URN": str(urn), "SCHNAME": f"Invented School {urn % 1000}", "TOWN": "Fablemouth",
        "URN_AC": "0", "NFTYPE": "CY", "ICLOSE": "0", "AGERANGE": "4-11", "TOTPUPS": str(7 * n),
        "TELIG": str(n), "BELIG": str(n // 2), "GELIG": str(n - n // 2), "TKS1AVERAGE": "16.1",
        "TFSM6CLA1A": str(disadvantaged), "PTFSM6CLA1A": f"{round(100 * disadvantaged / n)}%",
        "TNotFSM6CLA1A": str(others), "PTNotFSM6CLA1A": f"{round(100 * others / n)}%",
        "PTRWM_EXP": f"{round(100 * met / n)}%", "PTRWM_HIGH": "10%", "READPROG": "0.5",
        "READPROG_LOWER": "-1", "READPROG_UPPER": "2.0", "READCOV": "100%",
        **groups,
        "DIFFN_RWM_EXP": "-5", "PTRWM_EXP_17": "55%", "TELIG_17": str(n), "READPROG_DESCR": "3",
    }  # fmt: skip
    return {**row, **given}


def few_pupils(urn: int) -> dict[str, str]:
    """Give a school of four pupils, whose results are suppressed."""
    row = school(urn, 4, 1, 2)
    hidden = [c for c in KS2_COLUMNS if c.startswith(("PTRWM", "READ")) and not c.endswith("_17")]
    return {**row, **dict.fromkeys(hidden, "SUPP")}


def cut_off(urn: int) -> dict[str, str]:
    """Give a school without pupils of that age: its row stops at the roll."""
    row = school(urn, TOTPUPS="NEW")
    return {name: row[name] for name in KS2_COLUMNS[: KS2_COLUMNS.index("TELIG")] if name in row}


def total(rows: list[dict[str, str]], record: str) -> dict[str, str]:
    """Give the authority's or England's row: the schools added up, blanks as single spaces."""
    counted = [row for row in rows if row.get("PTRWM_EXP", "").endswith("%")]
    pupils = {
        c: sum(int(r[c]) for r in rows if r.get(c))
        for c in ("TELIG", "TFSM6CLA1A", "TNotFSM6CLA1A")
    }
    met = sum(round(int(r["TELIG"]) * int(r["PTRWM_EXP"][:-1]) / 100) for r in counted)
    n = sum(int(r["TELIG"]) for r in counted)
    blank = dict.fromkeys(KS2_COLUMNS, " ")
    return {**blank, "RECTYPE": record, "PTRWM_EXP": f"{round(100 * met / n)}%",
            **{c: str(v) for c, v in pupils.items()}}  # fmt: skip


def ks2_rows() -> list[dict[str, str]]:
    """Give eight invented schools of one authority, and the totals that its file ends with."""
    rows = [
        school(900101), school(900102, 60, 20, 36), school(900103, 30, 3, 21),
        school(900104, 15, 7, 9, **dict.fromkeys(KS2_COLUMNS[24:27], "LOWCOV")),
        few_pupils(900105), cut_off(900106), school(900107, 90, 30, 50, NFTYPE="ACC"),
        school(900108, 10, 2, 1, RECTYPE="2", NFTYPE="CYS"),
    ]  # fmt: skip
    return [*rows, *(total(rows, record) for record in "345")]


def write_csv(
    rows: Iterable[dict[str, str]], columns: list[str] | None = None, *, bom: bool = True
) -> bytes:
    """Write rows as the Department does: byte-order mark, CRLF, trailing missing cells dropped."""
    columns = columns or KS2_COLUMNS
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\r\n")
    out.writerow(columns)
    for row in rows:
        last = max(columns.index(name) for name in row if name in columns) + 1
        out.writerow([row.get(name, "") for name in columns[:last]])
    return (b"\xef\xbb\xbf" if bom else b"") + text.getvalue().encode()


def ks2_bytes() -> bytes:
    """Give the invented authority's file."""
    return write_csv(ks2_rows())


def read(
    folder: Path, content: bytes, *, kind: str = "ks2", year: int | None = 2018,
    release: str = "final", name: str = "file.csv",
) -> tuple[Cells, Source]:  # fmt: skip
    """Put bytes in a folder and read them as a source of a kind."""
    (folder / name).write_bytes(content)
    line = SourceLine(kind=kind, file=name, year=year, release=release)
    source = files.find_source(line, folder)
    return files.read_text(source), source


def results(folder: Path, content: bytes | None = None, **given: Any) -> Results:
    """Put a results file in a folder and clean it."""
    return clean_results(*read(folder, ks2_bytes() if content is None else content, **given))


def read_real(kind: str, name: str, year: int | None = None) -> tuple[Cells, Source]:
    """Read a real published file, where the folder of real files is there."""
    line = SourceLine(kind=kind, file=name, year=year, release="final")
    source = files.find_source(line, REAL)
    return files.read_text(source), source


def write_workbook(
    rows: Iterable[Iterable[Any]],
    shown: dict[tuple[int, int], str] | None = None,
    others: Iterable[tuple[str, str, Iterable[Iterable[Any]]]] = (),
) -> bytes:
    """Write rows as a spreadsheet saves them: numbers as numbers, `shown` as a format or an error.

    `shown` names, by row and column from 0, a number format (`0%`) or an error (`#REF!`); `others`
    are further sheets before the table: name, state (`visible`, `hidden`) and rows.
    """
    shown = shown or {}
    formats = sorted({how for how in shown.values() if not how.startswith("#")})
    ooxml = "http://schemas.openxmlformats.org"
    main, office = f"{ooxml}/spreadsheetml/2006/main", f"{ooxml}/officeDocument/2006/relationships"
    package = f'xmlns="{ooxml}/package/2006/relationships"'
    sheets = [*others, ("table", "visible", rows)]

    def cell(i: int, j: int, value: Any, how: str) -> str:
        place = f"{chr(65 + j) if j < 26 else 'A' + chr(39 + j)}{i + 1}"
        style = f' s="{formats.index(how) + 1}"' if how in formats else ""
        if how.startswith("#"):
            return f'<c r="{place}" t="e"><v>{how}</v></c>'
        if isinstance(value, int | float):
            return f'<c r="{place}"{style}><v>{value!r}</v></c>'
        return f'<c r="{place}" t="inlineStr"><is><t>{escape(str(value))}</t></is></c>'

    def sheet(table: Iterable[Iterable[Any]], own: dict[tuple[int, int], str]) -> str:
        laid = "".join(
            f'<row r="{i + 1}">'
            + "".join(
                cell(i, j, v, own.get((i, j), "")) for j, v in enumerate(row) if v not in (None, "")
            )
            + "</row>"
            for i, row in enumerate(table)
        )
        return f'<worksheet xmlns="{main}"><sheetData>{laid}</sheetData></worksheet>'

    listed = "".join(
        f'<sheet name="{name}" sheetId="{n}" state="{state}" r:id="r{n}"/>'
        for n, (name, state, _) in enumerate(sheets, 1)
    )
    related = "".join(
        f'<Relationship Id="r{n}" Type="{office}/worksheet" Target="worksheets/s{n}.xml"/>'
        for n in range(1, len(sheets) + 1)
    )
    own = "".join(
        f'<numFmt numFmtId="{164 + n}" formatCode={quoteattr(one)}/>'
        for n, one in enumerate(formats)
    )
    styled = "".join(f'<xf numFmtId="{164 + n}"/>' for n in range(len(formats)))
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{ooxml}/package/2006/content-types">'
        '<Default Extension="xml" ContentType="application/xml"/></Types>',
        "_rels/.rels": f'<Relationships {package}><Relationship Id="r1" '
        f'Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets>{listed}'
        "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f"<Relationships {package}>{related}"
        f'<Relationship Id="s" Type="{office}/styles" Target="styles.xml"/></Relationships>',
        "xl/styles.xml": f'<styleSheet xmlns="{main}"><numFmts>{own}</numFmts>'
        f'<cellXfs><xf numFmtId="0"/>{styled}</cellXfs></styleSheet>',
        **{
            f"xl/worksheets/s{n}.xml": sheet(table, shown if n == len(sheets) else {})
            for n, (_, _, table) in enumerate(sheets, 1)
        },
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, text in parts.items():
            packed.writestr(name, f'<?xml version="1.0"?>{text}')
    return out.getvalue()


def as_saved(content: bytes) -> bytes:
    """Save a CSV as a spreadsheet does: `71%` as the number 0.71 with its format, numbers bare."""
    rows, shown = list(csv.reader(io.StringIO(content.decode("utf-8-sig")))), {}
    laid: list[list[Any]] = []
    for i, row in enumerate(rows):
        laid.append([])
        for j, text in enumerate(row):
            number = re.fullmatch(r"-?\d+(\.\d+)?(%?)", text)
            if number and number[2]:
                shown[i, j] = "0%"
            value = float(text.rstrip("%")) / (100 if number[2] else 1) if number else text
            laid[i].append(int(value) if number and not number[2] and "." not in text else value)
    return write_workbook(laid, shown)
