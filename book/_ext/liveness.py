"""Which cells of a page can run in the reader's browser, found by reading the code.

A package that is not there taints every name that comes from it, every function whose
body uses such a name, and every value that was computed with one. A cell is live if
nothing in it is tainted. Of a cell that is not live, the lines that are clean still run
before later cells, quietly, so that those find what they need.

Nothing is executed here; tests/site/test_live.py compares the verdicts with a browser.
"""

import ast
import builtins
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

from live_assets.python.stand_ins import STAND_INS

SOURCES = Path(__file__).resolve().parents[2] / "src" / "everygrad"
# Modules of the standard library that Pyodide has not, or that cannot work in a page.
UNUSABLE = {"lzma", "multiprocessing", "socket", "sqlite3", "ssl", "subprocess"}
UNUSABLE |= {"threading", "tkinter"}
NAMES = {"matplotlib": "Matplotlib", "scipy": "SciPy", "sklearn": "scikit-learn"}
NAMES |= {"torch": "PyTorch", "keras": "Keras"}
# WebAssembly has no flags for overflow or division by zero, so NumPy cannot complain.
FLAGS = "warnings of floating-point arithmetic"
SPEED = "more speed than a browser has"
# Calls that only set something up: without their package they are left out.
SET_UP = {"matplotlib.pyplot.style.use", "torch.manual_seed", "torch.set_num_threads"}
# Methods that change what they are called on.
CHANGERS = {"add", "append", "clear", "extend", "fill", "insert", "pop", "remove"}
CHANGERS |= {"reverse", "setdefault", "shuffle", "sort", "step", "update"}
CHANGERS |= {"backward", "forward"}  # a layer remembers its input

IMPORTS = (ast.Import, ast.ImportFrom)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclass
class Thing:
    """What a name stands for: what it lacks, and what it looks up when it is used."""

    lacks: set = field(default_factory=set)
    uses: set = field(default_factory=set)
    scope: dict = None
    module: str = None  # of the library
    absent: str = None  # dotted name within a package that is not there
    changes: set = field(default_factory=set)  # what a call of it changes in its scope
    random: bool = False  # a generator: every draw changes it


@dataclass
class Verdict:
    """What can be done with a cell."""

    lacks: list  # what keeps it from being live, in words
    lines: list  # (first, last) of each run of clean lines that do something, from 1
    only_imports: bool
    is_empty: bool

    @property
    def is_live(self):
        """Whether all of the cell runs."""
        return not self.lacks and not self.is_empty

    def for_page(self):
        """Return what the page's script has to know."""
        return {"live": True} if self.is_live else {"live": False, "lines": self.lines}


class Page:
    """Reads the cells of a page, and the modules of the library that they import.

    `available` names the packages that are there besides the standard library.
    """

    def __init__(self, available):
        self.available = set(available)
        self.modules, self.scope, self.imports = {}, {}, set()

    def absent(self):
        """Return the packages that are imported here and are not there."""
        return self.imports - sys.stdlib_module_names - self.available - {"everygrad"}

    def module(self, name):
        """Return what the names of one module of the library stand for."""
        if name not in self.modules:
            self.modules[name] = scope = {}
            path = SOURCES / f"{name.removeprefix('everygrad.')}.py"
            if name == "everygrad":
                path = SOURCES / "__init__.py"
            for statement in ast.parse(path.read_text(encoding="utf-8")).body:
                self.imports |= imported(statement)
                if self.touches(statement, scope):
                    scope[""] = Thing(lacks=self.lacks(statement, scope))
                self.bind(statement, scope)
        return self.modules[name]

    def touches(self, statement, scope):
        """Return whether merely importing this statement would use what is absent."""
        if isinstance(statement, (ast.FunctionDef, ast.Import, ast.ImportFrom)):
            return False
        if isinstance(statement, ast.ClassDef):
            parts = [*statement.bases, *statement.decorator_list]
        else:
            parts = [statement]
        roots = {ref.split(".")[0] for part in parts for ref in references(part)}
        return any(root in scope and scope[root].absent for root in roots)

    def cell(self, source, is_slow=False):
        """Return the verdict on the next cell; a slow one does not run at all."""
        statements = ast.parse(without_magics(source)).body
        lacks, lines, texts = set(), [], words_in_texts(statements)
        for statement in statements:
            self.imports |= imported(statement)
            missing = self.lacks(statement, self.scope) | (
                {SPEED} if is_slow else set()
            )
            if "eval" in called(statement):
                found = set().union(*(self.lacking(w, self.scope) for w in texts))
                missing = missing or lacks or found
            self.bind(statement, self.scope)
            if isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
                lacks |= self.lacking(statement.name, self.scope)
            if missing:
                lacks |= missing
                self.taint(statement, missing)
            elif not only_looks(statement):
                lines.append((first_line(statement), statement.end_lineno))
        only_imports = all(isinstance(one, IMPORTS) for one in statements)
        if only_imports and all(imported(one) - self.known() for one in statements):
            lacks |= set().union(*map(imported, statements))
        words = sorted(NAMES.get(name, name) for name in lacks)
        return Verdict(words, joined(lines), only_imports, not statements)

    def known(self):
        """Return the names of all modules that can be imported."""
        return (sys.stdlib_module_names - UNUSABLE) | self.available | {"everygrad"}

    def lacks(self, statement, scope):
        """Return what this statement would lack if it ran now."""
        if isinstance(statement, IMPORTS):
            return self.lacks_import(statement)
        if isinstance(statement, ast.FunctionDef):
            parts = [*statement.decorator_list, *statement.args.defaults]
            parts += [one for one in statement.args.kw_defaults if one]
        else:
            parts = [statement]
        if self.sets_up(statement, scope):
            return set()
        found = set()
        for part in parts:
            found |= {FLAGS} if asks_for_flags(part) else set()
            for node in ast.walk(part):
                if isinstance(node, IMPORTS):
                    found |= imported(node) - self.known()
            for reference in references(part):
                found |= self.lacking(reference, scope)
        return found

    def lacks_import(self, statement):
        """Return what a module of the library lacks at once; others may be absent."""
        found = set()
        for name in library_modules(statement):
            found |= self.module(name).get("", Thing()).lacks
        return found

    def sets_up(self, statement, scope):
        """Return whether a statement can be left out where its package is absent."""
        if not isinstance(statement, ast.Expr) or not isinstance(
            statement.value, ast.Call
        ):
            return False
        root, *rest = dotted(statement.value.func).split(".")
        absent = scope[root].absent if root in scope else None
        return absent is not None and ".".join([absent, *rest]) in SET_UP

    def lacking(self, reference, scope, seen=frozenset()):
        """Return what is lacking where a dotted name is used."""
        root, *rest = reference.split(".")
        if (id(scope), reference) in seen:
            return set()
        if root not in scope:
            return set()
        thing, found = scope[root], set()
        if thing.absent:
            path = ".".join([thing.absent, *rest])
            return set() if path in STAND_INS else {thing.absent.split(".")[0]}
        if thing.module:
            inside = ".".join(rest)
            scope = self.module(thing.module)
            return self.lacking(inside, scope, seen) if rest else set()
        found |= thing.lacks
        for use in thing.uses:
            found |= self.lacking(use, thing.scope, seen | {(id(scope), reference)})
        return set(found)

    def bind(self, statement, scope):
        """Note what the names stand for that a statement binds."""
        if isinstance(statement, ast.Import):
            for alias in statement.names:
                path = alias.name if alias.asname else alias.name.split(".")[0]
                self.bind_module(alias.asname or path, path, scope)
        elif isinstance(statement, ast.ImportFrom):
            for alias in statement.names:
                self.bind_from(statement.module, alias, scope)
        elif isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
            lacks = {FLAGS} if asks_for_flags(statement) else set()
            for node in ast.walk(statement):
                if isinstance(node, IMPORTS):
                    lacks |= imported(node) - self.known()
            local = set()
            if is_function(statement):
                local = stored_within(statement) - declared_global(statement)
            scope[statement.name] = Thing(
                lacks, references(statement), scope, changes=changed(statement) - local
            )
        else:
            random = generators(statement)
            for name in stored(statement):
                scope[name] = Thing(random=name in random)

    def bind_module(self, name, path, scope):
        """Bind a name to a module."""
        package = path.split(".")[0]
        if package == "everygrad":
            scope[name] = Thing(module=path)
        elif package not in self.known():
            scope[name] = Thing(absent=path)
        else:
            scope.pop(name, None)

    def bind_from(self, module, alias, scope):
        """Bind what `from module import name` brings."""
        name, path = alias.asname or alias.name, f"{module}.{alias.name}"
        if module == "everygrad":
            scope[name] = Thing(module=path)
        elif module.startswith("everygrad."):
            uses = {alias.name}
            scope[name] = Thing(uses=uses, scope=self.module(module))
        else:
            self.bind_module(name, path, scope)

    def taint(self, statement, missing):
        """Note that a statement does not run: what it would bind or change is lost."""
        scope = self.scope
        touched = changed(statement)
        for name in called(statement) & scope.keys():
            if scope[name].scope is scope:  # a function of this page
                touched |= scope[name].changes
        for name in stored(statement) | (touched & scope.keys()):  # no module
            scope[name] = Thing(lacks=missing)
        for reference in references(statement):
            root = reference.split(".")[0]
            if root in scope and scope[root].random:
                scope[root] = Thing(lacks=missing)


def without_magics(source):
    """Return a cell with IPython's own lines left empty."""
    lines = source.split("\n")
    return "\n".join("" if line.startswith(("%", "!")) else line for line in lines)


def dotted(node):
    """Return `a.b.c` for such an expression, or what it starts with, or ""."""
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""


def references(node):
    """Return the dotted names that are looked up outside of all functions in `node`.

    What a loop or a block binds before it looks it up is its own.
    """
    found = set()

    def visit(node, local):
        if isinstance(node, (ast.FunctionDef, ast.Lambda)):
            local = local | stored_within(node)
            if isinstance(node, ast.FunctionDef):
                declared = [
                    one for one in ast.walk(node) if isinstance(one, ast.Global)
                ]
                local -= {name for one in declared for name in one.names}
        elif isinstance(node, COMPREHENSIONS):
            local = local.union(*(stored(one.target) for one in node.generators))
        elif isinstance(node, ast.For):
            visit(node.iter, local)
            visit(node.target, local)  # it may be an item of a list
            inside = local | stored(node.target)
            visit_block(node.body, inside)
            visit_block(node.orelse, local)
            return
        if isinstance(node, (ast.Attribute, ast.Name)):
            name = dotted(node)
            if name:
                if name.split(".")[0] not in local and not is_stored(node):
                    found.add(name)
                return
        for child in ast.iter_child_nodes(node):
            if not is_annotation(node, child):
                visit(child, local)

    def visit_block(statements, local):
        for one in statements:
            visit(one, local)
            if isinstance(one, (ast.Assign, *IMPORTS)):
                local = local | stored(one)

    visit(node, frozenset())
    return found - set(dir(builtins))


def is_function(node):
    """Return whether a part of the syntax is a function with a name."""
    return isinstance(node, ast.FunctionDef)


def stored_within(function):
    """Return the names of a function's arguments, and those that its body binds."""
    body = function.body if isinstance(function.body, list) else [function.body]
    found = {one.arg for one in ast.walk(function) if isinstance(one, ast.arg)}
    return found.union(*map(stored, body))


def declared_global(function):
    """Return the names that a function declares to be global."""
    declared = [one for one in ast.walk(function) if isinstance(one, ast.Global)]
    return {name for one in declared for name in one.names}


def is_annotation(parent, child):
    """Return whether a part of the syntax only describes a type."""
    return child is getattr(parent, "annotation", None) or child is getattr(
        parent, "returns", None
    )


def is_stored(node):
    """Return whether a name is assigned to here, rather than looked up."""
    return isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)


def stored(node):
    """Return the names that a statement binds.

    Those within functions, and those of `[… for …]`, are not its own.
    """
    found, todo = set(), [node]
    while todo:
        node = todo.pop()
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found.add(node.name)
            continue
        if isinstance(node, ast.Lambda):
            continue
        if isinstance(node, ast.comprehension):
            todo += [node.iter, *node.ifs]
            continue
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            found.add(node.id)
        if isinstance(node, IMPORTS):
            found |= {(a.asname or a.name).split(".")[0] for a in node.names}
        if isinstance(node, ast.ExceptHandler) and node.name:
            found.add(node.name)
        todo += ast.iter_child_nodes(node)
    return found


def generators(statement):
    """Return the names that a statement binds to random generators, or to who has one.

    What a function returns is drawn: `x = sample(default_rng(0))` keeps no generator.
    """
    found = set()
    for node in ast.walk(statement):
        for target in node.targets if isinstance(node, ast.Assign) else []:
            pairs = [(target, node.value)]
            if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                pairs = zip(target.elts, node.value.elts, strict=False)
            found |= {
                name for one, value in pairs if holds(value) for name in stored(one)
            }
    return found


def holds(value):
    """Return whether an expression is a generator, or a list or an object with one."""
    parts = []
    if isinstance(value, ast.Call):
        name = dotted(value.func).split(".")[-1]
        if name == "default_rng":
            return True
        if name[:1].isupper():  # an object
            parts = [*value.args, *(one.value for one in value.keywords)]
    elif isinstance(value, (ast.List, ast.Tuple, ast.Set)):
        parts = value.elts
    elif isinstance(value, ast.Dict):
        parts = value.values
    elif isinstance(value, (ast.ListComp, ast.SetComp)):
        parts = [value.elt]
    return any(map(holds, parts))


def changed(statement):
    """Return the names of what a statement changes in place."""
    found, owners = set(), {}
    for node in ast.walk(statement):
        if isinstance(node, (ast.For, ast.comprehension)):
            names = {one.split(".")[0] for one in references(node.iter)}
            owners |= {item: names for item in stored(node.target)}
        if isinstance(node, ast.AugAssign):
            found.add(base(node.target))
        elif isinstance(node, (ast.Subscript, ast.Attribute)):
            changer = getattr(node, "attr", None) in CHANGERS
            if changer or isinstance(node.ctx, ast.Store):
                found.add(base(node))
    # Who changes the items of a list changes the list.
    return found.union(*(owners.get(name, ()) for name in found)) - {""}


def base(node):
    """Return the name that an expression such as `a.b[0]` starts with, or ""."""
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def imported(statement):
    """Return the packages that a statement imports."""
    if isinstance(statement, ast.Import):
        return {alias.name.split(".")[0] for alias in statement.names}
    if isinstance(statement, ast.ImportFrom):
        return {statement.module.split(".")[0]}
    return set()


def library_modules(statement):
    """Return the modules of the library that a statement imports."""
    if isinstance(statement, ast.Import):
        names = [alias.name for alias in statement.names]
    elif statement.module == "everygrad":
        names = [f"everygrad.{alias.name}" for alias in statement.names]
    else:
        names = [statement.module]
    return [name for name in names if name.split(".")[0] == "everygrad"]


def called(statement):
    """Return the names of the functions that a statement calls."""
    calls = [node for node in ast.walk(statement) if isinstance(node, ast.Call)]
    return {dotted(call.func) for call in calls}


def words_in_texts(statements):
    """Return all names in texts of a cell, which it may evaluate."""
    nodes = [node for one in statements for node in ast.walk(one)]
    texts = [one.value for one in nodes if isinstance(one, ast.Constant)]
    texts = [text for text in texts if isinstance(text, str)]
    return {word for text in texts for word in re.findall(r"[A-Za-z_]\w*", text)}


def only_looks(statement):
    """Return whether a statement leaves everything as it is: a check, or a print."""
    if isinstance(statement, ast.Assert):
        return True
    value = statement.value if isinstance(statement, ast.Expr) else None
    if isinstance(value, ast.Call):
        return dotted(value.func) == "print"
    return value is not None


def asks_for_flags(node):
    """Return whether code wants to hear of overflow or of a division by zero."""
    for one in ast.walk(node):
        if isinstance(one, ast.Call):
            name = dotted(one.func)
            if name.endswith("errstate") and any(
                getattr(word.value, "value", None) != "ignore" for word in one.keywords
            ):
                return True
            if name == "warnings.catch_warnings":
                return True
    return False


def joined(lines):
    """Return runs of lines, those that follow each other as one."""
    runs = []
    for first, last in lines:
        if runs and first <= runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], max(last, runs[-1][1]))
        else:
            runs.append((first, last))
    return runs


def first_line(statement):
    """Return the line on which a statement starts, decorators included."""
    decorators = getattr(statement, "decorator_list", [])
    return min([statement.lineno, *(one.lineno for one in decorators)])
