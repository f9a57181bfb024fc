"""How a paper's Word styles look where no council's template says otherwise."""

from __future__ import annotations

from dataclasses import dataclass

from docx.shared import RGBColor

INK = RGBColor(0x12, 0x43, 0x6D)
NUMBERED, QUOTE, COMPLETE = "Numbered paragraph", "Statement", "To be completed"
CELL, NOTE, FACT = "Table text", "Table note", "Meeting line"


@dataclass(frozen=True)
class Look:
    """How the paragraphs of a style look; sizes in points, the left edge in centimetres."""

    size: float = 11
    before: float = 0
    after: float = 7
    bold: bool | None = None
    stays: bool = False  # on the page of what follows it
    left: float = 0
    color: RGBColor | None = None


LOOKS = {
    "Normal": Look(),
    "Title": Look(19, 6, 6, bold=True, stays=True, color=INK),
    "Heading 1": Look(14, 16, 6, bold=True, stays=True, color=INK),
    "Heading 2": Look(12, 10, 6, bold=True, stays=True, color=INK),
    NUMBERED: Look(),
    QUOTE: Look(left=1.25),
    COMPLETE: Look(left=1.25),
    CELL: Look(9.5, 2, 2),
    NOTE: Look(9.5),
    FACT: Look(after=2, left=3.2),
    "Caption": Look(10.5, 6, 4, bold=False, stays=True, color=RGBColor(0, 0, 0)),
}
