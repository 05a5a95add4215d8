"""Measure the pages with Lighthouse, as a phone on a slow network meets them.

    python -m tools.lighthouse [--runs 3] [book/perceptron.html …]

Prints a table for BENCHMARKS.md, and exits with 1 where a chapter misses a promise: a
median of 95 for performance; 100 for accessibility, best practices and SEO. The time of
this machine is part of the result: run it where nothing else runs. How fast Lighthouse
found the machine is the last column.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from tools import browser, node
from tools.book import BUILD, ROOT, SITE, chapters
from tools.server import serve

VERSION = "13.5.0"
FOLDER = BUILD / "lighthouse"
PROMISES = {"performance": 95, "accessibility": 100, "best-practices": 100, "seo": 100}
FLAGS = "--headless=new --no-sandbox --disable-gpu --disable-background-networking"
AUDITS = {
    "LCP s": ("largest-contentful-paint", 1 / 1000, 1),
    "CLS": ("cumulative-layout-shift", 1, 3),
    "TBT ms": ("total-blocking-time", 1, 0),
    "weight KiB": ("total-byte-weight", 1 / 1024, 0),
}


def install():
    """Bring Lighthouse unless it is there; return its script, or None."""
    package = FOLDER / "node_modules" / "lighthouse"
    pinned = package / "package.json"
    if not pinned.exists() or json.loads(pinned.read_text())["version"] != VERSION:
        npm = node.program("npm")
        if npm is None:
            return None
        FOLDER.mkdir(parents=True, exist_ok=True)
        command = [npm, "install", "--prefix", FOLDER, f"lighthouse@{VERSION}"]
        command += ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        if subprocess.run(command, check=False).returncode != 0:
            return None
    return package / "cli" / "index.js"


def measure(script, url):
    """Return Lighthouse's report on one visit."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        command = [node.program("node"), script, url, "--quiet", "--output=json"]
        command += [f"--output-path={report}", f"--chrome-flags={FLAGS}"]
        environment = os.environ | {"CHROME_PATH": browser.find()}
        subprocess.run(command, env=environment, check=True, timeout=300)
        return json.loads(report.read_text(encoding="utf-8"))


def scores(report):
    """Return {category: points of 100}."""
    return {name: round(100 * report["categories"][name]["score"]) for name in PROMISES}


def defects(report):
    """Return what Lighthouse would mend outside performance, one line each."""
    found = []
    for name in PROMISES:
        for part in report["categories"][name]["auditRefs"]:
            audit = report["audits"][part["id"]]
            if part["weight"] and audit["score"] is not None and audit["score"] < 0.9:
                value = audit.get("displayValue", "")
                found.append(f"{name}: {audit['title']} {value}".strip())
    return found


def summary(reports):
    """Return (medians of the scores, row of the table) of several visits to a page."""
    every = [scores(report) for report in reports]
    medians = {k: statistics.median(x[k] for x in every) for k in PROMISES}
    row = [f"{points:g}" for points in medians.values()]
    spread = [x["performance"] for x in every]
    row[0] += f" ({min(spread)}–{max(spread)})"
    for audit, unit, digits in AUDITS.values():
        values = [report["audits"][audit]["numericValue"] for report in reports]
        row.append(f"{statistics.median(values) * unit:.{digits}f}")
    speed = statistics.median(x["environment"]["benchmarkIndex"] for x in reports)
    row.append(f"{speed:.0f}")
    return medians, row


def main():
    """Measure, print the table, say what misses; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=3)
    every = [path.relative_to(ROOT).with_suffix(".html") for path in chapters()]
    parser.add_argument("pages", nargs="*", default=[str(page) for page in every])
    options = parser.parse_args()
    script = install()
    if script is None or browser.find() is None or not (SITE / "index.html").exists():
        print("This needs npm, a Chromium and the site: make book", file=sys.stderr)
        return 1
    print(
        f"Lighthouse {VERSION}, mobile, median of {options.runs}, "
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores:\n"
    )
    head = ["chapter", *PROMISES, *AUDITS, "machine"]
    print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}", flush=True)
    misses = []
    with serve(SITE) as address:
        for page in options.pages:
            reports = [
                measure(script, f"{address}/{page}") for _ in range(options.runs)
            ]
            medians, row = summary(reports)
            print(f"| {' | '.join([Path(page).stem, *row])} |", flush=True)
            if any(medians[name] < least for name, least in PROMISES.items()):
                misses.append("\n  ".join([page, *defects(reports[-1])]))
    print(
        "\nEvery promise is kept." if not misses else "\nMissed:\n" + "\n".join(misses)
    )
    return 1 if misses else 0


if __name__ == "__main__":
    sys.exit(main())
