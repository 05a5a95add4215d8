"""What `make lighthouse` reads from a report, writes, and says where it cannot run."""

import copy
import json
import sys
from contextlib import contextmanager

import pytest

from tools import lighthouse

REPORT = {
    "environment": {"benchmarkIndex": 1600.4},
    "categories": {
        name: {"score": 1, "auditRefs": [{"id": f"a-{name}", "weight": 1}]}
        for name in lighthouse.PROMISES
    },
    "audits": {
        **{f"a-{name}": {"score": 1, "title": name} for name in lighthouse.PROMISES},
        "largest-contentful-paint": {"numericValue": 1234.5},
        "cumulative-layout-shift": {"numericValue": 0.0123},
        "total-blocking-time": {"numericValue": 40.0},
        "total-byte-weight": {"numericValue": 102_400},
    },
}


def report(performance=1.0, accessibility=1.0):
    """Return a report with these scores, as Lighthouse writes it: of 1."""
    changed = copy.deepcopy(REPORT)
    changed["categories"]["performance"]["score"] = performance
    changed["categories"]["accessibility"]["score"] = accessibility
    changed["audits"]["a-accessibility"] = {
        "score": accessibility,
        "title": "Pictures have no alt text",
        "displayValue": "2 pictures",
    }
    return changed


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine with all that is needed, where no browser starts."""
    (tmp_path / "index.html").touch()

    @contextmanager
    def serve(folder):
        assert folder == tmp_path
        yield "http://here"

    monkeypatch.setattr(lighthouse, "SITE", tmp_path)
    monkeypatch.setattr(lighthouse, "serve", serve)
    monkeypatch.setattr(lighthouse, "install", lambda: "lighthouse.js")
    monkeypatch.setattr(lighthouse.browser, "find", lambda: "/usr/bin/chromium")
    command = ["lighthouse", "--runs", "3", "book/perceptron.html"]
    monkeypatch.setattr(sys, "argv", command)
    return tmp_path


def visits(monkeypatch, *reports):
    """Let these be the reports of the visits to come; return what is visited."""
    left, visited = list(reports), []

    def measure(script, url):
        visited.append(url)
        return left.pop(0)

    monkeypatch.setattr(lighthouse, "measure", measure)
    return visited


def test_the_table_has_medians_and_their_spread(machine, monkeypatch, capsys):
    visited = visits(monkeypatch, report(0.97), report(0.99), report(0.91))
    assert lighthouse.main() == 0
    assert visited == ["http://here/book/perceptron.html"] * 3
    head, rule, row = [x for x in capsys.readouterr().out.split("\n") if "|" in x]
    cells = "perceptron | 97 (91–99) | 100 | 100 | 100 | 1.2 | 0.012 | 40 | 100 | 1600"
    assert row == f"| {cells} |"
    assert head.count("|") == rule.count("|") == row.count("|")
    assert head.startswith("| chapter | performance | accessibility |")


def test_a_promise_that_is_missed_is_named_with_its_cause(machine, monkeypatch, capsys):
    visits(monkeypatch, *[report(accessibility=0.89)] * 3)
    assert lighthouse.main() == 1
    missed = capsys.readouterr().out.partition("Missed:\n")[2]
    assert missed.split("\n") == [
        "book/perceptron.html",
        "  accessibility: Pictures have no alt text 2 pictures",
        "",
    ]


def test_the_median_decides(machine, monkeypatch, capsys):
    visits(monkeypatch, report(0.94), report(0.95), report(0.94))
    assert lighthouse.main() == 1
    visits(monkeypatch, report(0.94), report(0.95), report(0.95))
    assert lighthouse.main() == 0
    assert "Every promise is kept." in capsys.readouterr().out


@pytest.mark.parametrize("missing", ["npm", "Chromium", "the site"])
def test_what_is_missing_is_said(missing, machine, monkeypatch, capsys):
    visited = visits(monkeypatch)
    if missing == "npm":
        monkeypatch.undo()
        monkeypatch.setattr(sys, "argv", ["lighthouse"])
        monkeypatch.setattr(lighthouse, "FOLDER", machine / "lighthouse")
        monkeypatch.setattr(lighthouse.node, "program", lambda name: None)
    elif missing == "Chromium":
        monkeypatch.setattr(lighthouse.browser, "find", lambda: None)
    else:
        (machine / "index.html").unlink()
    assert lighthouse.main() == 1
    assert missing in capsys.readouterr().err
    assert visited == []


def test_another_version_is_not_taken(tmp_path, monkeypatch):
    package = tmp_path / "node_modules" / "lighthouse"
    package.mkdir(parents=True)
    monkeypatch.setattr(lighthouse, "FOLDER", tmp_path)
    monkeypatch.setattr(lighthouse.node, "program", lambda name: None)
    for version, expected in (
        (lighthouse.VERSION, package / "cli" / "index.js"),
        ("1.0.0", None),
    ):
        (package / "package.json").write_text(json.dumps({"version": version}))
        assert lighthouse.install() == expected
