"""What schools say of a programme, read with who said it and whether it may be quoted."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from pepstats.errors import SourceError, nearest
from pepstats.formatting import escape_formula, plain_text

NEEDED = ("urn", "programme", "theme", "stance", "role", "consent", "consent_date", "statement")
OPTIONAL = ("extract", "cleared")
STANCES = ("positive", "mixed", "negative")
ROLES = ("Head teacher", "Deputy head teacher", "SEN coordinator", "Subject lead", "Teacher",
         "Teaching assistant", "Governor", "Trust leader")  # fmt: skip

LONGEST_QUOTE = 120  # words; a longer statement is quoted by an extract
NO_CONSENT = "no consent to publish"
TOO_LONG = f"longer than {LONGEST_QUOTE} words: choose an `extract`"
DETAILS = "may hold personal details: read it, then write `yes` under `cleared`"
_EMAIL = re.compile(r"[\w.+-]+\s*@\s*[\w-]+\.\w+")
_LONG_NUMBER = re.compile(r"(?:\d[\s-]?){4,}")
_CAPITAL = re.compile(r"(?<![.!?:]\s)(?<!^)(?<![\w'’])([A-Z][a-z'’]+(?:-[A-Z][a-z]+)?)\b")
_OPENING = re.compile(
    r"(?:^|[.!?]\s+)([A-Z][a-z]+)(?=\s+(?:is|was|has|had|made|can|could|did|does|said|says|went"
    r"|now|and\s+[A-Z]|[A-Z][a-z])\b)"
)

_KNOWN_CAPITALS = frozenset({
    "I", "English", "Maths", "Mathematics", "Science", "French", "Spanish", "German", "January",
    "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November", "December", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Christmas",
    "Easter", "Year", "Key", "Stage", "Ofsted", "Partnership", "Board", "Council", "Teaching",
    "School", "Alliance", "Department", "Pupil", "Premium", "England", "Support", "Plan", "Head",
})  # fmt: skip

_KNOWN_OPENINGS = _KNOWN_CAPITALS | {
    "It", "He", "She", "We", "They", "This", "That", "These", "Those", "There", "The", "A", "An",
    "Our", "My", "Their", "His", "Her", "Its", "Everyone", "Everything", "Nothing", "Nobody",
    "Someone", "Staff", "Attendance", "Progress", "Attainment", "Behaviour", "What", "Which",
    "Who", "One", "Some", "Most", "Many", "Much", "More", "All", "Both", "Each", "Half", "Now",
    "Then", "Time", "Work", "Money", "Impact", "Data", "Reading", "Writing", "Communication",
    "Leadership", "Little", "Another", "Confidence",
}  # fmt: skip


@dataclass(frozen=True)
class Statements:
    """Every school that was asked, what it said and whether it may be quoted.

    `table` has one row per row of the file: `row`, `urn`, `school`, `programme`, `theme`, `stance`,
    `role`, `consent_date` (the day, where consent was given), `statement`, `quote` (the words that
    would be quoted) and `held` (why they may not be, missing where they may, or where there is no
    answer).
    """

    table: pd.DataFrame = field(repr=False)


def check_statements(
    raw: pd.DataFrame, *, file: str, schools: Mapping[str, Mapping[int, int]]
) -> Statements:
    """Read a statements file's text cells, refusing what cannot be right.

    `raw` is text with the file's own row numbers as its index; `schools` gives each programme's
    schools by every URN they have had. Raises `SourceError` with every problem at once: an unknown
    column, programme, stance or role, a school that is not in the programme, consent that is not
    given or refused in words, an extract that is not in its statement.
    """
    table = _known_columns(raw, file)
    problems: list[str] = []
    rows = []
    for number, cells in zip(table.index, table.to_dict("records"), strict=True):
        found, wrong = _read_row({str(k): str(v) for k, v in cells.items()}, schools)
        problems += [f"row {number}: {what}" for what in wrong]
        rows.append({"row": int(number), **found})
    if problems:
        raise SourceError(f"{file}: " + " ".join(problems))
    columns = ["row", "urn", "school", "programme", "theme", "stance", "role",
               "consent_date", "statement", "quote", "held"]  # fmt: skip
    return Statements(pd.DataFrame(rows, columns=columns))


def no_statements() -> Statements:
    """Return the statements of a study that has none."""
    return check_statements(pd.DataFrame(columns=list(NEEDED)), file="", schools={})


def restore(table: pd.DataFrame) -> Statements:
    """Take statements up again from the table a notebook wrote."""
    words = ["programme", "theme", "stance", "role", "consent_date", "statement", "quote"]
    return Statements(table.assign(**{name: table[name].fillna("").astype(str) for name in words}))


def _known_columns(raw: pd.DataFrame, file: str) -> pd.DataFrame:
    names = {column: str(column).strip().casefold().replace(" ", "_") for column in raw.columns}
    table = raw.rename(columns=names)
    known = (*NEEDED, *OPTIONAL)
    wrong = [name for name in table.columns if name not in known]
    missing = [name for name in NEEDED if name not in table.columns]
    said = [f"no column is called `{name}`. {nearest(name, known)}" for name in wrong]
    said += [f"the column `{name}` is missing." for name in missing]
    if said:
        raise SourceError(f"{file}, row 1: " + " ".join(said))
    absent = [name for name in OPTIONAL if name not in table.columns]
    return table.assign(**dict.fromkeys(absent, "")).fillna("")


def _read_row(
    cells: dict[str, str], schools: Mapping[str, Mapping[int, int]]
) -> tuple[dict[str, object], list[str]]:
    """Read one row, and list what is wrong with it."""
    cells = {name: plain_text(text).strip() for name, text in cells.items()}
    said, problems = cells["statement"], list[str]()
    programme = cells["programme"]
    if programme not in schools:
        problems.append(f"no programme is called `{programme}`. {nearest(programme, schools)}")
    urn = int(cells["urn"]) if re.fullmatch(r"\d{6,7}", cells["urn"]) else 0
    if not urn:
        problems.append(f"`{cells['urn']}` is not a school's number (URN).")
    elif programme in schools and urn not in schools[programme]:
        problems.append(f"school {urn} is not in the programme `{programme}`.")
    found: dict[str, object] = {
        "urn": urn,
        "school": schools.get(programme, {}).get(urn, 0),
        "programme": programme,
        "theme": escape_formula(cells["theme"]),
        "statement": escape_formula(said),
        "quote": escape_formula(cells["extract"] or said),
    }
    if not said:
        return {**found, "stance": "", "role": "", "consent_date": "", "held": None}, problems
    problems += _check_answer(cells)
    role = next((r for r in ROLES if r.casefold() == cells["role"].casefold()), "")
    consent, cleared = (cells[name].casefold() == "yes" for name in ("consent", "cleared"))
    day = _read_date(cells["consent_date"]) if consent else None
    return {
        **found, "stance": cells["stance"].casefold(), "role": role,
        "consent_date": day.isoformat() if day else "",
        "held": why_held(str(found["quote"]), consent, cleared),
    }, problems  # fmt: skip


def _check_answer(cells: dict[str, str]) -> list[str]:
    """List what is wrong with the row of a school that answered."""
    problems = []
    stance, role, consent = cells["stance"], cells["role"], cells["consent"].casefold()
    if stance.casefold() not in STANCES:
        problems.append(f"`{stance}` is not a stance. {nearest(stance, STANCES)}")
    if role.casefold() not in [known.casefold() for known in ROLES]:
        problems.append(f"`{role}` is not a role. {nearest(role, ROLES)}")
    if consent not in ("yes", "no"):
        problems.append(f"`consent` is `{cells['consent']}`: write yes or no.")
    if consent == "yes" and _read_date(cells["consent_date"]) is None:
        wanted = "write the day consent was given, as 2018-09-14"
        problems.append(f"`consent_date` is `{cells['consent_date']}`: {wanted}.")
    if cells["cleared"].casefold() not in ("", "yes", "no"):
        problems.append(f"`cleared` is `{cells['cleared']}`: write yes or no.")
    if cells["extract"] and cells["extract"] not in cells["statement"]:
        problems.append("its extract is not in its statement, word for word.")
    return problems


def _read_date(text: str) -> datetime.date | None:
    for pattern in ("%Y-%m-%d", "%d/%m/%Y", "%Y-%m-%d %H:%M:%S"):
        try:
            return datetime.datetime.strptime(text, pattern).date()
        except ValueError:
            continue
    return None


def why_held(quote: str, consent: bool, cleared: bool) -> str | None:
    """Return why words may not be quoted, or nothing where they may."""
    if not consent:
        return NO_CONSENT
    if len(quote.split()) > LONGEST_QUOTE:
        return TOO_LONG
    if find_details(quote) and not cleared:
        return DETAILS
    return None


def find_details(words: str) -> list[str]:
    """Find what may be personal: e-mail addresses, long numbers, and words that look like names."""
    found = [m.group() for pattern in (_EMAIL, _LONG_NUMBER) for m in pattern.finditer(words)]
    names = [m.group(1) for m in _CAPITAL.finditer(words)]
    names = [name for name in names if re.split(r"['’]", name)[0] not in _KNOWN_CAPITALS]
    openings = [m.group(1) for m in _OPENING.finditer(words)]
    found += [word for word in openings if word not in _KNOWN_OPENINGS and not word.endswith("ing")]
    return list(dict.fromkeys([*found, *names]))
