"""Read a chapter as the tests need it: text, cells, the functions it types out."""

import ast
import re
from pathlib import Path

import jupytext


def text(path):
    return Path(path).read_text(encoding="utf-8")


def code_cells(path):
    """Return the code cells of a page."""
    return [cell for cell in jupytext.read(path).cells if cell.cell_type == "code"]


def python(cell):
    """Return a cell's source without IPython's magics."""
    return re.sub(r"^%.*$", "", cell.source, flags=re.MULTILINE)


def definitions(source):
    """Return {name: code} of what a source defines, docstrings and comments aside."""
    found = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            for inner in ast.walk(node):
                if isinstance(
                    inner, ast.FunctionDef | ast.ClassDef
                ) and ast.get_docstring(inner):
                    inner.body = inner.body[1:] or [ast.Pass()]
            found[node.name] = ast.unparse(node)
    return found


def page_definitions(path):
    """Return {name: code} of what the cells of a page define."""
    return definitions("\n\n".join(python(cell) for cell in code_cells(path)))
