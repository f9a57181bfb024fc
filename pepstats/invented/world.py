"""Where the invented pupils go to school: authorities, schools, names, and which URN was which."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

CITY_NAME = "Fablemouth"
EACH = 7  # places in an authority; the first gives it its name

# Every place says it does not exist: the word for make-believe, and the end of an English name.
_MAKE_BELIEVE = ("Fable", "Figment", "Mock", "Myth", "Never", "Nowhere", "Phantom", "Pretend",
                 "Pseudo", "Mirage", "Feign", "Fib", "Invent", "Imagin", "Quasi", "Unreal",
                 "Fiction", "Hoax", "Bogus", "Legend")  # fmt: skip

_ENDINGS = ("mouth", "bury", "wick", "ham", "ton", "ford", "by", "thorpe", "stead", "combe",
            "minster", "leigh", "worth", "den", "gate", "mere", "moor", "shaw", "stoke", "well",
            "wold", "cliffe", "haven", "bridge")  # fmt: skip

_FEATURES = ("Green", "Park", "Hill", "Vale", "Bridge Road", "Mill Lane", "Common", "Harbour",
             "Station Road", "Meadow", "Bank", "Cross", "West", "North", "East", "South",
             "Old Town", "Church Street", "Orchard", "Spring", "Heath", "Copse", "Castle",
             "Market", "Quay", "Chapel Lane", "Rookery", "Warren", "Beacon", "Holt", "Brook",
             "Avenue", "Grange", "Abbey")  # fmt: skip

_SAINTS = ("St Nemo's", "St Nonesuch's", "St Elsewhere's", "St Figment’s", "Our Lady of Nowhere")


def share_out_places(authorities: int, city: int, rng: np.random.Generator) -> list[list[str]]:
    """Share the places out among the authorities; the city at position `city` is Fablemouth."""
    places = [first + end for first in _MAKE_BELIEVE for end in _ENDINGS]
    rest = [place for place in places if place != CITY_NAME]
    order = iter(rng.permutation(len(rest)).tolist())
    each = min(EACH, len(places) // authorities)
    found = []
    for position in range(authorities):
        own = [CITY_NAME] if position == city else []
        found.append([*own, *(rest[next(order)] for _ in range(each - len(own)))])
    return found


def invent_names(
    kinds: list[str], places: list[str], *, odd: bool, rng: np.random.Generator
) -> list[tuple[str, str]]:
    """Invent for each school of an authority a name that no other there has, and its faith.

    With `odd`, a few have the quotation marks and accents that real names have.
    """
    pairs = [(place, feature) for feature in _FEATURES for place in places]
    order = rng.permutation(len(pairs))
    saints = rng.permutation(len(_SAINTS) * len(places)).tolist()
    end = {"primary": "Primary School", "junior": "Junior School", "middle": "Middle School",
           "all-through": "Academy", "special": "School", "infant": "Infant School",
           "secondary": "School", "independent": "College"}  # fmt: skip
    names = []
    for position, kind in enumerate(kinds):
        again, position = divmod(position, len(pairs))
        place, feature = pairs[order[position]]
        feature = f"{feature} {again + 1}" if again else feature
        if kind == "primary" and saints and rng.random() < 0.3:
            saint, where = divmod(saints.pop(), len(places))
            catholic = saint == len(_SAINTS) - 1 or rng.random() < 0.25
            word = "Catholic" if catholic else "CofE"
            faith = "Roman Catholic" if catholic else "Church of England"
            names.append((f"{_SAINTS[saint]} {word} Primary School, {places[where]}", faith))
        elif kind == "primary" and odd and rng.random() < 0.01:
            name = rng.choice([f'The "{feature}" School', f"{place} Café Primary School"])
            names.append((f"{name}, {place}" if name.startswith("The") else str(name), "None"))
        else:
            names.append((f"{place} {feature} {end[kind]}", "Does not apply"))
    return names


CITY = 551  # the authority whose Partnership the default report is about
FIRST_URN, FIRST_NEW_URN = 900_001, 930_001  # real ones run from 100000 to about 150000
FIRST_URN_OF_TODAY = 950_001
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


Merger = tuple[int, int, bool]
"""The school that closes, the larger one it goes into, and whether that has a new URN by it."""

Move = tuple[int, pd.Timestamp, bool]
"""The school that becomes an academy or changes hands, the day, and whether a sponsor takes it."""


def find_mergers(schools: pd.DataFrame, size: np.ndarray) -> list[Merger]:
    """Let every second closing school go into a larger neighbour."""
    inside = schools.iloc[: len(size)]
    closing = inside.index[(inside["last"] < 2100) & (inside["kind"] == "primary")]
    found: list[Merger] = []
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
    schools: pd.DataFrame, weak: np.ndarray, mergers: list[Merger], rng: np.random.Generator
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
    apart = 3 if 3 * n < FIRST_NEW_URN - FIRST_URN else 1  # a URN has six digits
    urn = FIRST_URN + np.arange(n) * apart + rng.integers(0, 3, n) * (apart > 1)
    floor = {"secondary": 4000, "special": 7000, "independent": 6000}
    first = schools["kind"].map(floor).fillna(2000).astype(int)
    estab = first + 1 + schools.groupby(["la", first]).cumcount()
    columns = {"school": np.arange(n), "urn": urn, "estab": estab.to_numpy(),
               "nftype": start, "name": schools["name"]}  # fmt: skip
    frame = pd.DataFrame(columns)
    for side, column, shift in (("opened", "first", -1), ("closed", "last", 0)):
        years = schools[column].to_numpy()
        some = (years > 2000) & (years < 2100)
        day = "-09-01" if side == "opened" else "-08-31"
        # A new school grows from the youngest up: some open years before their first results.
        early = 2 * (np.arange(n) % 2) if side == "opened" else np.zeros(n, int)
        dates = [f"{year}{day}" for year in (years + shift - early)[some]]
        frame[side] = pd.to_datetime(pd.NaT)
        frame.loc[some, side] = pd.to_datetime(dates)
    moves = _pick_moves(schools, weak, mergers, rng)
    return _convert(frame, schools["la"], moves, max(FIRST_NEW_URN, int(urn.max()) + 1))


def _pick_moves(
    schools: pd.DataFrame, weak: np.ndarray, mergers: list[Merger], rng: np.random.Generator
) -> list[Move]:
    """Pick the schools that become academies, when, and whether a sponsor takes them; by date."""
    n = len(schools)
    could = (schools["first"] == 2000) & (schools["last"] == 2100)
    could &= ~schools["kind"].isin(["special", "independent"])
    could[[larger for _, larger, _ in mergers]] = False
    chance = np.where(schools["la"] == CITY, 0.27, 0.125)
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
    # A few early academies, one of them in the city, have another sponsor on 1 April 2019.
    early = [school for school, when, _ in moves if when < pd.Timestamp("2018-01-01")]
    at_home = [school for school in early if schools["la"].iloc[school] == CITY]
    elsewhere = [school for school in early if schools["la"].iloc[school] != CITY]
    again = at_home[:1] + elsewhere[:4]
    moves += [(school, pd.Timestamp(SECOND_MOVE), True) for school in again]
    moves += [(larger, pd.Timestamp(f"{schools['last'].iloc[school]}-09-01"), False)
              for school, larger, new_urn in mergers if new_urn]  # fmt: skip
    return sorted(moves, key=lambda move: (move[1], move[0]))


def convert_later(world: World, rng: np.random.Generator) -> World:
    """Let one school in ten that is no academy become one, from 2020 to 2024; links say which."""
    now = world.establishments.groupby("school").tail(1).set_index("school")
    schools = world.schools
    could = (schools["last"] == 2100) & ~schools["kind"].isin(["special", "independent"])
    could &= ~now["nftype"].isin(["AC", "ACC", "F"])
    chosen = np.flatnonzero(could.to_numpy() & (rng.random(len(schools)) < 0.1))
    year = rng.integers(2020, 2025, len(chosen)).tolist()
    by_sponsor = rng.random(len(chosen)) < 0.3
    moves = [
        (school, pd.Timestamp(year=y, month=9, day=1), bool(sponsored))
        for school, y, sponsored in zip(chosen.tolist(), year, by_sponsor, strict=True)
    ]
    moves.sort(key=lambda move: (move[1], move[0]))
    known = world.establishments.drop(columns="first_file")
    first = max(FIRST_URN_OF_TODAY, int(known["urn"].max()) + 1)
    later = _convert(known, schools["la"], moves, first)
    links = pd.concat([world.links, link_urns(later[later["school"].isin(chosen)], [])])
    links = links.drop_duplicates(["URN", "LinkURN"])
    links = links.sort_values(["URN", "LinkURN"], ignore_index=True)
    return replace(world, establishments=later, links=links)


def _convert(
    frame: pd.DataFrame, authority: pd.Series, moves: list[Move], first_urn: int
) -> pd.DataFrame:
    """Turn schools into academies: a new URN, and for some a new number too."""
    rows = frame.to_dict("list")
    latest = {school: place for place, school in enumerate(rows["school"])}
    number = dict.fromkeys(authority.unique(), 2900)
    for school, estab in zip(rows["school"], rows["estab"], strict=True):
        if 2900 < estab < 4000:
            number[authority.iloc[school]] = max(number[authority.iloc[school]], estab)
    for step, (school, when, by_sponsor) in enumerate(moves):
        old, la = latest[school], authority.iloc[school]
        nftype, estab, name = rows["nftype"][old], rows["estab"][old], rows["name"][old]
        academy = nftype in ("AC", "ACC", "F")
        if by_sponsor and not academy:
            number[la] += 1
            estab = number[la]
            name = name.replace(" Primary School", " Academy")
            name = name.replace("Junior School", "Junior Academy")
        rows["closed"][old] = when - pd.Timedelta(days=1)
        new = {"school": school, "urn": first_urn + 2 * step, "estab": estab,
               "nftype": "AC" if by_sponsor or academy else "ACC", "name": name,
               "opened": when, "closed": pd.NaT}  # fmt: skip
        for column, value in new.items():
            rows[column].append(value)
        latest[school] = len(rows["urn"]) - 1
    out = pd.DataFrame(rows)
    for side in ("opened", "closed"):
        out[side] = pd.to_datetime(out[side]).astype("datetime64[us]")
    # A file lists a school under the URN it had on 12 September, at the year's start.
    listed = pd.to_datetime(out["opened"].dt.strftime("%Y-09-12"))
    out["first_file"] = (out["opened"].dt.year + 1 + (out["opened"] > listed)).fillna(2000)
    out["first_file"] = out["first_file"].astype(int)
    return out.sort_values(["school", "first_file", "urn"], kind="stable").reset_index(drop=True)


def link_urns(establishments: pd.DataFrame, mergers: list[Merger]) -> pd.DataFrame:
    """List which URN became which, in both directions, as the register's link file does."""
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


JUNIORS_OF_TEN = 3

_AGES = {"primary": (4, 11), "junior": (7, 11), "middle": (9, 13), "all-through": (4, 18),
         "special": (4, 16), "infant": (4, 7), "secondary": (11, 16),
         "independent": (3, 18)}  # fmt: skip

FIRST_AUTHORITY = 501  # no English authority has had a code from 500 to 599
CITY_SCHOOLS = 45


@dataclass(frozen=True)
class World:
    """Where the invented pupils go to school, before anything is known of their results.

    `schools` has one row per school, those with key stage 2 results first: `la`, `kind`, `name`,
    `faith`, `has_results`, `low_age`, `high_age`, `first` and `last` (years with results).
    `establishments` has one row per URN: `school` (row of `schools`), `urn`, `estab`, `nftype`,
    `name`, `opened`, `closed`, `first_file` (the first year's file it is listed in).
    """

    authorities: pd.DataFrame
    schools: pd.DataFrame
    establishments: pd.DataFrame
    links: pd.DataFrame


def make_world(
    n_schools: int, weak: np.ndarray, size: np.ndarray, rng: np.random.Generator
) -> World:
    """Lay out authorities, schools, conversions and mergers.

    `weak` ranks the schools with results from 0 (strong) to 1 (weak): sponsored conversions
    are commoner among the weak, as they are in England. `size` is their places a year: where
    two schools merge, the larger goes on.
    """
    sizes = _authority_sizes(n_schools)
    city = place_of_city(len(sizes))
    places = share_out_places(len(sizes), city, rng)
    codes = FIRST_AUTHORITY + np.arange(len(sizes))
    codes[city] = CITY
    authorities = pd.DataFrame({"la": codes, "name": [own[0] for own in places], "places": places})
    schools = _schools(authorities, sizes, rng)
    mergers = find_mergers(schools, size)
    schools = _gather_juniors(schools, {school for pair in mergers for school in pair[:2]})
    establishments = give_urns(schools, weak, mergers, rng)
    return World(authorities, schools, establishments, link_urns(establishments, mergers))


def authority_of_school(n_schools: int) -> np.ndarray:
    """Return the authority's position of each school with results, in the order of the world."""
    sizes = _authority_sizes(n_schools)
    return np.repeat(np.arange(len(sizes)), sizes)


def _authority_sizes(n_schools: int) -> np.ndarray:
    """Return the number of schools with results in each authority; the city's is always 45."""
    n = int(np.clip(round(n_schools * 60 / 2500), 4, 60))
    n = max(n, min(round(n_schools / 105), 150))  # as many as England has, for one as large
    # Sizes differ as England's do: a long tail of counties. The order is fixed, not drawn.
    spread = np.exp(0.5 * np.sin(np.arange(n) * 2.399963) + 0.25 * np.cos(np.arange(n) * 5.1))
    others, city = n_schools - CITY_SCHOOLS, place_of_city(n)
    sizes = np.floor(others * spread / np.delete(spread, city).sum()).astype(int)
    sizes[city] = CITY_SCHOOLS
    sizes[0 if city else 1] += n_schools - sizes.sum()
    return np.asarray(sizes)


def place_of_city(n_authorities: int) -> int:
    """Return the city's position among the authorities."""
    return min(CITY - FIRST_AUTHORITY, n_authorities - 1)


def _schools(
    authorities: pd.DataFrame, sizes: np.ndarray, rng: np.random.Generator
) -> pd.DataFrame:
    rows = []
    for authority, size in zip(authorities.itertuples(), sizes.tolist(), strict=True):
        city = authority.la == CITY
        kinds = _kinds(size, city, rng)
        names = invent_names(kinds, authority.places, odd=not city, rng=rng)
        rows += [(authority.la, kind, *name) for kind, name in zip(kinds, names, strict=True)]
    frame = pd.DataFrame(rows, columns=["la", "kind", "name", "faith"])
    frame["has_results"] = ~frame["kind"].isin(["infant", "secondary", "independent"])
    # Schools with pupils at the end of key stage 2 come first, mainstream before special.
    frame["order"] = np.select([frame["kind"].eq("special"), frame["has_results"]], [1, 0], 2)
    frame = frame.sort_values(["order", "la"], kind="stable").reset_index(drop=True)
    n = len(frame)
    frame[["low_age", "high_age"]] = frame["kind"].map(_AGES).tolist()
    frame.loc[(frame["kind"] == "primary") & (rng.random(n) < 0.45), "low_age"] = 3
    first = np.where(rng.random(n) < 0.02, rng.integers(2017, 2020, n), 2000)
    last = np.where(rng.random(n) < 0.015, rng.integers(2016, 2019, n), 2100)
    settled = (frame["la"] == CITY) | (frame["order"] > 0) | (first > last)
    frame["first"] = np.where(settled, 2000, first)
    frame["last"] = np.where(settled, 2100, last)
    return frame.drop(columns=["order"])


def _kinds(size: int, city: bool, rng: np.random.Generator) -> list[str]:
    if city:
        kinds = ["junior"] * 15 + ["all-through"] + ["primary"] * (size - 16)
    else:
        shares = [0.905, 0.065, 0.012, 0.018]
        drawn = rng.choice(["primary", "junior", "middle", "all-through"], size, p=shares)
        kinds = sorted(drawn.tolist())
    extra = {
        "infant": 14 if city else kinds.count("junior") + 1,
        "secondary": max(2, round(size * 0.21)),
        "special": max(1, round(size * 0.047)),
        "independent": max(1, round(size * 0.05)),
    }
    return kinds + [kind for kind, count in extra.items() for _ in range(count)]


def _gather_juniors(schools: pd.DataFrame, stay: set[int]) -> pd.DataFrame:
    """Leave a fifth of authorities many junior schools and the others few, as England has them.

    The city is left as it is, and so are the schools in `stay` and those with a patron saint.
    """
    place = schools["la"] - FIRST_AUTHORITY
    many = (place % 5 == 2) & (schools["la"] != CITY)
    plain = schools["name"].str.endswith((" Primary School", " Junior School"))
    plain &= (schools["la"] != CITY) & ~schools.index.isin(stay)
    order = schools.groupby(["la", "kind"]).cumcount()
    to_junior = plain & many & (schools["kind"] == "primary") & (order % 10 < JUNIORS_OF_TEN)
    to_primary = plain & ~many & (schools["kind"] == "junior") & (order % 4 > 0)
    out = schools.copy()
    for rows, kind, old, new, low in (
        (to_junior, "junior", "Primary", "Junior", 7),
        (to_primary, "primary", "Junior", "Primary", 4),
    ):
        out.loc[rows, "name"] = out.loc[rows, "name"].str.replace(f"{old} School", f"{new} School")
        out.loc[rows, ["kind", "low_age"]] = [kind, low]
    return out


def listing(world: World, year: int) -> pd.DataFrame:
    """List the rows of a year's key stage 2 file: `school`, `urn`, `estab`, `nftype`, `name`.

    `again` marks a school's second row: a URN that opened during the year, listed blank.
    `urn_ac`, `name_ac`, `open_ac` name the academy a school has since become, where it has.
    """
    table = world.establishments
    schools = world.schools
    possible = schools["has_results"] & (schools["last"] >= year)
    table = table[table["school"].isin(possible.index[possible]) & (table["first_file"] <= year)]
    now = table.groupby("school", sort=True).tail(1).set_index("school")
    later = world.establishments.set_index("school")
    soon = later[(later["opened"] >= f"{year}-02-01") & (later["opened"] <= f"{year + 1}-01-31")]
    soon = soon[soon.index.isin(now.index) & (soon["first_file"] > year)]
    soon = soon[~soon.index.duplicated()]
    now = now.assign(again=False, urn_ac=soon["urn"], name_ac=soon["name"], open_ac=soon["opened"])
    twice = soon[soon["opened"] == SECOND_MOVE].assign(again=True)
    return pd.concat([now, twice]).reset_index()
