"""What schools say of a programme, read with who said it and whether it may be quoted."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from contextlib import suppress

import pandas as pd

from pepstats.errors import SourceError, nearest
from pepstats.formatting import plain_text
from pepstats.paths import read_table
from pepstats.sources.layouts import misspelt

NEEDED = ("urn", "programme", "theme", "stance", "role", "consent", "consent_date", "statement")
OPTIONAL = ("extract", "cleared_by", "cleared_on")
STANCES = ("positive", "mixed", "negative")
ROLES = ("Head teacher", "Deputy head teacher", "SEN coordinator", "Subject lead", "Teacher",
         "Teaching assistant", "Governor", "Trust leader")  # fmt: skip
_ROLE_OF = {role.casefold(): role for role in ROLES}

MOST_SAID = 12  # problems in one message
LONGEST_QUOTE = 120  # words; a longer statement is quoted by an extract
NO_CONSENT = "no consent to publish"
TOO_LONG = f"longer than {LONGEST_QUOTE} words: choose an `extract`"
NOT_CLEARED = (
    "not cleared: someone has to read it and write their name under `cleared_by` and the day, as "
    "2018-09-14, under `cleared_on`"
)
DETAILS = f"may hold personal details, and {NOT_CLEARED}"
_NAME = re.compile(r"[^\W\d_][\w.'’-]*\s+[^\W\d_]{2,}")
_PUPIL = r"(?:boy|girl|child|pupil|student|family)\b"
_TELLING = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"[\w.+-]+\s*(?:@|[(\[]\s*at\s*[)\]])\s*[\w-]+\.\w+",  # an e-mail address
        r"\b[\w.+-]+\s+at\s+[\w-]+\s+dot\s+\w+",
        r"(?!\b(?:19|20)\d\d\b(?![\s-]*\d))(?:\d[\s-]?){4,}",  # a number, but for a year
        r"\b[A-Z]{1,2}\d[A-Z\d]?\s*\d[A-Z]{2}\b",  # a postcode
        r"\b(?-i:Mr|Mrs|Miss|Ms|Mx|Dr|Sir|Dame)\b\.?\s+\w+",
        r"\b(?:born|birthday|dob|date of birth)\b",
        r"\bturned (?:\d+|five|six|seven|eight|nine|ten|eleven|twelve|\w+teen)\b",
        r"\b(?:his|her|whose|child[’']s|pupil[’']s) (?:parents?|family)\b",
        r"\b(?:(?:step)?(?:mum|mother|dad|father|brother|sister|son|daughter)|foster|nan"
        r"|gran(?:ny|d\w+)?|twin|cousin|uncle|aunt|custody|widow\w*|divorc\w+)s?\b",
        r"\b(?:cancer|leuk\w+|epilep\w+|diabet\w+|asthma|autis\w+|adhd|dyslex\w+|dysprax\w+"
        r"|\w+ syndrome|ritalin|pregnan\w+|self-harm\w*|depress\w+|breakdown|stress|deaf|blind"
        r"|hearing aid|wheelchair|cerebral palsy|anorex\w+|surgery|in hospital)\b",
        rf"\b(?:the|our|his|her) (?:only|one) (?:[\w-]+ ){{0,3}}{_PUPIL}",
        rf"\b(?:the|a|our|one) (?:[\w-]+ )?{_PUPIL} (?:who|with|in|from|born)\b",
        r"\b(?:looked[- ]after|in care|traveller|refugee|asylum|in prison|excluded)\b",
        r"\b(?:chair of governors|caretaker|site manager|(?:head|deputy)(?: ?teacher)?,? who)\b",
    )
]  # fmt: skip
"""What tells of one person, whoever that is: how to reach them, when born, whose, how ill."""

_LETTER = "a-zß-öø-ÿ"
_UPPER = "[A-ZÀ-ÖØ-Þ]"
_WORD = rf"{_UPPER}[{_LETTER}]"
_CAPITAL = re.compile(rf"(?<![.!?:]\s)(?<!^)(?<![\w'’])({_UPPER}[{_LETTER}'’]+(?:-{_WORD}+)?)\b")
_OPENING = re.compile(
    rf"(?:^|[.!?]\s+)({_WORD}[{_LETTER}]*)(?=['’]s\b|\s+(?:is|was|has|had|made|can|could|did|does"
    rf"|said|says|went|now|and\s+[A-Z]|{_WORD})\b)"
)

_KNOWN_OPENINGS = {row["word"] for row in read_table("capitals")}
_KNOWN_CAPITALS = {row["word"] for row in read_table("capitals") if row["stands"] == "anywhere"}
"""Words with a capital that are no names: where a sentence begins, and anywhere."""

COLUMNS = ["row", "urn", "school", "programme", "theme", "stance", "role", "consent_date",
           "statement", "quote", "held"]  # fmt: skip


def check_statements(
    raw: pd.DataFrame, *, file: str, schools: Mapping[str, Mapping[int, int] | None]
) -> pd.DataFrame:
    """Read what every school that was asked said, and whether it may be quoted.

    `raw` is text with the file's own row numbers as its index; `schools` gives each programme's
    schools by every URN they have had, or nothing where they are not known yet. Returns one row per
    row of the file: `row`, `urn`, `school`, `programme`, `theme`, `stance`, `role`, `consent_date`
    (the day, where consent was given), `statement`, `quote` (the words that would be quoted) and
    `held` (why they may not be, missing where they may, or where there is no answer). Raises
    `SourceError` with every problem at once:
    an unknown column, programme, stance or role, a school that is not in the programme, consent
    that is not given or refused in words, an extract that is not in its statement.
    """
    table = _known_columns(raw, file)
    problems: list[str] = []
    rows = []
    for number, row in zip(table.index, table.to_dict("records"), strict=True):
        cells = {str(name): plain_text(str(text)).strip() for name, text in row.items()}
        wrong = _check_row(cells, schools)
        problems += [f"row {number}: {what}" for what in wrong]
        if not wrong:
            rows.append({"row": int(number), **_read_row(cells, schools[cells["programme"]])})
    first: dict[tuple[object, object], object] = {}
    for row in rows:
        again = first.setdefault((row["school"], row["programme"]), row["row"])
        if again != row["row"]:
            what = f"school {row['urn']} stands in row {again} already: keep one row for each."
            problems.append(f"row {row['row']}: {what}")
    if problems:
        more = f" And {len(problems) - MOST_SAID:,} more." if len(problems) > MOST_SAID else ""
        raise SourceError(f"{file}: " + " ".join(problems[:MOST_SAID]) + more)
    return pd.DataFrame(rows, columns=COLUMNS)


def no_statements() -> pd.DataFrame:
    """Return the statements of a study that has none."""
    return pd.DataFrame(columns=COLUMNS)


def restore(table: pd.DataFrame) -> pd.DataFrame:
    """Take statements up again from the table a notebook wrote."""
    words = ["programme", "theme", "stance", "role", "consent_date", "statement", "quote"]
    return table.assign(**{name: table[name].fillna("").astype(str) for name in words})


def _known_columns(raw: pd.DataFrame, file: str) -> pd.DataFrame:
    names = {column: str(column).strip().casefold().replace(" ", "_") for column in raw.columns}
    table = raw.rename(columns=names)
    known = (*NEEDED, *OPTIONAL)
    table = table[[name for name in table.columns if name in known or misspelt([name], known)]]
    wrong = misspelt(table.columns, known)
    said = [f"no column is called `{name}`. {nearest(name, known)}" for name in wrong]
    said += [f"the column `{name}` is missing." for name in NEEDED if name not in table.columns]
    if said:
        raise SourceError(f"{file}, row 1: " + " ".join(said))
    absent = [name for name in OPTIONAL if name not in table.columns]
    return table.assign(**dict.fromkeys(absent, "")).fillna("")


def _check_row(cells: dict[str, str], schools: Mapping[str, Mapping[int, int] | None]) -> list[str]:
    """List what is wrong with one row; one without a statement is of a school that was asked."""
    problems = []
    programme, urn = cells["programme"], cells["urn"]
    own = schools.get(programme)
    if programme not in schools:
        problems.append(f"no programme is called `{programme}`. {nearest(programme, schools)}")
    if not re.fullmatch(r"[1-9]\d{5,6}", urn, re.ASCII):
        problems.append(f"`{urn}` is not a school's number (URN).")
    elif own is not None and int(urn) not in own:
        problems.append(f"school {urn} is not in the programme `{programme}`.")
    stance, role, consent = cells["stance"], cells["role"], cells["consent"].casefold()
    if not cells["statement"]:
        told = stance.casefold() in ("", *STANCES) and role.casefold() in ("", *_ROLE_OF)
        dated = not cells["consent_date"] or _read_date(cells["consent_date"])
        if not told or not dated or consent not in ("", "no"):
            problems.append("it has no statement, and more than a school that gave none: is a cell "
                            "missing?")  # fmt: skip
        return problems
    if stance.casefold() not in STANCES:
        problems.append(f"`{stance}` is not a stance. {nearest(stance, STANCES)}")
    if role.casefold() not in _ROLE_OF:
        problems.append(f"`{role}` is not a role. {nearest(role, ROLES)}")
    if consent not in ("yes", "no"):
        problems.append(f"`consent` is `{cells['consent']}`: write yes or no.")
    if consent == "yes" and not _read_date(cells["consent_date"]):
        wanted = "write the day consent was given, as 2018-09-14"
        problems.append(f"`consent_date` is `{cells['consent_date']}`: {wanted}.")
    if cells["cleared_by"] and not _NAME.search(cells["cleared_by"]):
        wanted = "write the name of who read it, as J. Smith"
        problems.append(f"`cleared_by` is `{cells['cleared_by']}`: {wanted}.")
    if cells["cleared_on"] and not cells["cleared_by"]:
        problems.append("`cleared_by` is empty: write the name of who read it, beside the day.")
    elif bool(cells["cleared_by"]) != bool(_read_date(cells["cleared_on"])):
        wanted = "write the day it was read, as 2018-09-14, beside who read it"
        problems.append(f"`cleared_on` is `{cells['cleared_on']}`: {wanted}.")
    if cells["extract"] not in cells["statement"]:
        problems.append("its extract is not in its statement, word for word.")
    return problems


def _read_row(cells: dict[str, str], schools: Mapping[int, int] | None) -> dict[str, object]:
    """Read one row of which nothing is wrong."""
    said, quote = cells["statement"], cells["extract"] or cells["statement"]
    consent, cleared = cells["consent"].casefold() == "yes", bool(cells["cleared_by"])
    urn = int(cells["urn"])
    return {
        "urn": urn,
        "school": urn if schools is None else schools[urn],
        "programme": cells["programme"],
        "theme": cells["theme"],
        "stance": cells["stance"].casefold() if said else "",
        "role": _ROLE_OF[cells["role"].casefold()] if said else "",
        "consent_date": _read_date(cells["consent_date"]) if said and consent else "",
        "statement": said,
        "quote": quote,
        "held": why_held(quote, consent, cleared) if said else None,
    }


def _read_date(text: str) -> str:
    """Return a day as 2018-09-14; nothing where it is none."""
    for pattern in ("%Y-%m-%d", "%d/%m/%Y", "%Y-%m-%d %H:%M:%S"):
        with suppress(ValueError):
            return datetime.datetime.strptime(text, pattern).date().isoformat()
    return ""


def why_held(quote: str, consent: bool, cleared: bool) -> str | None:
    """Return why words may not be quoted, or nothing where they may: each is to be cleared."""
    if not consent:
        return NO_CONSENT
    if len(quote.split()) > LONGEST_QUOTE:
        return TOO_LONG
    if not cleared:
        return DETAILS if find_details(quote) else NOT_CLEARED
    return None


def find_details(words: str) -> list[str]:
    """Find what may be personal: what tells of one person, and words that look like names.

    It is a help for those who clear a statement, and misses much: nothing is quoted by it alone.
    """
    found = [m.group() for pattern in _TELLING for m in pattern.finditer(words)]
    names = [m.group(1) for m in _CAPITAL.finditer(words)]
    names = [name for name in names if re.split(r"['’]", name)[0] not in _KNOWN_CAPITALS]
    openings = [m.group(1) for m in _OPENING.finditer(words)]
    found += [word for word in openings if word not in _KNOWN_OPENINGS and not word.endswith("ing")]
    return list(dict.fromkeys([*found, *names]))
