"""Scripts of the theme are changed as scripts.py says, or the build stops."""

import shutil
import sys

import pytest
from sphinx.errors import ExtensionError

from tools.book import ROOT, SITE

sys.path.insert(0, str(ROOT / "book" / "_ext"))
import scripts

STATIC = SITE / "_static"
THEME = "scripts/sphinx-book-theme.js"
NOTED = '<aside class="admonition sidebar note">beside the text</aside>'


@pytest.fixture
def static(tmp_path):
    """Return a copy of the scripts of the built site."""
    for name in scripts.CHANGES:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(STATIC / name, tmp_path / name)
    return tmp_path


def test_the_site_has_every_change_once(static):
    for name, changes in scripts.CHANGES.items():
        text = (static / name).read_text(encoding="utf-8")
        for found, instead in changes:
            assert text.count(instead) == 1
            assert found in instead or found not in text


def test_a_second_build_changes_nothing(static):
    before = {name: (static / name).read_bytes() for name in scripts.CHANGES}
    scripts.write(static, ["<p>no notes</p>"])
    assert before == {name: (static / name).read_bytes() for name in scripts.CHANGES}


@pytest.mark.parametrize("name", scripts.CHANGES)
def test_another_script_stops_the_build(static, name):
    instead = scripts.CHANGES[name][0][1]
    path = static / name
    path.write_text(path.read_text("utf-8").replace(instead, "other()"), "utf-8")
    with pytest.raises(ExtensionError, match=path.name):
        scripts.write(static, [])


def test_notes_in_the_margin_are_looked_for_where_a_page_has_some(static):
    path = static / THEME
    assert scripts.LOOKS not in path.read_text("utf-8")
    scripts.write(static, ["<p>text</p>", NOTED])
    assert scripts.LOOKS in path.read_text("utf-8")
    scripts.write(static, ['<div class="bd-sidebar-secondary sidebar-toggle">'])
    assert scripts.LOOKS not in path.read_text("utf-8")


@pytest.mark.parametrize(
    "name",
    ["marginnote", "tag_margin", "full-width", "full_width", "popout", "sidebar"],
)
def test_every_kind_of_note_is_known(name):
    assert scripts.NOTES.search(f'<div class="cell {name} docutils">')
    assert scripts.NOTES.search(f'<div class="{name}">')
    assert not scripts.NOTES.search(f'<div class="bd-{name}-x {name}-toggle">')
