"""What is settled about a paper beside its numbers: actions, what may be shown, its formats."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from pepstats.errors import nearest
from pepstats.settings import Settings

FORMATS = ("word", "workbook", "open-data", "pdf")
Format = Literal["word", "workbook", "open-data", "pdf"]


def known_format(name: str) -> str:
    """Refuse a format that is not made, naming the nearest that is."""
    if name not in FORMATS:
        raise ValueError(f"no format is called `{name}`. {nearest(name, FORMATS)}")
    return name


class Action(Settings):
    """What the last meeting asked for, by whom, and how it is answered; in the officers' words.

    An action without an answer stays in the paper as a place to be completed.
    """

    asked: str = Field(min_length=1, max_length=600)
    by: str = Field(default="", max_length=200)
    answer: str = Field(default="", max_length=2000)


class Disclosure(Settings):
    """What may be shown in public: the fewest schools that a count may be of.

    `last_shown` names the counts that the last release showed (`shown-counts.csv` of that
    release): a count that differs from its own there by fewer schools than that is hidden too.
    """

    fewest_schools: int = Field(default=3, ge=2, le=20, strict=True)
    last_shown: str | None = Field(default=None, min_length=1)


class Terms(Settings):
    """The settings of a report that are about its paper."""

    actions: tuple[Action, ...] = ()
    disclosure: Disclosure = Disclosure()
    formats: tuple[Annotated[Format, BeforeValidator(lambda n: known_format(str(n)))], ...] = (
        "word", "workbook", "open-data",
    )  # fmt: skip
    template: str | None = Field(default=None, pattern=r"(?i)\.docx$")
