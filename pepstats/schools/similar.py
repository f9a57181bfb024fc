"""Published lists of similar schools, by schools and not by the numbers they had in one year."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from pepstats.errors import DesignError, nearest
from pepstats.schools.identity import Schools
from pepstats.settings import Programme
from pepstats.sources import read_similar

LONGEST = 200
"""Of one school's list so many are kept, as of our own comparison schools."""

BEYOND = f"beyond a school's first {LONGEST}"


@dataclass(frozen=True)
class SimilarSchools:
    """The lists that a programme is compared by beside its own.

    `pairs` has a row per `list`, `school` and `similar` school, in the order of the list; `account`
    one per `list` and `what` became of its rows, with `rows`: they add up to those of `in all`.
    """

    pairs: pd.DataFrame = field(repr=False)
    account: pd.DataFrame = field(repr=False)


def find_similar(
    programme: Programme, followed: Schools, data: Path, barred: Iterable[int] = ()
) -> SimilarSchools:
    """Read the lists of a programme's file and find their schools, by any URN they ever had.

    Left out and counted is what cannot be compared with: a school of a programme (`barred`), one of
    the same authority, and what is no pair of two schools of this study. Raises `DesignError` for a
    list none of whose schools is in this study.
    """
    pairs, account = [], list[pd.DataFrame]()
    for name, file in programme.pool.lists.items():
        listed = read_similar(file, data)
        known = {
            what: followed.known.reindex(listed[one]).to_numpy()
            for what, one in (("school", "urn"), ("similar", "similar"))
        }
        table = pd.DataFrame({"list": name, **known})
        if table["school"].isna().all():
            first = str(listed["urn"].iloc[0])
            raise DesignError(
                f"{file}: none of its schools is in a source of this study ({first} is the first). "
                f"{nearest(first, map(str, followed.known.index))}"
            )
        one, other = (table[name].map(followed.register["la"]) for name in ("school", "similar"))
        reasons = {
            "a school that no source of this study has": table["school"].isna(),
            "a similar school that no source of this study has": table["similar"].isna(),
            "a school similar to itself": table["school"].eq(table["similar"]),
            "a pair listed again": table.duplicated(),
            "a similar school that is in a programme": table["similar"].isin(list(barred)),
            "a similar school of the same authority": one.eq(other).fillna(False).astype(bool),
        }
        why = pd.Series("", index=table.index)
        for reason, rows in reasons.items():
            why = why.mask(why.eq("") & rows, reason)
        beyond = table[why.eq("")].groupby("school").cumcount() >= LONGEST
        why[beyond.index[beyond]] = BEYOND
        kept = table[why.eq("")].astype({"school": "int64", "similar": "int64"})
        counted = (
            why.replace("", "kept").value_counts().reindex(["kept", *reasons, BEYOND]).dropna()
        )
        told = {**counted.astype(int).to_dict(), "in all": len(table)}
        account.append(pd.DataFrame({"list": name, "what": [*told], "rows": [*told.values()]}))
        pairs.append(kept)
    if not pairs:
        none = pd.DataFrame(columns=["list", "school", "similar"])
        return SimilarSchools(none, pd.DataFrame(columns=["list", "what", "rows"]))
    return SimilarSchools(
        pd.concat(pairs, ignore_index=True), pd.concat(account, ignore_index=True)
    )
