"""Write a page's document tree as Markdown that any notebook shows: no MyST is left.

Sphinx has resolved the tree: numbers, names and targets of references are known. What
Markdown has no word for becomes HTML that Jupyter and Colab let through: <details>.
Code cells are handed back by their place, for `notebooks` to put in.
"""

import posixpath
import re
from typing import NamedTuple

from docutils import nodes

# Signs that would mean something in Markdown, and beginnings of a line that would.
SIGNS = re.compile(r"([\\`*_$])")
BEGINNING = re.compile(r"^(\s*\d*)([#>+.)-])(?=\s)", re.M)


class Code(NamedTuple):
    """Where a code cell stands: its index in the page's notebook, and whether folded.

    `solution` says that it belongs to an answer that the reader has not asked for yet.
    """

    index: int
    solution: bool = False


class Heading(str):
    """A heading, which begins a new cell."""


def escaped(text):
    """Return plain text so that Markdown shows it as it is."""
    text = SIGNS.sub(r"\\\1", text).replace("<", "&lt;")
    return BEGINNING.sub(r"\1\\\2", text)


def indented(text, by="  "):
    """Return text whose lines after the first are indented."""
    return text.replace("\n", f"\n{by}")


def numbered(numbers, kind, node):
    """Return "4.2" for a node with a number of its kind, else ""."""
    of_kind = numbers.get(kind, {})
    found = [of_kind[name] for name in node["ids"] if name in of_kind]
    return ".".join(map(str, found[0])) if found else ""


class PlainMarkdown:
    """Turns nodes into Markdown: `blocks` into paragraphs, `words` into a line.

    Parameters
    ----------
    page : str
        The page's name, such as ``"book/perceptron"``.
    sections, figures : dict
        Sphinx's numbers of sections and of everything else that this page numbers.
    target : callable
        From a path in the site and an anchor to an address, or None for no link.
    """

    def __init__(self, page, sections, figures, target):
        self.page, self.target = page, target
        self.sections, self.figures = sections, figures
        self.level = 0
        self.in_table = False

    def blocks(self, node):
        """Return the blocks of a node: str, Heading or Code."""
        write = getattr(self, f"block_{type(node).__name__}", None)
        if write is None:
            raise NotImplementedError(
                f"{self.page}: no plain Markdown for <{type(node).__name__}>; teach "
                "book/_ext/plain_markdown.py how it reads"
            )
        return write(node)

    def children(self, node):
        """Return the blocks of all children."""
        return [block for child in node.children for block in self.blocks(child)]

    def words(self, node):
        """Return what stands within a line."""
        return "".join(self.word(child) for child in node.children)

    def word(self, node):
        """Return one node within a line."""
        write = getattr(self, f"word_{type(node).__name__}", None)
        if write is None:
            raise NotImplementedError(
                f"{self.page}: no plain Markdown for <{type(node).__name__}> within a "
                "line; teach book/_ext/plain_markdown.py how it reads"
            )
        return write(node)

    # Within a line

    def word_Text(self, node):
        text = escaped(node.astext())
        return text.replace("|", r"\|").replace("\n", " ") if self.in_table else text

    def word_emphasis(self, node):
        return f"*{self.words(node)}*"

    def word_strong(self, node):
        return f"**{self.words(node)}**"

    def word_literal(self, node):
        if "xref" in node["classes"]:  # the text of a reference, not code
            return self.words(node)
        text = node.astext()
        fence = "``" if "`" in text else "`"
        space = " " if "`" in text else ""
        return f"{fence}{space}{text}{space}{fence}"

    def word_inline(self, node):
        return self.words(node)

    def word_number_reference(self, node):
        return self.word_reference(node)

    def word_target(self, node):
        return ""

    def word_index(self, node):
        return ""

    def word_math(self, node):
        tex = " ".join(node.astext().split())
        if self.in_table:  # where a bar would end the cell
            tex = tex.replace(r"\|", r"\Vert ").replace("|", r"\vert ")
        return f"${tex}$"

    def word_reference(self, node):
        words = self.words(node)
        uri = node.get("refuri", "")
        if "://" in uri or uri.startswith("mailto:"):
            return f"[{words}]({uri})"
        path, _, anchor = uri.partition("#")
        here = posixpath.dirname(self.page)
        path = posixpath.normpath(posixpath.join(here, path)) if path else None
        address = self.target(path, anchor or node.get("refid", ""))
        return f"[{words}]({address})" if address else words

    def word_image(self, node):
        return f"![{escaped(node.get('alt', ''))}]({node['uri']})"

    # Paragraphs and more

    def block_document(self, node):
        return self.children(node)

    def block_section(self, node):
        titled = bool(node.children) and isinstance(node.children[0], nodes.title)
        self.level += titled
        found = self.children(node)
        self.level -= titled
        return found

    def block_title(self, node):
        names = [f"#{name}" for name in node.parent["ids"]]
        names += [""] if self.level == 1 else []
        numbers = [self.sections[x] for x in names if self.sections.get(x)]
        number = ".".join(map(str, numbers[0])) + ". " if numbers else ""
        return [Heading(f"{'#' * self.level} {number}{self.words(node)}")]

    def block_paragraph(self, node):
        return [self.words(node)]

    def block_target(self, node):
        return []

    block_index = block_comment = block_toctree = block_target

    def block_raw(self, node):
        """Return HTML, but not what extensions add to the end of a page."""
        return [] if isinstance(node.parent, nodes.document) else [node.astext()]

    def block_compound(self, node):
        return []  # the table of contents

    def block_math_block(self, node):
        tex = "\n".join(line for line in node.astext().splitlines() if line.strip())
        number = numbered(self.figures, "displaymath", node) or node["number"]
        tag = f"\n\\tag{{{number}}}" if number else ""
        return [f"$$\n{tex}{tag}\n$$"]

    def block_literal_block(self, node):
        language = node.get("language", "")
        language = "" if language in {"default", "none"} else language
        return [f"```{language}\n{node.astext().rstrip()}\n```"]

    def block_bullet_list(self, node):
        return ["\n".join(f"- {indented(self.item(item))}" for item in node.children)]

    def block_enumerated_list(self, node):
        items = enumerate(node.children, node.get("start", 1))
        return ["\n".join(f"{k}. {indented(self.item(x), '   ')}" for k, x in items)]

    def item(self, node):
        """Return an item of a list, which may hold several blocks but no code cell."""
        return "\n\n".join(self.children(node))

    def block_definition_list(self, node):
        return [self.item(item) for item in node.children]

    def block_term(self, node):
        return [f"**{self.words(node)}**"]

    def block_definition(self, node):
        return self.children(node)

    def block_block_quote(self, node):
        return ["> " + indented("\n\n".join(self.children(node)), "> ")]

    def block_table(self, node):
        self.in_table = True
        rows = [
            "| " + " | ".join(self.entry(entry) for entry in row.children) + " |"
            for row in node.findall(nodes.row)
        ]
        self.in_table = False
        columns = len(next(node.findall(nodes.row)).children)
        rows.insert(1, "|" + " --- |" * columns)
        return ["\n".join(rows)]

    def entry(self, node):
        """Return a cell of a table."""
        return " ".join(
            block for child in node.children for block in self.blocks(child)
        )

    def block_admonition(self, node):
        return self.children(node)

    def block_note(self, node):
        return [f"**{type(node).__name__.capitalize()}**", *self.children(node)]

    block_tip = block_warning = block_important = block_hint = block_note

    # Figures, and the cells that draw them

    def block_figure(self, node):
        return [
            block
            for child in node.children
            if isinstance(child, nodes.caption | nodes.image)
            for block in self.blocks(child)
        ]

    def block_image(self, node):
        return [self.word_image(node)]

    def block_caption(self, node):
        number = numbered(self.figures, "figure", node.parent)
        return [f"**Fig. {number}** {self.words(node)}"]

    def block_container(self, node):
        if node.get("nb_element") != "cell_code":
            return self.children(node)
        captions = [
            block
            for figure in node.findall(nodes.figure)
            for block in self.blocks(figure)
            if block.startswith("**Fig. ")
        ]
        return [Code(node["cell_index"]), *captions]

    # Theorems, exercises and their solutions

    def block_theorem_node(self, node):
        number = numbered(self.figures, node["countertype"], node)
        title, *rest = node.children
        name = f"{node['realtype'].capitalize()} {number}".strip()
        return [
            f"**{name}**{self.words(title)}",
            *(b for x in rest for b in self.blocks(x)),
        ]

    def block_proof_node(self, node):
        return [*self.children(node), "∎"]

    def block_exercise_enumerable_node(self, node):
        title, *rest = node.children
        name = f"Exercise {numbered(self.figures, 'exercise', node)}"
        hashes = "#" * (self.level + 1)
        heading = Heading(f"{hashes} {name} {self.words(title)}".strip())
        return [heading, *(block for x in rest for block in self.blocks(x))]

    def block_solution_node(self, node):
        title, *rest = node.children
        summary = nodes.unescape(title.astext())
        found, text = [], []

        def fold():
            nonlocal summary
            if text:
                found.append(
                    f"<details><summary>{summary}</summary>\n\n"
                    + "\n\n".join(text)
                    + "\n\n</details>"
                )
                summary = "The solution goes on"
                text.clear()

        for block in [block for x in rest for block in self.blocks(x)]:
            if isinstance(block, Code):
                fold()
                found.append(block._replace(solution=True))
            else:
                text.append(block)
        fold()
        return found
