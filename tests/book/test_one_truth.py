"""The code that a chapter shows and the code that the library ships are the same."""

import re

import pytest

from tools.book import ROOT, chapters, notebooks
from tools.exercises import exercise_names, teacher_notebook

from .conftest import definitions, page_definitions, python, text

LIBRARY = ROOT / "src" / "everygrad"
# These only draw. Like figures.mplstyle, they are used by chapters and built in none.
DRAWING = {"interactive": {"html", "matplotlib", "numpy"}}  # module: what it imports
MODULES = {
    path.stem: definitions(text(path))
    for path in sorted(LIBRARY.glob("*.py"))
    if path.stem not in {"__init__", *DRAWING}
}
PUBLIC = [
    (module, name)
    for module, defined in MODULES.items()
    for name in defined
    if not name.startswith("_")
]
SHOWN = {path.stem: page_definitions(path) for path in notebooks()}


@pytest.mark.parametrize(("module", "name"), PUBLIC)
def test_a_public_name_is_built_in_a_chapter(module, name):
    code = MODULES[module][name]
    shown = [chapter for chapter, defined in SHOWN.items() if defined.get(name) == code]
    assert shown, f"no chapter types out everygrad.{module}.{name} as it is shipped"


@pytest.mark.parametrize("chapter", SHOWN)
def test_what_a_chapter_types_out_is_what_the_library_ships(chapter):
    for module, defined in MODULES.items():
        if f"book/{chapter}.md" in text(LIBRARY / f"{module}.py"):
            for name in defined.keys() & SHOWN[chapter].keys():
                assert SHOWN[chapter][name] == defined[name], name


@pytest.mark.parametrize("module", sorted(MODULES))
def test_a_module_is_named_by_its_chapter_or_built_in_one(module):
    source = text(LIBRARY / f"{module}.py")
    for path in chapters():
        if f"book/{path.name}" in source:
            return
    pytest.fail(f"everygrad.{module} names no chapter that builds it")


@pytest.mark.parametrize("module", DRAWING)
def test_a_module_that_only_draws_knows_nothing_of_the_course(module):
    source = text(LIBRARY / f"{module}.py")
    imported = re.findall(r"^ *(?:from|import) (\w+)", source, re.M)
    assert set(imported) <= DRAWING[module]
    assert any(f"from everygrad.{module} import" in text(path) for path in chapters())


@pytest.mark.parametrize("name", exercise_names())
def test_an_exercise_does_not_ask_for_what_is_already_there(name):
    there = {
        code
        for defined in [*MODULES.values(), *SHOWN.values()]
        for code in defined.values()
    }
    for cell in teacher_notebook(name).cells:
        if (
            cell.metadata.get("nbgrader", {}).get("solution")
            and cell.cell_type == "code"
        ):
            assert not there & set(definitions(python(cell)).values())


def test_comments_and_docstrings_do_not_count_but_code_does():
    ours = definitions('def f(x):\n    """Say."""\n    return x + 1  # why')
    assert ours == definitions("def f(x):\n    return x + 1")
    assert ours != definitions("def f(x):\n    return x + 2")
