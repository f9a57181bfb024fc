"""What schools say of their support: counted in balance, quoted by role, never without consent."""

from __future__ import annotations

import pandas as pd

from pepstats.document import Quote
from pepstats.formatting import count_words, join_words, spell_number
from pepstats.report.disclosure import View
from pepstats.sources import DETAILS, NOT_CLEARED, STANCES, TOO_LONG

MOST_QUOTES = 6  # for one programme


def of_programme(said: pd.DataFrame, programme: str) -> pd.DataFrame:
    """Return one programme's rows, one for each school that was asked."""
    return said.loc[said["programme"] == programme]


def list_answers(said: pd.DataFrame, programme: str) -> pd.DataFrame:
    """List the rows of one programme's schools that answered."""
    rows = of_programme(said, programme)
    return rows.loc[rows["statement"] != ""]


def count_stances(rows: pd.DataFrame) -> dict[str, int]:
    """Count answers by whether they are positive, mixed or negative."""
    return {stance: int((rows["stance"] == stance).sum()) for stance in STANCES}


def count_statements(said: pd.DataFrame, programme: str) -> pd.DataFrame:
    """Count the schools that were asked, that answered, and by stance: index what, `schools`."""
    answers = list_answers(said, programme)
    counts = {"asked": len(of_programme(said, programme)), "answered": len(answers)}
    return pd.DataFrame({"schools": counts | count_stances(answers)})


def may_count(said: pd.DataFrame, programme: str, view: View) -> bool:
    """Whether no count of answers is a few apart from what an earlier release showed of it.

    A school that left between two releases would be known by its answer.
    """
    now = count_statements(said, programme)["schools"]
    return not any(
        (now - then["schools"].reindex(now.index)).abs().between(1, view.smallest).any()
        for then in view.shown_before(f"{programme}.answers")
    )


ASKED_AGAIN = (
    "The programme's schools were asked for a statement. How many answered is not shown, since it "
    "differs by few from what was shown before."
)


def balance_sentence(said: pd.DataFrame, programme: str, schools: int) -> str:
    """Write how many schools were asked and answered, and how their answers divide.

    `schools` are the programme's: a file that lists only those that answered does not tell how
    many others were asked.
    """
    number, answers = len(of_programme(said, programme)), list_answers(said, programme)
    if not number:
        return "No school has yet been asked for a statement."
    if answers.empty:
        were = "One school was" if number == 1 else f"All {number} schools were"
        return f"{were} asked for a statement. None has answered."
    divided = join_words(f"{n} {stance}" for stance, n in count_stances(answers).items())
    if len(answers) == number < schools:
        gave = f"{spell_number(number).capitalize()} of its {schools} schools gave a statement"
        return f"{gave}: {divided}. How many others were asked is not recorded."
    asked = count_words(number, "school")
    return f"Of the {asked} asked for a statement, {len(answers)} answered: {divided}."


def quoted_sentence(said: pd.DataFrame, programme: str, *, counted_too: bool = True) -> str:
    """Write by what rule statements are quoted, and how many could not be.

    Only that there are others, where how many answered is not shown.
    """
    answers, quotes = list_answers(said, programme), choose_quotes(said, programme)
    if not quotes:
        return "None can be quoted yet." if len(answers) else ""
    number, are = spell_number(len(quotes)).capitalize(), "is" if len(quotes) == 1 else "are"
    counted, free = count_stances(answers), count_stances(answers.loc[answers["held"].isna()])
    words = f"{number} {are} quoted below"
    if len(quotes) > 1 and all(free[stance] for stance in STANCES if counted[stance]):
        words += ", in roughly the same balance of positive, mixed and negative as all responses"
    words += "."
    if not counted_too:
        return f"{words} Any others could not be quoted, or are left out to keep this short."
    none = [stance for stance in STANCES if counted[stance] and not free[stance]]
    if held := int(answers["held"].notna().sum()):
        others = "One other" if held == 1 else f"{spell_number(held).capitalize()} others"
        one = "the only" if held == 1 else "every"
        among = f", {one} {' and '.join(none)} answer{' among them' * (held > 1)}," if none else ""
        words += (
            f" {others}{among} could not be quoted: consent was not given, or the words are still "
            "to be checked."
        )
    if left := len(answers) - len(quotes) - held:
        are = "is" if left == 1 else "are"
        words += f" {spell_number(left).capitalize()} more {are} left out to keep this short."
    return words


def choose_quotes(said: pd.DataFrame, programme: str) -> tuple[Quote, ...]:
    """Choose statements to quote, stances divided as all the answers are, none favoured.

    Each stance that can be quoted gets at least one; within a stance in the order of the schools'
    numbers.
    """
    answered = list_answers(said, programme)
    free = answered.loc[answered["held"].isna()].sort_values(["urn", "row"])
    able, wanted = count_stances(free), count_stances(answered)
    shares = {stance: min(1, able[stance]) for stance in STANCES}
    while sum(shares.values()) < min(MOST_QUOTES, len(free)):
        open_ = [stance for stance in STANCES if shares[stance] < able[stance]]
        behind = max(open_, key=lambda s: (wanted[s] / (2 * shares[s] + 1), STANCES.index(s)))
        shares[behind] += 1
    return tuple(
        Quote(str(row["quote"]), str(row["role"]))
        for stance in STANCES
        for row in free.loc[free["stance"] == stance].head(shares[stance]).to_dict("records")
    )


def list_held(said: pd.DataFrame) -> list[str]:
    """List what someone must do before more can be quoted, row by row."""
    held = said.loc[said["held"].isin([DETAILS, NOT_CLEARED, TOO_LONG])]
    return [f"statement in row {row['row']}: {row['held']}" for row in held.to_dict("records")]


def tabulate_themes(said: pd.DataFrame, programme: str) -> pd.DataFrame:
    """Count answers by theme and stance: index `theme`, one column per stance."""
    answered = list_answers(said, programme)
    themes = answered["theme"].replace("", "No theme given")
    counts = pd.crosstab(themes, answered["stance"]) if len(answered) else pd.DataFrame()
    table = counts.reindex(columns=list(STANCES), fill_value=0).sort_index()
    return table.rename_axis(index="theme", columns=None)
