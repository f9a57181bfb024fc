"""Files of every kind changed as spreadsheets, systems and hands change them: what becomes of it.

    python benchmarks/mutate_sources.py [TIMES]

Small files of every kind are cut out of an invented England, and each is changed in one of many
ways (TIMES in all, 10,000 unless told). No change alters what is true: the benchmark reads the
whole file first and so knows the true value of every cell that it moved. What is then read is held
to that, cell by cell. Printed for each way: how many were read (with all values, or with some left
out for a reason) and refused with one message; and what must be none: tracebacks, rows lost without
a reason, values changed without a word. Ends with 1 where one of these is not none.
"""

import sys
import tempfile
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.source_mutations import CHANGES, make_world, mutate

OUTCOMES = ["read whole", "read in part", "refused", "traceback", "lost", "changed"]


def main(times: int) -> int:
    """Change files, read them, and print what became of each way; 1 where something is wrong."""
    counts: dict[str, Counter[str]] = {name: Counter() for name in CHANGES}
    examples: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as place:
        world = make_world(Path(place))
        for name, kind, outcome, wrong in mutate(world, times):
            found = {"lost" if "lost:" in one else "changed" for one in wrong}
            counts[name].update([outcome, *(found if outcome != "traceback" else ())])
            if wrong:
                examples.setdefault(f"{name}, {kind}", wrong[0][:300])
    return report(counts, examples, len(world.tables))


def report(counts: dict[str, Counter[str]], examples: dict[str, str], kinds: int) -> int:
    """Print a row for each way and the sum; return 1 where something is wrong."""
    print("way," + ",".join(OUTCOMES))
    for name, each in counts.items():
        print(f"{name}," + ",".join(str(each[head]) for head in OUTCOMES))
    sums = [sum(each[head] for each in counts.values()) for head in OUTCOMES]
    print(f"{len(counts)} ways over {kinds} kinds of file," + ",".join(map(str, sums)))
    for name, wrong in examples.items():
        print(f"  {name}: {wrong}")
    return 1 if any(sums[3:]) else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000))
