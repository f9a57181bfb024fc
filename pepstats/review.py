"""The reviewer's own form: who looked, when, at what, point by point, and the verdict."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from pepstats.errors import RunError
from pepstats.manifest import Manifest
from pepstats.settings import Settings

NAME = "review.json"
POINTS = {
    "parallel trends": "Did both groups move alike before the start?",
    "no anticipation": "Could schools have changed before the first results that could show it?",
    "timing": "Is the start the year in which the programme could first be seen?",
    "what was done": "Is the programme defined, and could it have spilled over to others?",
    "comparison schools": "Who was left out, by which rule, and are those left like the members?",
    "specification": "Is the method the one that was fixed beforehand?",
    "inference": "Is chance measured by made-up programmes in single authorities?",
    "sample and period": "Were schools or years chosen after their results were known?",
    "other policies": "What else did these schools have at the same time?",
    "robustness": "Do other choices, and a year too early, say the same?",
    "data": "Is every row and cell accounted for, and every break in a measure named?",
    "release": "Does each number say how final it is?",
    "disclosure": "Could anyone be known from what is shown?",
    "wording": "Does each verdict say what its interval says, and no more?",
    "accessibility": "Can every picture be read in its words, and every table by its headers?",
    "edition": "Is what is exempt out of the public edition?",
}
"""What graders of such studies look at, and what the Board's paper must also answer."""


class Review(Settings):
    """A reviewer's form: empty until a person fills it in."""

    report: str
    seal: str
    run_again: Literal["same", "differs"]
    reviewer: str = ""
    date: datetime.date | None = None
    verdict: Literal["approve", "request changes", "reject"] | None = None
    points: dict[str, str] = {}
    notes: str = ""


def new_form(made: Manifest, run_again: Literal["same", "differs"]) -> Review:
    """Give an empty form for what was run again, with every point as a question."""
    return Review(report=made.report, seal=made.seal, run_again=run_again, points=POINTS)


def write(folder: Path, form: Review, name: str = NAME) -> None:
    """Write a form into a folder."""
    text = json.dumps(form.model_dump(mode="json"), indent=1, ensure_ascii=False)
    (folder / name).write_text(text + "\n", "utf-8")


def read(folder: Path, name: str = NAME) -> Review:
    """Read a form, filled in or not, refusing one that is not a form."""
    path = folder / name
    try:
        return Review.model_validate_json(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise RunError(f"{path} cannot be read: {error}. Run `pepstats verify` first.") from None
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise RunError(
            f"{path} is not a review: {wrong}. `verdict` is approve, request changes or reject."
        ) from None


def carry_over(before: Path, after: Path) -> None:
    """Keep every form that a reviewer has begun: on the same run as it is, else under its seal."""
    now = read(after)
    for path in sorted(before.glob("review*.json")):
        form = read(before, path.name)
        if form.reviewer or form.verdict or form.notes or form.points != POINTS:
            kept = form.model_copy(update={"run_again": now.run_again})
            same = form.seal == now.seal
            write(after, kept if same else form, NAME if same else f"review-{form.seal[:8]}.json")
