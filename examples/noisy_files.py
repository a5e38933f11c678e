"""scappy inside another program, with no C: which files cost the most time, over any number of captures.

``python noisy_files.py CAPTURE…`` prints a table. The function is what another program would call.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable

import numpy

import scappy

FIELDS = ["fd.name", "evt.latency", "evt.buflen"]
WHERE = "evt.is_io = true and evt.dir = < and fd.type = file"


def file_costs(paths: Iterable[str]) -> dict[str, tuple[int, int, int]]:
    """Time and bytes that reading and writing files took.

    Parameters
    ----------
    paths : iterable of str
        Captures, however long: the tables come batch by batch, and memory stays flat.

    Returns
    -------
    dict of str to (int, int, int)
        For each file: calls, nanoseconds, bytes.
    """
    costs: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for path in paths:
        with scappy.open(path) as capture:
            for table in capture.tables(FIELDS, where=WHERE):
                names, latencies, lengths = (table[field] for field in FIELDS)
                # A text is there once, and the column holds numbers of texts: sums are NumPy's work.
                assert isinstance(names, scappy.DictionaryColumn)
                for code in numpy.unique(names.codes[names.codes >= 0]).tolist():
                    rows = names.codes == code
                    cost = costs[names.values[code]]
                    cost[0] += int(rows.sum())
                    cost[1] += int(latencies[rows].sum())  # type: ignore[call-overload]
                    cost[2] += int(lengths[rows].sum())  # type: ignore[call-overload]
    return {name: (calls, time, size) for name, (calls, time, size) in costs.items()}


def main(paths: list[str]) -> int:
    """Print the ten dearest files."""
    try:
        costs = file_costs(paths)
    except scappy.ScapError as error:
        print(error, file=sys.stderr)
        return 1
    for name, (calls, time, size) in sorted(costs.items(), key=lambda item: -item[1][1])[:10]:
        print(f"{time / 1e6:10.3f} ms {calls:7} calls {size:9} bytes  {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
