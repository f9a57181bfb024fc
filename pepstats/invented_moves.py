"""Which URN became which: conversions, new sponsors and mergers in the invented England."""

from __future__ import annotations

import numpy as np
import pandas as pd

CITY = 551  # the authority whose Partnership the default report is about
FIRST_URN, FIRST_NEW_URN = 900_001, 930_001  # real ones run from 100000 to about 150000
SECOND_MOVE = "2019-04-01"  # a few academies change hands during the last year
# Words of the register for the codes of the key stage 2 file.
GOVERNANCE = {
    "CY": ("Community school", "Maintained School"),
    "VA": ("Voluntary aided school", "Maintained School"),
    "VC": ("Voluntary controlled school", "Maintained School"),
    "FD": ("Foundation school", "Maintained School"),
    "ACC": ("Academy - Converter mainstream", "Academy"),
    "AC": ("Academy sponsor led mainstream", "Academy"),
    "F": ("Free school - Mainstream", "Academy"),
    "CYS": ("Community special school", "Special School"),
    "ACCS": ("Academy - Converter special school", "Academy"),
    "NMSS": ("Non-maintained special school", "Special School"),
    "IND": ("Other independent school", "Independent School"),
}
_STARTING = {"CY": 0.44, "VA": 0.19, "VC": 0.12, "FD": 0.04, "ACC": 0.12, "AC": 0.075, "F": 0.015}


def find_mergers(schools: pd.DataFrame, size: np.ndarray) -> list[tuple[int, int, bool]]:
    """Let every second closing school go into a larger neighbour: (closing, larger, new URN)."""
    inside = schools.iloc[: len(size)]
    closing = inside.index[(inside["last"] < 2100) & (inside["kind"] == "primary")]
    found: list[tuple[int, int, bool]] = []
    for order, school in enumerate(closing[::2].tolist()):
        near = inside[(inside["la"] == inside["la"].iloc[school]) & (inside["kind"] == "primary")]
        near = near[(near["first"] == 2000) & (near["last"] == 2100)]
        near = near[size[near.index] > 1.7 * size[school]]
        taken = {larger for _, larger, _ in found}
        larger = [other for other in near.index.tolist() if other not in taken]
        if larger:
            found.append((school, larger[school % len(larger)], order % 2 == 0))
    return found


def give_urns(
    schools: pd.DataFrame,
    weak: np.ndarray,
    mergers: list[tuple[int, int, bool]],
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Give every school its URN, and some of them a second or a third."""
    n = len(schools)
    kind = schools["kind"].to_numpy()
    start = rng.choice(list(_STARTING), n, p=list(_STARTING.values()))
    faithful = schools["faith"].isin(["Church of England", "Roman Catholic"]).to_numpy()
    start[faithful & np.isin(start, ["CY", "FD", "F"])] = "VA"
    start[~faithful & np.isin(start, ["VA", "VC"])] = "CY"
    start = np.where(kind == "special", np.where(rng.random(n) < 0.85, "CYS", "NMSS"), start)
    start = np.where(kind == "independent", "IND", start)
    estab = _estab_numbers(schools)
    frame = pd.DataFrame(
        {
            "school": np.arange(n),
            "urn": FIRST_URN + np.arange(n) * 3 + rng.integers(0, 3, n),
            "estab": estab,
            "nftype": start,
            "name": schools["name"],
            "opened": pd.NaT,
            "closed": pd.NaT,
        }
    )
    for side, column, shift in (("opened", "first", -1), ("closed", "last", 0)):
        years = schools[column].to_numpy()
        some = (years > 2000) & (years < 2100)
        day = "-09-01" if side == "opened" else "-08-31"
        # A new school grows from the youngest up: some open years before their first results.
        early = 2 * (np.arange(n)[some] % 2) if side == "opened" else np.zeros(some.sum(), int)
        dates = [
            f"{year + shift - sooner}{day}" for year, sooner in zip(years[some], early, strict=True)
        ]
        frame[side] = pd.to_datetime(frame[side])
        frame.loc[some, side] = pd.to_datetime(dates)
    return _convert(frame, schools, weak, mergers, rng)


def _estab_numbers(schools: pd.DataFrame) -> np.ndarray:
    floor = {"secondary": 4000, "special": 7000, "independent": 6000}
    first = schools["kind"].map(floor).fillna(2000).astype(int)
    place = schools.groupby(["la", first]).cumcount()
    return np.asarray(first + 1 + place)


def _convert(
    frame: pd.DataFrame,
    schools: pd.DataFrame,
    weak: np.ndarray,
    mergers: list[tuple[int, int, bool]],
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Turn some schools into academies: a new URN, and for some a new number too."""
    n = len(frame)
    city = (schools["la"] == CITY).to_numpy()
    could = (schools["first"] == 2000) & (schools["last"] == 2100)
    could &= ~schools["kind"].isin(["special", "independent"])
    could[[larger for _, larger, _ in mergers]] = False
    chance = np.where(city, 0.27, 0.125)
    pull = np.ones(n)
    pull[: len(weak)] = 0.6 + 0.8 * weak
    converts = could.to_numpy() & (rng.random(n) < chance * pull)
    months = pd.to_datetime(
        [f"{year}-{month:02d}-01" for year in range(2015, 2020) for month in (2, 4, 7, 9, 11)]
    )
    months = months[(months > "2015-09-30") & (months < "2019-10-01")]
    date = months[rng.integers(0, len(months), n)]
    sponsored = rng.random(n) < np.clip(0.1 + 0.55 * np.r_[weak, np.full(n - len(weak), 0.4)], 0, 1)
    moves = [(int(i), date[i], bool(sponsored[i])) for i in np.flatnonzero(converts)]
    moves += _second_moves(moves, schools)
    moves += [(larger, pd.Timestamp(f"{schools['last'].iloc[school]}-09-01"), False)
              for school, larger, new_urn in mergers if new_urn]  # fmt: skip
    moves.sort(key=lambda move: (move[1], move[0]))
    rows = frame.to_dict("list")
    latest = dict(enumerate(range(n)))
    number = dict.fromkeys(schools["la"].unique(), 2900)
    for step, (school, when, by_sponsor) in enumerate(moves):
        old = latest[school]
        nftype, estab, name = rows["nftype"][old], rows["estab"][old], rows["name"][old]
        academy = nftype in ("AC", "ACC", "F")
        la = schools["la"].iloc[school]
        if by_sponsor and not academy:
            number[la] += 1
            estab = number[la]
            name = name.replace(" Primary School", " Academy").replace(
                "Junior School", "Junior Academy"
            )
        rows["closed"][old] = when - pd.Timedelta(days=1)
        new = {"school": school, "urn": FIRST_NEW_URN + 2 * step, "estab": estab,
               "nftype": "AC" if by_sponsor or academy else "ACC", "name": name,
               "opened": when, "closed": pd.NaT}  # fmt: skip
        for column, value in new.items():
            rows[column].append(value)
        latest[school] = len(rows["urn"]) - 1
    out = pd.DataFrame(rows)
    for side in ("opened", "closed"):
        out[side] = pd.to_datetime(out[side]).astype("datetime64[us]")
    # A file lists a school under the URN it had on 12 September, at the year's start.
    late = (out["opened"].dt.month > 9) | (
        (out["opened"].dt.month == 9) & (out["opened"].dt.day > 12)
    )
    out["first_file"] = (out["opened"].dt.year + 1 + late).fillna(2000).astype(int)
    return out.sort_values(["school", "first_file", "urn"], kind="stable").reset_index(drop=True)


def _second_moves(
    moves: list[tuple[int, pd.Timestamp, bool]], schools: pd.DataFrame
) -> list[tuple[int, pd.Timestamp, bool]]:
    """Give a few early academies, one of them in the city, another sponsor on 1 April 2019."""
    early = [school for school, when, _ in moves if when < pd.Timestamp("2018-01-01")]
    at_home = [school for school in early if schools["la"].iloc[school] == CITY]
    elsewhere = [school for school in early if schools["la"].iloc[school] != CITY]
    return [(school, pd.Timestamp(SECOND_MOVE), True) for school in at_home[:1] + elsewhere[:4]]


def link_urns(establishments: pd.DataFrame, mergers: list[tuple[int, int, bool]]) -> pd.DataFrame:
    """Say which URN became which, in both directions, as the register's link file does."""
    columns = ["URN", "LinkURN", "LinkName", "LinkType", "LinkEstablishedDate"]
    old = establishments.iloc[:-1].reset_index(drop=True)
    new = establishments.iloc[1:].reset_index(drop=True)
    same = (old["school"] == new["school"]).to_numpy()
    old, new = old[same], new[same]
    day = new["opened"].dt.strftime("%d-%m-%Y")
    merged = new["school"].isin([larger for _, larger, new_urn in mergers if new_urn])
    ending = merged.map({True: " - merged", False: ""})
    forward = [new["urn"], new["name"], "Successor" + ending]
    back = [old["urn"], old["name"], "Predecessor" + ending]
    parts = [
        pd.DataFrame(dict(zip(columns, [own, *other, day], strict=True)))
        for own, other in ((old["urn"], forward), (new["urn"], back))
    ]
    latest = establishments.groupby("school").tail(1).set_index("school")
    for closing, larger, _ in mergers:
        one, other = latest.loc[closing], latest.loc[larger]
        day = (one["closed"] + pd.Timedelta(days=1)).strftime("%d-%m-%Y")
        both = [(one["urn"], other["urn"], other["name"], "Successor - merged", day),
                (other["urn"], one["urn"], one["name"], "Predecessor - merged", day)]  # fmt: skip
        parts.append(pd.DataFrame(both, columns=columns))
    return pd.concat(parts).sort_values(["URN", "LinkURN"], ignore_index=True)
