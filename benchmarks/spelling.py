"""British spelling of everything that can be printed: what no dictionary knows, and where it is.

    python benchmarks/spelling.py [FILE ...]

Read are the texts of the package (messages, sentences, docstrings), its templates and tables, the
pages for readers, the settings that come with the project and the notebooks' Markdown; with FILEs,
those instead: a paper in HTML, say. A word is right where Hunspell's English dictionary has it and
it is no American spelling, where it is the British spelling of such a word, or where
`tests/words.txt` has it: names, abbreviations and terms, one a line, in order.
"""

from __future__ import annotations

import ast
import html
import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
OWN = ROOT / "tests" / "words.txt"
PRINTED = (
    "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "docs/**/*.md", "data/**/*.md", "data/**/*.yml",
    "outputs/released/CHANGES.md", "notebooks/*.ipynb", "pepstats/**/*.py", "pepstats/templates/*",
    "data/invented/**/statements.csv",
)  # fmt: skip
NO_WORDS = {".xml", ".css", ".js"}
BRITISH_TOO = {"check", "checks", "program", "programs", "license", "licensed", "licenses",
               "practice", "practices", "story", "tire", "meter", "meters", "disk", "disks",
               "specialties", "specialty", "jewelry", "writable", "gray"}  # fmt: skip
"""What the list of American spellings has that is a British word of its own."""
AMERICAN = re.compile(r"(?<=[a-z]{3})(iz|yz)(?=(e|ed|er|ers|es|ing|ation|ations|able)$)")
PATTERN = re.compile(r"^\^|\\[bdswZ]|\(\?|%[dmY]|^\S* ?$|^upper center$|^\s*import \w+[;,\n]")
"""What only a pattern, a format of dates, a place on a picture or a program has: no words."""
BRITISH = re.compile(r"(?<=[a-z]{3})(is|ys)(?=(e|ed|er|ers|es|ing|ation|ations|able)$)")
SIZES = re.compile(r"(pr|s|se|caps|over|under|down|re|un)iz(e|ed|es|ing)$")


@cache
def dictionary() -> Any:
    """Return Hunspell's English words."""
    from spylls.hunspell import Dictionary

    return Dictionary.from_files(str(files("spylls") / "hunspell" / "data" / "en" / "en_US"))


@cache
def spellings() -> dict[str, str]:
    """Return the American spelling of each word that has one of its own, by the British."""
    import codespell_lib

    listed = files(codespell_lib) / "data" / "dictionary_en-GB_to_en-US.txt"
    lines = listed.read_text("utf-8").splitlines()
    return {british: american for british, _, american in (one.partition("->") for one in lines)}


@cache
def own_words() -> frozenset[str]:
    """Return the names, abbreviations and terms of the project."""
    return frozenset(OWN.read_text("utf-8").split())


@cache
def is_right(word: str) -> bool:
    """Whether a word is spelt as in Britain, or is one of our own."""
    if word in own_words() or word.casefold() in own_words() or word.isupper():
        return True
    small = word.casefold()
    if {small, small.removesuffix("s")} & spellings().keys():
        return True
    if small in set(spellings().values()) - BRITISH_TOO:
        return False
    if AMERICAN.search(small) and not SIZES.search(small):
        return False
    written = BRITISH.sub(lambda m: m[0].replace("s", "z"), small)
    return any(map(dictionary().lookup, {word, small, small.capitalize(), written}))


def words_of(text: str) -> Iterator[str]:
    """List the words of a text; what has a digit, an underscore or capitals inside is a name."""
    for word in re.findall(r"[^\s/|()\[\]{}<>=+,;:\"“”…–—]+", text):
        bare = word.replace("’", "'").strip(".'*!?-#%&£`~_\\")
        if not re.search(r"[\d_.@$*\\#]", bare) and not re.search(r"[a-z][A-Z]", bare):
            for part in bare.split("-"):
                part = re.sub(r"'s?$", "", part)
                if len(part) > 1 and part.isascii():
                    yield part


def texts_of(path: Path) -> Iterator[tuple[int, str]]:
    """List the texts that can be printed of a file, each with its line."""
    content = path.read_text("utf-8")
    if path.suffix == ".py":
        yield from python_texts(content)
    elif path.suffix == ".ipynb":
        for place, cell in enumerate(json.loads(content)["cells"], 1):
            if cell["cell_type"] == "markdown":
                yield place, without_code("".join(cell["source"]))
    elif path.suffix == ".html":
        shown = re.sub(r"(?s)<(style|script|svg).*?</\1>|\{[{%#].*?[}%#]\}", blank, content)
        yield from enumerate(html.unescape(re.sub(r"(?s)<.*?>", blank, shown)).splitlines(), 1)
    else:
        yield from enumerate(without_code(content).splitlines(), 1)


def python_texts(content: str) -> Iterator[tuple[int, str]]:
    """List the docstrings of a module and its strings of more than one word."""
    tree = ast.parse(content)
    for node in ast.walk(tree):
        text = node.value if isinstance(node, ast.Constant) else None
        if isinstance(text, str) and not PATTERN.search(text):
            yield node.lineno, without_code(text)


def blank(found: re.Match[str]) -> str:
    """Leave of what is no text its lines alone."""
    return "\n" * found[0].count("\n") or " "


def without_code(text: str) -> str:
    """Leave out what a text shows as code, holes, addresses and options."""
    text = CODE.sub(blank, text)
    return HOLES.sub(blank, text)


CODE = re.compile(r"(?ms)^```.*?^```|^(?: {4}|>>> |\.\.\. ).*?$|``.+?``|`[^`]+`")
HOLES = re.compile(r"(?s)\{[{%]?.*?\}|<[^<>\n]*>|\S*://\S*|\]\([^)]*\)|(?<!\w)--?[a-z-]+")


def misspelt(paths: Iterable[Path]) -> dict[str, list[str]]:
    """Return each word that is not right, with the places where it stands."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in paths:
        place = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
        for line, text in texts_of(path):
            for word in words_of(text):
                if not is_right(word):
                    found[word].append(f"{place}:{line}")
    return dict(sorted(found.items(), key=lambda one: one[0].casefold()))


def printed_files() -> list[Path]:
    """List the files whose words are printed somewhere."""
    listed = {path for pattern in PRINTED for path in ROOT.glob(pattern)}
    return sorted(one for one in listed if one.is_file() and one.suffix not in NO_WORDS)


def main() -> None:
    """Print each word that is not right; exit with 1 where there is one."""
    found = misspelt([Path(one).resolve() for one in sys.argv[1:]] or printed_files())
    for word, places in found.items():
        print(f"{word:24} {len(places):4}  {', '.join(places[:4])}")
    print(f"{len(found)} words are in no dictionary and not in tests/words.txt.")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
