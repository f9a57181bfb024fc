"""One programme's pictures for readers, as the notebooks drew them, each with words and a table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from functools import partial

from pepstats.blocks import PaperPicture
from pepstats.disclosure import View
from pepstats.evidence import HELD_BACK, ProgrammeResults, may_show_schools
from pepstats.programme import Programme
from pepstats.words import Result

OF_ONE_EDITION = (".schools", ".cases")  # names of pictures that differ by edition
BEHIND = {
    # the paper's name of a picture: its table in the paper, and why there may be no picture
    "two-lines": ("lines", "No school has results to draw."),
    "hundred-dots": ("dots", "There is no estimate to set among made-up programmes."),
    "checks": ("checks", "No check was made."),
    "balance": ("balance", "No school could be matched."),
    "flow": ("flow", "No school could be matched."),
    "schools": ("schools", "No school has results to draw."),
    "cases": ("case-lines", "No case study has been chosen."),
}


class Pictures(Mapping[str, PaperPicture]):
    """Pictures by name, each drawn when it is first asked for: a paper seldom shows them all."""

    def __init__(
        self,
        makers: Mapping[str, Callable[[], PaperPicture]],
        drawn: MutableMapping[str, PaperPicture] | None = None,
    ) -> None:
        """Take what makes each picture, and those made already that another edition shares."""
        self._makers = dict(makers)
        self._own: dict[str, PaperPicture] = {}
        self._drawn = {} if drawn is None else drawn

    def __getitem__(self, name: str) -> PaperPicture:
        """Give a picture, drawing it the first time."""
        kept = self._own if name.endswith(OF_ONE_EDITION) else self._drawn
        if name not in kept:
            kept[name] = self._makers[name]()
        return kept[name]

    def __iter__(self) -> Iterator[str]:
        """Go through the names."""
        return iter(self._makers)

    def __len__(self) -> int:
        """Count the pictures."""
        return len(self._makers)


def list_pictures(
    programme: Programme,
    found: ProgrammeResults,
    results: Mapping[str, Result],
    view: View,
) -> dict[str, Callable[[], PaperPicture]]:
    """Give what shows each of a programme's pictures, by the picture's name."""
    shown = may_show_schools(results, view)
    return {
        f"{programme.slug}.{name}": partial(
            show_picture, programme, found, name, shown=shown, named=view.exempt
        )
        for name in BEHIND
    }


def not_drawn(why: str, caption: str, table: str) -> PaperPicture:
    """Stand in for a picture that cannot or may not be drawn: it says why."""
    return PaperPicture(b"", b"", why, caption, table)


def show_picture(
    programme: Programme, found: ProgrammeResults, name: str, *, shown: bool, named: bool
) -> PaperPicture:
    """Show a picture as its notebook saved it; one of single schools only where they may be."""
    of_schools = f".{name}" in OF_ONE_EDITION
    behind, why = BEHIND[name]
    table = f"{programme.slug}.{behind}"
    saved = found.pictures.get(f"{name}-named" if of_schools and named else name)
    if of_schools and not shown:
        return not_drawn(HELD_BACK, saved.caption if saved else programme.title, table)
    if saved is None:
        return not_drawn(why, programme.title, table)
    return PaperPicture(saved.svg, saved.png, saved.alt, saved.caption, table)
