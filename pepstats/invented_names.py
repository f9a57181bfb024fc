"""Names for the invented England: places and schools that plainly do not exist."""

from __future__ import annotations

import numpy as np

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
    """Give each authority its own places; the city at position `city` is Fablemouth."""
    places = [first + end for first in _MAKE_BELIEVE for end in _ENDINGS]
    rest = [place for place in places if place != CITY_NAME]
    order = iter(rng.permutation(len(rest)).tolist())
    found = []
    for position in range(authorities):
        own = [CITY_NAME] if position == city else []
        found.append([*own, *(rest[next(order)] for _ in range(EACH - len(own)))])
    return found


def name_schools(
    kinds: list[str], places: list[str], *, odd: bool, rng: np.random.Generator
) -> list[tuple[str, str]]:
    """Give each school of an authority a name that no other school there has, and its faith.

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
        place, feature = pairs[order[position]]
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
