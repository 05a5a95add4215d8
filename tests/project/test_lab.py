"""`make lab` opens the chapters as notebooks, and changes no user's settings."""

import json

from tools import lab


def test_markdown_opens_as_a_notebook(tmp_path, monkeypatch):
    settings = tmp_path / "labconfig" / "settings.json"
    monkeypatch.setattr(lab, "SETTINGS", settings)
    lab.open_markdown_as_notebooks()
    (plugin,) = json.loads(settings.read_text(encoding="utf-8")).values()
    assert plugin["defaultViewers"]["markdown"] == "Jupytext Notebook"


def test_the_settings_belong_to_the_environment():
    assert lab.SETTINGS.is_relative_to(lab.sys.prefix)
