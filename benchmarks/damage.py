"""Real published files damaged in every way of `test_damaged_files.py`: the outcomes, counted.

    python benchmarks/damage.py [TIMES]

Fails at the first damage that is neither a balanced account nor one message.
"""

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.published_files import REAL
from tests.sources.test_damaged_files import damage_real_files


def main(times: int) -> None:
    """Print a row for each kind of damage, and the sum."""
    if not REAL.is_dir():
        print("The real published files are not here; nothing to damage.")
        return
    with tempfile.TemporaryDirectory() as folder:
        counts = damage_real_files(Path(folder), times)
    kinds = sorted({kind for each in counts.values() for kind in each})
    print("damage," + ",".join(kinds))
    for name, each in counts.items():
        print(f"{name}," + ",".join(str(each[kind]) for kind in kinds))
    sums = [sum(each[kind] for each in counts.values()) for kind in kinds]
    print(f"all {sum(sums)}," + ",".join(map(str, sums)))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 16)
