"""A big class, one in ten of it hostile: everyone is graded, and nobody wrongly.

python -m tests.grading.soak 1000
"""

import dataclasses
import itertools
import json
import os
import sys
import tempfile
import time
from pathlib import Path

from .hostile import BANK, RIGHT, Attack, World, bank_course, run_fairgrade

HONEST = [
    Attack("right", "honest", "", 10, RIGHT),
    Attack("no-double", "honest", "", 6, RIGHT | {"double": "def double(x): pass"}),
    Attack("no-scale", "honest", "", 7, RIGHT | {"scale": "scale = None"}),
    Attack("raises", "honest", "", 9, RIGHT | {"total": "def total(xs): 1 / 0"}),
    Attack("nothing", "honest", "", 0, {}),
]


def learners(number):
    """Return as many submissions, one in ten hostile, in a mixed order."""
    # The names of these two are in attacks on classmates.
    chosen = [BANK["honest-1"], BANK["honest-2"]]
    hostile = [
        one for one in BANK.values() if one.kind != "loss" and one.name.isascii()
    ]
    # Those of one kind stand together: every 37th visits all.
    order = [hostile[37 * n % len(hostile)] for n in range(len(hostile))]
    hostile, honest = itertools.cycle(order), itertools.cycle(HONEST)
    for place in range(len(chosen), number):
        one = next(hostile if place % 10 == 5 else honest)
        # A name that is itself the attack stays as it is.
        odd = one.status == "refused" and one.edit is None and one.name.isprintable()
        name = f"{place:04}{one.name if odd else ''}"
        chosen.append(dataclasses.replace(one, name=name))
    return chosen


def soak(number, folder, jobs=2):
    """Grade a class; return what went wrong, and how long it took."""
    folder = Path(folder)
    (folder / "tmp").mkdir(mode=0o1777)
    world = World(bank_course(folder / "course"), folder / "outside")
    try:
        chosen = learners(number)
        for one in chosen:
            world.hand_in(one)
        before = world.files()
        start = time.monotonic()
        done = run_fairgrade(
            world.course,
            *("autograde", "twice", "--json", f"--jobs={jobs}"),
            env=os.environ | {"TMPDIR": str(folder / "tmp")},
        )
        seconds = time.monotonic() - start
        if not done.stdout:
            raise RuntimeError(done.stderr)
        report = json.loads(done.stdout)
        rows = {row["student"]: row for row in report["submissions"]}
        wrong = {
            one.name: (one.tries, one.score, rows.get(one.name))
            for one in chosen
            if not is_right(one, rows.get(one.name)) or world.told(one.name)
        }
        return {
            "summary": report["summary"],
            "rows": len(report["submissions"]),
            "hostile": sum(one.kind not in ("honest", "loss") for one in chosen),
            "wrong": wrong,
            "traces": world.traces(),
            "changed": world.changed(before),
            "left": os.listdir(folder / "tmp"),
            "seconds": round(seconds, 1),
        }
    finally:
        world.close()


def is_right(one, row):
    """Return whether a submission got what it deserves."""
    if row is None:
        return False
    if one.status != "graded":
        return row["status"] == one.status
    if one.slow:  # it may be taken for a loop: a bank of its own knows its score
        return row["score"] is not None
    return row["score"] == one.score


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o755)
        found = soak(int(sys.argv[1]) if sys.argv[1:] else 1000, place)
    print(json.dumps(found, indent=1))
    bad = found["wrong"] or found["traces"] or found["changed"] or found["left"]
    sys.exit(bool(bad))
