"""Cells with IPython's magics, as the plain Python that they stand for.

A test is not run by IPython: what a magic only measures or shows is run as it stands
there, once, and in its place, so that names, lines and errors are those of the cell.
Which magics cannot be replaced so is told when the assignment is generated.
"""

import ast
import re

NO_EFFECT = frozenset(  # on what a test finds out
    [
        *("matplotlib", "config", "precision", "load_ext", "reload_ext", "autoreload"),
        *("colors", "xmode", "pdb", "pprint", "pinfo", "pinfo2", "who", "whos"),
        *("html", "latex", "markdown"),
    ]
)
IN_PLACE = frozenset(["time", "prun", "capture"])
TIMEIT_OPTIONS = re.compile(r"\s*(-([nrpv]\s*\d+|[tcq]+)\s+)*")
CALLS = {
    "run_line_magic": "%",
    "run_cell_magic": "%%",
    "system": "!",
    "getoutput": "!",
}
WHY = (
    "{} cannot be graded: tests run without a shell and without IPython's own tools; "
    "say it in plain Python"
)


class MagicError(SyntaxError):
    """A test needs a magic that there is not when it is graded."""


def as_calls(source):
    """Return the tree of a cell in which magics are calls of ``get_ipython()``.

    Lines keep their numbers. A cell that is no Python even so is an empty tree.
    """
    from IPython.core.inputtransformer2 import TransformerManager

    lines = source.split("\n")
    blank = next((n for n, line in enumerate(lines) if line.strip()), 0)
    try:
        text = TransformerManager().transform_cell("\n".join(lines[blank:]))
        return ast.parse("\n" * blank + text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.Module(body=[], type_ignores=[])


def as_plain(source):
    """Return the tree of a cell with what its magics stand for in their place.

    Those that cannot be replaced stay calls, and are listed in its `unserved`.
    """
    replacer = Replacer()
    tree = replacer.visit(as_calls(source))
    tree.unserved = replacer.unserved
    return ast.fix_missing_locations(tree)


def refuse(tree):
    """Raise MagicError if a tree has magics that a test cannot have."""
    for said in getattr(tree, "unserved", ()):
        raise MagicError(WHY.format(f"`{said}`"))


class Replacer(ast.NodeTransformer):
    """Replaces calls that `as_calls` made by statements."""

    def __init__(self):
        self.unserved = []

    def visit_Expr(self, node):
        kind, name, *texts = magic_of(node.value) or (None, None)
        if kind in ("%", "%%") and name in NO_EFFECT:
            return ast.copy_location(ast.Pass(), node)
        body = None
        if kind == "%" and name in IN_PLACE and not texts[0].startswith("-"):
            body = self.statements(texts[0], node.lineno - 1)
        elif kind == "%%" and name in IN_PLACE and not texts[0].startswith("-"):
            body = self.statements(texts[1], node.lineno)
            if name == "capture":
                body = captured(body, texts[0].strip(), node)
            elif name == "prun" and texts[0].strip():
                body = None
        elif kind and name == "timeit":
            line = texts[0] + " "
            rest = line[TIMEIT_OPTIONS.match(line).end() :]
            if not rest.startswith("-"):
                body = self.statements(rest.strip(), node.lineno - 1)
                if kind == "%%":
                    body = body and body + self.statements(texts[1], node.lineno)
                body = alone(body, node)
        return body if body else self.generic_visit(node)

    def visit_Call(self, node):
        kind, *texts = magic_of(node) or (None,)
        if kind:
            self.unserved.append(kind + " ".join(texts[:2]).strip()[:80])
        return self.generic_visit(node)

    def statements(self, text, lines_before):
        """Return the statements in a magic's text, at their lines in the cell."""
        tree = ast.parse("")
        try:
            tree = ast.parse(text)
        except SyntaxError:
            tree = self.visit(as_calls(text))
        ast.increment_lineno(tree, lines_before)
        return tree.body or ([ast.Pass()] if not text.strip() else [])


def magic_of(node):
    """Return (its sign, what stands behind it …) of a magic's call, else None."""
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Call)
        and getattr(node.func.value.func, "id", None) == "get_ipython"
        and node.func.attr in CALLS
        and all(isinstance(arg, ast.Constant) for arg in node.args)
    ):
        return CALLS[node.func.attr], *(str(arg.value) for arg in node.args)
    return None


def alone(body, node):
    """Return statements that run others in a scope of their own, as ``%timeit``."""
    if not body:
        return None
    tree = ast.parse("def _timeit():\n    pass\n_timeit()\ndel _timeit")
    tree.body[0].body = body
    return placed(tree.body, node, body)


def captured(body, name, node):
    """Return a statement that runs others and keeps what they print."""
    if not body or (name and not name.isidentifier()):
        return None
    to = f" as {name}" if name else ""
    tree = ast.parse(
        f"with __import__('IPython').utils.capture.capture_output(){to}: 0"
    )
    tree.body[0].body = body
    return placed(tree.body, node, body)


def placed(statements, node, body):
    """Give the nodes around `body` the place of a magic."""
    inner = {id(x) for part in body for x in ast.walk(part)}
    for statement in statements:
        for part in ast.walk(statement):
            if id(part) not in inner and hasattr(part, "lineno"):
                ast.copy_location(part, node)
    return statements
