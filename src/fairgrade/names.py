"""Read off a cell's source which names it binds, uses and imports; nothing is run.

Answers are kept: trees come from `parse`, which keeps them, too.
"""

import ast
from functools import lru_cache

from . import magics

SCOPES = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


@lru_cache(maxsize=4096)
def parse(source):
    """Return the tree of a cell; an empty one if it is no Python, as learners' may be.

    Magics are what they stand for, or calls of ``get_ipython()``: see `magics`.
    """
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError):
        return magics.as_plain(source)


def run_at_once(node):
    """Yield the nodes that are evaluated when `node` is: no bodies of functions."""
    yield node
    if isinstance(node, SCOPES):
        parts = [*node.args.defaults, *filter(None, node.args.kw_defaults)]
        parts += getattr(node, "decorator_list", [])
    else:
        parts = ast.iter_child_nodes(node)
    for part in parts:
        yield from run_at_once(part)


def root(node):
    """Return the name at the root of ``name.x[0].y``, or None."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Starred):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


@lru_cache(maxsize=4096)
def bound(tree, in_place=True, imports=True):
    """Return the names that a tree binds in its outermost scope.

    ``params["W"] -= 1`` changes what `params` names: it counts if `in_place` is true.
    """
    names = set()
    pending = [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
            # A `global` inside binds out here.
            inner = [x for x in ast.walk(node) if isinstance(x, ast.Global)]
            names.update(name for statement in inner for name in statement.names)
            continue
        if isinstance(node, ast.Lambda):
            continue
        if isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names if imports else ():
                names.add(alias.asname or alias.name.split(".")[0])
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar):
            names.add(node.name)
        elif isinstance(node, ast.Name):
            names.add(None if isinstance(node.ctx, ast.Load) else node.id)
        elif isinstance(node, ast.Attribute | ast.Subscript) and in_place:
            names.add(None if isinstance(node.ctx, ast.Load) else root(node))
        if isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp):
            # Their loop variables stay inside; a walrus does not.
            walrus = [x for x in ast.walk(node) if isinstance(x, ast.NamedExpr)]
            names.update(x.target.id for x in walrus)
            continue
        if isinstance(node, ast.GeneratorExp):
            continue
        pending.extend(ast.iter_child_nodes(node))
    return frozenset(names - {None})


@lru_cache(maxsize=4096)
def used(tree):
    """Return every name that is read anywhere in a tree."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.Global):
            found.update(node.names)
    return frozenset(found)


@lru_cache(maxsize=4096)
def used_at_once(tree):
    """Return the names that are read when the tree is run, before any call."""
    return frozenset(
        node.id
        for node in run_at_once(tree)
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Store)
    )


@lru_cache(maxsize=4096)
def import_statements(tree):
    """Return the outermost import statements of a cell, as a cell of their own."""
    kept = [x for x in tree.body if isinstance(x, ast.Import | ast.ImportFrom)]
    return ast.Module(body=kept, type_ignores=[])


def imported(tree):
    """Return the modules that a tree imports anywhere, with their dots."""
    modules = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            modules.add(node.module)
    return modules
