"""Each wall stops its attacks by each of its parts; without these, they succeed."""

import json
import os

import pytest

from fairgrade import doctor, sandbox

NOBODY = 65534
TEACHERS = (None, NOBODY) if os.geteuid() == 0 else (None,)
# Limits and descriptors are the same for everybody: tried once.
SAME = {"memory", "time", "secrets"}
FALLEN = [(w, t) for t in TEACHERS for w in sandbox.WALLS if not (t and w in SAME)]
BUILT = [(w, parts, t) for w, t in FALLEN for parts in sandbox.WALLS[w].built]
# What an ordinary teacher has no right to do, a sandbox cannot be seen to stop.
ORDINARY = [wall for wall in sandbox.WALLS if wall != "user"]


def got_through(parts, walls, teacher):
    outcomes = doctor.attack(parts, walls, user=teacher)
    return {name for name in outcomes if "got" in outcomes[name]} - {"import"}


@pytest.fixture(scope="module")
def findings():
    return doctor.examine()


def test_without_a_sandbox_attacks_succeed_on_every_wall(findings):
    proven = {finding.wall for finding in findings if finding.proven}
    assert proven >= {*(sandbox.WALLS if os.geteuid() == 0 else ORDINARY)}


@pytest.mark.parametrize("teacher", TEACHERS[1:] or TEACHERS)
def test_an_ordinary_teacher_is_as_safe(teacher):
    outside = got_through((), ORDINARY, teacher)
    for wall in ORDINARY:
        assert outside & {doctor.name_of(f) for f in doctor.attacks.ATTACKS[wall]}, wall
    assert got_through(sandbox.PARTS, sandbox.WALLS, teacher) == set()


@pytest.mark.parametrize(("wall", "parts", "teacher"), BUILT)
def test_each_set_of_parts_is_enough_by_itself(wall, parts, teacher):
    assert got_through(parts, [wall], teacher) == set()


@pytest.mark.parametrize(("wall", "teacher"), FALLEN)
def test_without_its_parts_a_wall_falls_and_the_others_do_not_hold_it(wall, teacher):
    its = frozenset().union(*sandbox.WALLS[wall].built)
    assert got_through([p for p in sandbox.PARTS if p not in its], [wall], teacher)


def test_examine_reports_every_attack_with_its_control(findings):
    assert [f for f in findings if not f.stands and f.wall in sandbox.WALLS] == []
    assert {f.wall for f in findings} == {*sandbox.WALLS, "python"}
    assert sum(f.proven for f in findings) > len(findings) / 2
    for finding in findings:
        start = "stopped" if finding.proven else doctor.UNTESTED
        assert finding.said.startswith(("imported", start)), finding


def test_python_can_be_read_inside(findings):
    assert findings[-1].said == "imported colorsys"


def test_a_missing_wall_is_told_with_what_to_do():
    hole = doctor.Finding("network", False, "send a datagram", "got through: sent")
    text = doctor.report([hole])
    assert text.startswith("network    MISSING   Reaches no other machine")
    assert "send a datagram: got through: sent" in text
    assert "To get it: install libseccomp" in text
    assert "To grade without it: --without network" in text


def test_an_attack_that_fails_outside_proves_nothing():
    vain = doctor.Finding("user", True, "become root", doctor.UNTESTED, proven=False)
    assert doctor.report([vain]).startswith("user       untested")


@pytest.mark.parametrize(("stands", "code"), [(True, 0), (False, 1)])
def test_the_exit_code_says_whether_a_wall_is_missing(
    monkeypatch, capsys, stands, code
):
    finding = doctor.Finding("disk", stands, "fill the disk", "…")
    monkeypatch.setattr(doctor, "examine", lambda: [finding])
    assert doctor.main([]) == code
    assert capsys.readouterr().out.startswith("disk")
    assert doctor.main(["--json"]) == code
    assert json.loads(capsys.readouterr().out)[0]["attack"] == "fill the disk"


@pytest.fixture
def no_network(monkeypatch):
    rest = tuple(wall for wall in sandbox.WALLS if wall != "network")
    monkeypatch.setattr(sandbox, "standing", lambda: (rest, {"seccomp": "not there"}))


@pytest.mark.usefixtures("no_network")
def test_a_missing_wall_is_refused_unless_accepted_by_name():
    with pytest.raises(sandbox.WallMissing, match="--without network") as caught:
        doctor.require()
    assert caught.value.walls == ("network",)
    assert "not there" in str(caught.value)
    with pytest.raises(sandbox.WallMissing):
        doctor.require(accepted=["disk"])
    doctor.require(accepted=["network"])
    doctor.require(walls=["disk", "files"])


def test_a_wall_that_there_is_not_is_named():
    with pytest.raises(ValueError, match="no wall is called 'moat': use files, disk"):
        doctor.require(accepted=["moat"])
