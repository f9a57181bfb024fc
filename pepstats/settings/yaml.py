"""Settings as they are written down: a small YAML file in, a frozen model out, or one message."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError
from pydantic.fields import FieldInfo

from pepstats import paths
from pepstats.errors import DesignError, RunError, nearest
from pepstats.formatting import plain_text

SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
LARGEST_YAML = 1_000_000  # bytes; a study is a page or two of text
SETTLED = 2.0  # seconds; the coarsest clock of a disk


class Settings(BaseModel):
    """Settings that cannot change once read, and that refuse a key they do not know and `inf`."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Refuse a key that was left out by `keep_keys`."""
            if name in type(self).model_fields:
                raise RunError(
                    f"{type(self).__name__}: this step has not declared that it reads `{name}`, so "
                    "it would not be run again when that changes. Declare it; CONTRIBUTING.md says "
                    "how."
                )
            return super().__getattr__(name)


S = TypeVar("S", bound=Settings)


def keep_keys(settings: S, keys: Collection[str]) -> S:
    """Return settings of which some keys can be read, inside another as `meeting.date`; `*` all."""
    if "*" in keys:
        return settings
    kept = settings.model_copy()
    for name in type(settings).model_fields.keys() - set(keys):
        value = vars(kept).pop(name)
        inside = [key.removeprefix(f"{name}.") for key in keys if key.startswith(f"{name}.")]
        if inside and isinstance(value, Settings):
            vars(kept)[name] = keep_keys(value, inside)
    return kept


def one_of(what: str, known: Collection[str]) -> BeforeValidator:
    """Return the check that refuses a word that is none of these, naming the nearest that is."""

    def check(word: Any) -> str:
        if str(word) not in known:
            raise ValueError(f"no {what} is called `{word}`. {nearest(word, known)}")
        return str(word)

    return BeforeValidator(check)


class _StrictLoader(yaml.SafeLoader):
    """Plain YAML only: a key given twice or an alias is an error, not a surprise."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            mark = self.get_mark()
            raise yaml.MarkedYAMLError(problem="aliases are not used here", problem_mark=mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key_node, _ in node.value:
            plain = isinstance(key_node, yaml.ScalarNode)
            if not plain or key_node.value in seen:
                what = f"the key `{key_node.value}` is given twice"
                what = what if plain else "a key is one plain word"
                raise yaml.MarkedYAMLError(problem=what, problem_mark=key_node.start_mark)
            seen.add(key_node.value)
        return super().construct_mapping(node, deep)


def check_slug(slug: str, what: str) -> str:
    """Return a name that can only ever be one folder or file name, or refuse it."""
    if not SLUG.fullmatch(slug):
        raise DesignError(
            f"`{slug}` cannot name a {what}: use small letters, digits and hyphens, at most 64."
        )
    return slug


_KEPT: dict[Path, tuple[tuple[int, ...], bytes]] = {}


def read_once(path: Path) -> bytes:
    """Read a settings file, from the disk only where it is not the file that was read before.

    One written in these last seconds is read each time: it could be written again, to the same
    length, before the clock of its disk has moved on.
    """
    about = path.stat()
    stamp = (about.st_ino, about.st_size, about.st_mtime_ns, about.st_ctime_ns)
    if path in _KEPT and _KEPT[path][0] == stamp:
        return _KEPT[path][1]
    content = path.read_bytes()
    if about.st_mtime < time.time() - SETTLED:
        _KEPT[path] = stamp, content
    return content


def hash_settings(path: Path) -> str:
    """Return the SHA-256 of a settings file as 64 hexadecimal digits."""
    return hashlib.sha256(read_once(path)).hexdigest()


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a small YAML file as plain keys and values, refusing anything cleverer."""
    if not path.is_file():
        there = sorted(p.stem for p in path.parent.glob("*.yml")) if path.parent.is_dir() else []
        hint = nearest(path.stem, there) if there else f"The folder {path.parent} has none."
        raise DesignError(f"{path}: there is no such file. {hint}")
    if path.stat().st_size > LARGEST_YAML:
        raise DesignError(f"{path}: larger than {LARGEST_YAML:,} bytes, so not a settings file.")
    try:
        content = _parse(read_once(path))
    except UnicodeDecodeError as error:
        raise DesignError(
            f"{path}: not UTF-8 text (byte {error.start}). Save it as UTF-8."
        ) from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise DesignError(f"{path}{where}: not plain YAML: {problem}.") from None
    if not isinstance(content, dict):
        raise DesignError(f"{path}: expected `key: value` lines, found {type(content).__name__}.")
    return {key: _plain_values(value) for key, value in content.items()}


@lru_cache(maxsize=64)
def _parse(content: bytes) -> Any:
    """Parse a YAML file once; `_plain_values` gives each reader a copy of its own."""
    return yaml.load(content.decode("utf-8"), _StrictLoader)  # noqa: S506 - it is safe


def _plain_values(content: Any) -> Any:
    """Return settings with every text in them plain; a key stays, to be refused as it is."""
    if isinstance(content, dict):
        return {key: _plain_values(value) for key, value in content.items()}
    if isinstance(content, list):
        return [_plain_values(value) for value in content]
    return plain_text(content) if isinstance(content, str) else content


def find_dated(folder: Path, name: str, year: int) -> Path | None:
    """Find the newest of `name-2024.yml` and the like up to a year, else `name.yml`, or nothing."""
    dated = {int(found[1]): path for path in folder.glob(f"{name}-*.yml")
             if (found := re.fullmatch(rf"{name}-(\d{{4}})\.yml", path.name))}  # fmt: skip
    then = [first for first in dated if first <= year]
    undated = folder / f"{name}.yml"
    return dated[max(then)] if then else undated if undated.is_file() else None


def check_settings(model: type[S], content: dict[str, Any], path: Path) -> S:
    """Hold settings to their model, naming every wrong key of the file at once."""
    try:
        return model.model_validate(content)
    except ValidationError as error:
        problems = [_problem(model, content, dict(e)) for e in error.errors(include_url=False)]
        raise DesignError(f"{path}: " + " ".join(dict.fromkeys(problems))) from None


def load_rules(model: type[S], name: str, data: Path | None = None) -> S:
    """Read such a file of settings: a data folder's own, where it has one, else the library's."""
    own = None if data is None else data / name
    path = own if own is not None and own.is_file() else paths.TEMPLATES / name
    return check_settings(model, read_yaml(path), path)


_WANTED = {
    "date_": "a date: write 2018-10-02",
    "int_": "a whole number",
    "float_": "a number",
    "bool_": "true or false",
}
"""What was to be there, by the beginning of the library's name for what is wrong."""


def _problem(model: type[Settings], content: Any, error: dict[str, Any]) -> str:
    steps = [str(step) for step in error["loc"]]
    where = ".".join(_place(content, error["loc"]))
    if error["type"] == "extra_forbidden":
        return f"unknown key `{where}`. {nearest(steps[-1], _keys_at(model, steps[:-1]))}"
    if error["type"] == "missing":
        return f"missing key `{where}`."
    message = error["msg"].removeprefix("Value error, ")
    for kind, wanted in _WANTED.items():
        if error["type"].startswith(kind):
            message = f"`{str(error['input'])[:60]}` is not {wanted}."
    message = message if message.endswith((".", "?")) else f"{message}."
    return f"`{where}`: {message}" if where else message


def _place(content: Any, steps: Sequence[str | int]) -> Iterator[str]:
    """Name the steps to a key: in a list, by the `id` written there, else counted from 1."""
    for step in steps:
        inside = isinstance(content, list if isinstance(step, int) else dict)
        if inside and (isinstance(step, int) or step in content):
            content = content[step]
        if isinstance(step, int):
            named = isinstance(content, dict) and "id" in content
            yield str(content["id"] if named else step + 1)
        else:
            yield step


def _keys_at(model: type[Settings], steps: list[str]) -> list[str]:
    """List the keys allowed at a place in a settings file."""
    found: list[type[Settings]] = [model]
    for step in steps:
        inside = [f.annotation for m in found for n, f in _fields_of(m).items() if n == step]
        found = [m for annotation in inside for m in models_in(annotation)] or found
    return [name for m in found for name in _fields_of(m)]


def _fields_of(model: type[Settings]) -> dict[str, FieldInfo]:
    """Return a model's fields by their key in the file, which Python may not allow as a name."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def models_in(annotation: Any) -> list[type[Settings]]:
    """List the models that a key's values are read into."""
    if isinstance(annotation, type) and issubclass(annotation, Settings):
        return [annotation]
    return [model for part in get_args(annotation) for model in models_in(part)]
