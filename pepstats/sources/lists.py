"""Lists kept beside a study: published similar schools, and many programmes in one list."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from pepstats.errors import DesignError, SourceError, as_reason, nearest
from pepstats.formatting import plain_text
from pepstats.measures import GROUPS, LOCAL_GROUPS, MEASURES, whole_of
from pepstats.settings import (
    LONGEST_KIND,
    Cost,
    Entered,
    Member,
    MembersInFile,
    Programme,
    check_settings,
    load_sweep_folder,
)
from pepstats.sources.cells import Cells, read_urn
from pepstats.sources.csv_text import split_cells
from pepstats.sources.excel import is_workbook, read_sheet
from pepstats.sources.files import read_listed_rows, read_members

SIMILAR_COLUMNS = ("URN", "SIMILAR_URN")
LARGEST_SIMILAR = 100_000_000  # bytes; fifty schools for each school of England are 12 MB


def read_similar(file: str, data: Path) -> pd.DataFrame:
    """Read a list of similar schools: `urn`, `similar` and the `row` that each pair stands in.

    Rows keep their order, in which the nearest comes first. Other columns are passed over. Raises
    SourceError for a file that is missing, too large or no such list, and for a cell that is no
    URN, each in one message.
    """
    path = data / file
    if not path.is_file():
        raise SourceError(f"{path}: there is no such file. Check `pool.lists`.")
    if path.stat().st_size > LARGEST_SIMILAR:
        raise SourceError(
            f"{path}: {path.stat().st_size:,} bytes; a list of similar schools has at most "
            f"{LARGEST_SIMILAR:,}. Keep the schools that are asked about."
        )
    content = path.read_bytes()
    cells = read_sheet(content, file) if is_workbook(content) else split_cells(content, file)
    names = [name.strip().upper() for name in cells.header]
    lacking = [name.lower() for name in SIMILAR_COLUMNS if names.count(name) != 1]
    if lacking:
        raise SourceError(
            f"{file}, row 1: a list of similar schools has the columns urn and similar_urn, each "
            f"once; {lacking[0]} is not one of its columns. {nearest(lacking[0], cells.header)}"
        )
    if not len(cells.rows):
        raise SourceError(f"{file}, row 2: there is no row below the header. Fill it in.")
    urn, similar = (_read_similar_urns(cells, names.index(name)) for name in SIMILAR_COLUMNS)
    return pd.DataFrame({"row": cells.rows, "urn": urn, "similar": similar})


def _read_similar_urns(cells: Cells, column: int) -> pd.Series:
    """Read a column of URNs; the first that is none is named, with how many there are."""
    text = cells.text(column)
    urn = text.map({one: read_urn(one) for one in text.unique()})
    wrong = urn.isna().to_numpy()
    if wrong.any():
        first = int(wrong.argmax())
        raise SourceError(
            f"{cells.at(first, column)}: `{text.iloc[first][:40]}` is not a URN, a whole number of "
            f"six or seven digits ({wrong.sum():,} rows). Correct the list."
        )
    return urn.astype("int64")


COLUMNS = ("programme", "urn", "joined", "dose", "for", "kind")
LARGEST_LIST = 50_000_000  # bytes; a thousand programmes are about one million
LONGEST_NAME = 200


@dataclass(frozen=True)
class ListedRow:
    """One school of one programme, as its row says, and which row that is."""

    row: int
    programme: str
    member: Member
    whom: str
    kind: str


def read_entered(listed: Path, like: Programme) -> list[Entered]:
    """Read the programmes of a sweep: a folder of YAML, or one list in a CSV or workbook."""
    return load_sweep_folder(listed) if listed.is_dir() else read_programme_list(listed, like)


def list_entered_members(entered: Iterable[Entered], data: Path) -> list[Entered]:
    """Read the schools of programmes that keep them in files of their own, in the data folder.

    One whose file cannot be read is left with the reason.
    """
    found = []
    for one in entered:
        programme = one.programme
        if programme is not None and isinstance(programme.members, MembersInFile):
            try:
                own = {"members": tuple(read_members(programme.members.file, data))}
                one = replace(one, programme=programme.model_copy(update=own))
            except DesignError as error:
                one = replace(one, programme=None, reason=as_reason(error))
        found.append(one)
    return found


def read_programme_list(path: Path, like: Programme) -> list[Entered]:
    """Read many programmes from one list; what it does not say is as in the programme `like`."""
    named: dict[str, list[ListedRow]] = {}
    for one in _read_rows(path):
        named.setdefault(one.programme, []).append(one)
    slugs = _name_slugs(named)
    return [_enter(name, own, slugs[name], like, path.name) for name, own in named.items()]


def _read_rows(path: Path) -> list[ListedRow]:
    if not path.is_file():
        raise DesignError(f"{path}: there is no such file or folder of programmes.")
    if path.stat().st_size > LARGEST_LIST:
        raise DesignError(f"{path}: larger than {LARGEST_LIST:,} bytes, so not a list of schools.")
    needed = ("programme", "urn")
    header, rows = read_listed_rows(path, path.name, "list of programmes", COLUMNS, needed)
    found = []
    for number, row in rows:
        cells = {n: plain_text(cell).strip() for n, cell in zip(header, row, strict=False)}
        if any(cells.values()):
            found.append(_read_row(path, number, cells))
    if not found:
        raise DesignError(f"{path}: no school is listed.")
    return found


def _read_row(path: Path, number: int, cells: Mapping[str, str]) -> ListedRow:
    """Read a row, naming the column and the cell that cannot be read."""

    def refuse(column: str, wanted: str) -> DesignError:
        met = cells.get(column, "")[:60]
        return DesignError(f"{path}, row {number}, column {column}: `{met}` is not {wanted}.")

    name, whom, kind = (cells.get(column, "") for column in ("programme", "for", "kind"))
    if not 0 < len(name) <= LONGEST_NAME:
        raise refuse("programme", f"a name of 1 to {LONGEST_NAME} letters")
    if whom and whom not in ("all", *GROUPS):
        raise refuse("for", f"a group of pupils. {nearest(whom, ('all', *GROUPS))[:-1]}")
    if len(kind) > LONGEST_KIND:
        raise refuse("kind", f"a word or two of at most {LONGEST_KIND} letters")
    try:
        urn = read_urn(cells.get("urn", ""))
        member = Member.model_validate({"urn": urn})
    except ValueError:  # pydantic's is one
        raise refuse("urn", "a whole number of six or seven digits") from None
    given: dict[str, object] = {"urn": urn}
    for column, wanted in (("joined", "a time: 2017-09, 2017-09-04, 2017/18 or 2018, or nothing"),
                           ("dose", "a number from 0 to 100,000, or nothing")):  # fmt: skip
        if cells.get(column):
            given[column] = cells[column]
        try:
            member = Member.model_validate(given)
        except ValueError:
            raise refuse(column, wanted) from None
    return ListedRow(number, name, member, whom or "all", kind)


def _name_slugs(names: Iterable[str]) -> dict[str, str]:
    """Give each programme a short name of its own; where two would be one, the later is counted."""
    slugs: dict[str, str] = {}
    for name in names:
        letters = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
        short = re.sub(r"[^a-z0-9]+", "-", letters).strip("-")[:56].rstrip("-") or "programme"
        taken, slug, n = set(slugs.values()), short, 1
        while slug in taken:
            n += 1
            slug = f"{short}-{n}"
        slugs[name] = slug
    return slugs


def _enter(name: str, rows: list[ListedRow], slug: str, like: Programme, where: str) -> Entered:
    """Enter a programme by its rows; all of them say the same of whom it is for, and its kind."""
    for column in ("whom", "kind"):
        said = {str(getattr(one, column)): one.row for one in reversed(rows)}
        if len(said) > 1:
            one, two = sorted(said, key=lambda word: said[word])[:2]
            return Entered(slug, name, where, reason=(
                f"its rows do not agree on `{'for' if column == 'whom' else column}`: "
                f"`{one}` in row {said[one]}, `{two}` in row {said[two]}"
            ))  # fmt: skip
    content = like.model_dump(exclude={"members"}) | {
        "slug": slug, "title": name, "summary": "", "part_of": "", "whom": rows[0].whom,
        "outcomes": _outcomes_for(like, rows[0].whom), "cost": Cost(), "must_not_move": (),
        "members": tuple(one.member for one in rows),
    }  # fmt: skip
    try:
        programme = check_settings(Programme, content, Path(where))
    except DesignError as error:
        reason = as_reason(error).removeprefix(f"{where}: ")
        return Entered(slug, name, where, kind=rows[0].kind, reason=reason)
    return Entered(slug, name, where, programme, rows[0].kind)


def _outcomes_for(like: Programme, whom: str) -> tuple[str, ...]:
    """Return the outcomes of a programme like another, for a group of pupils or for all."""
    whole = whole_of(like.primary)
    group = f"{whole}.{whom}"
    lead = (group, whole) if whom not in ("all", *LOCAL_GROUPS) and group in MEASURES else (whole,)
    return tuple(dict.fromkeys((*lead, *(o for o in like.outcomes if o == whole_of(o)))))
