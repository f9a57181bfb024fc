"""The programmes of a sweep as they were entered: each one's settings, or why it has none."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pepstats.errors import DesignError, as_reason
from pepstats.settings.programme import Programme
from pepstats.settings.yaml import check_settings, check_slug, read_yaml

LONGEST_KIND = 40
"""Letters of a word for what kind of programme it is."""


@dataclass(frozen=True)
class Entered:
    """A programme as it was entered: `programme`, or the `reason` why nothing can be made of it.

    `kind` is a word for what kind of programme it is, to be pooled with others of it; `where` the
    file that it stands in.
    """

    slug: str
    title: str
    where: str
    programme: Programme | None = None
    kind: str = ""
    reason: str = ""


def load_sweep_folder(folder: Path) -> list[Entered]:
    """Read every programme's YAML of a folder, as of a report, with `kind` beside its keys.

    One that cannot be read is entered with the reason, so that the rest goes on.
    """
    files = sorted(folder.glob("*.yml"))
    if not files:
        raise DesignError(f"{folder}: no programme is in this folder (*.yml).")
    return [_load_one(path) for path in files]


def _load_one(path: Path) -> Entered:
    try:
        slug = check_slug(path.stem, "programme")
        content = read_yaml(path)
        kind = str(content.pop("kind", "") or "").strip()[:LONGEST_KIND]
        for key in {"part_of", "whom", "slug"} & content.keys():
            raise DesignError(f"{path}: unknown key `{key}`.")
        programme = check_settings(Programme, {**content, "slug": slug}, path)
    except DesignError as error:
        reason = as_reason(error).removeprefix(f"{path}: ")
        return Entered(path.stem, path.stem, path.name, reason=f"its file cannot be used: {reason}")
    return Entered(slug, programme.title, path.name, programme, kind)
