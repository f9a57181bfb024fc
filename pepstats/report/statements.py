"""What schools say of their support: read with consent, counted in balance, quoted by role.

A statements file has one row for each school that was asked. A row without a statement is a school
that did not answer. Nothing is quoted without consent, and nothing that may hold a pupil's name or
other personal details is quoted until someone has cleared it.
"""

from __future__ import annotations

import pandas as pd

from pepstats.document import Quote
from pepstats.formatting import count_words, join_words
from pepstats.sources import DETAILS, STANCES, TOO_LONG, Statements

MOST_QUOTES = 6  # for one programme


# What the paper says of them ---------------------------------------------------------------------


def of_programme(said: Statements, programme: str) -> pd.DataFrame:
    """Give one programme's rows."""
    return said.table.loc[said.table["programme"] == programme]


def count_stances(said: Statements, programme: str) -> dict[str, int]:
    """Count schools asked, answered, of each stance, and answers held back."""
    rows = of_programme(said, programme)
    answered = rows.loc[rows["statement"] != ""]
    stances = {stance: int((answered["stance"] == stance).sum()) for stance in STANCES}
    held = int(answered["held"].notna().sum())
    return {"asked": len(rows), "answered": len(answered), **stances, "held": held}


def balance_sentence(said: Statements, programme: str) -> str:
    """Say how many schools were asked and answered, and how their answers divide."""
    counts = count_stances(said, programme)
    if not counts["asked"]:
        return "No school has yet been asked for a statement."
    asked = count_words(counts["asked"], "school")
    was = "was" if counts["asked"] == 1 else "were"
    if not counts["answered"]:
        return f"{asked} {was} asked for a statement. None has answered."
    divided = join_words(f"{counts[stance]} {stance}" for stance in STANCES)
    return f"{asked} {was} asked for a statement and {counts['answered']} answered: {divided}."


def quoted_sentence(said: Statements, programme: str) -> str:
    """Say by what rule statements are quoted, and how many could not be."""
    counts = count_stances(said, programme)
    quotes = choose_quotes(said, programme)
    if not quotes:
        return "None can be quoted yet." if counts["answered"] else ""
    words = (
        f"{count_words(len(quotes), 'statement')} {'is' if len(quotes) == 1 else 'are'} quoted, "
        "divided as nearly as can be as all the answers are."
    )
    if counts["held"]:
        words += (
            f" {counts['held']} could not be quoted: no consent was given, or the words are still "
            "to be checked."
        )
    return words


def choose_quotes(said: Statements, programme: str) -> tuple[Quote, ...]:
    """Choose statements to quote, stances divided as all the answers are, none favoured.

    Each stance that can be quoted gets at least one; within a stance in the order of the schools'
    numbers.
    """
    rows = of_programme(said, programme)
    answered = rows.loc[rows["statement"] != ""]
    free = answered.loc[answered["held"].isna()].sort_values(["urn", "row"])
    able = {stance: int((free["stance"] == stance).sum()) for stance in STANCES}
    wanted = {stance: int((answered["stance"] == stance).sum()) for stance in STANCES}
    shares = {stance: min(1, able[stance]) for stance in STANCES}
    while sum(shares.values()) < min(MOST_QUOTES, len(free)):
        open_ = [stance for stance in STANCES if shares[stance] < able[stance]]
        behind = max(open_, key=lambda s: (wanted[s] / (shares[s] + 1), -STANCES.index(s)))
        shares[behind] += 1
    return tuple(
        Quote(str(row["quote"]), str(row["role"]))
        for stance in STANCES
        for row in free.loc[free["stance"] == stance].head(shares[stance]).to_dict("records")
    )


def list_held(said: Statements) -> list[str]:
    """List what someone must do before more can be quoted, row by row."""
    held = said.table.loc[said.table["held"].isin([DETAILS, TOO_LONG])]
    return [f"statement in row {row['row']}: {row['held']}" for row in held.to_dict("records")]


def tabulate_themes(said: Statements, programme: str) -> pd.DataFrame:
    """Count answers by theme and stance: index `theme`, one column per stance."""
    rows = of_programme(said, programme)
    answered = rows.loc[rows["statement"] != ""]
    themes = answered["theme"].replace("", "No theme given")
    counts = pd.crosstab(themes, answered["stance"]) if len(answered) else pd.DataFrame()
    table = counts.reindex(columns=list(STANCES), fill_value=0).sort_index()
    return table.rename_axis(index="theme", columns=None)
