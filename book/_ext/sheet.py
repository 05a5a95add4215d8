"""Give every page one small style sheet, of the rules that some page can use.

The theme and its companions bring a dozen sheets, half a megabyte: a page cannot be
drawn before the last of them is there, and each rule is looked at for each element.
What no page and no script names is left out, as PurgeCSS does it: a rule stays if every
class and every name in its selector stands in some page, or is a word of a script.
"""

import hashlib
import posixpath
import re

import tinycss2

NAME = "site.css"
LINK = re.compile(
    r'<link (?=[^>]*rel="stylesheet")[^>]*'
    r'href="([^"]*)_static/([^"?]*\.css)[^"]*"[^>]*>'
)
NAMED = re.compile(r'\b(?:class|id)="([^"]*)"')
SCRIPT = re.compile(r'<script [^>]*src="([^"?]*)')
VERSION = re.compile(rf'({NAME})(\?v=\w+)?"')
PUT_TOGETHER = ("bs-tooltip-",)  # names that scripts make of parts


def replace_links(page, sheets):
    """Return a page that loads the one sheet; note what it loaded before."""
    first = LINK.search(page)
    if first is None:
        return page
    merge(sheets, [name for _, name in LINK.findall(page)])
    link = f'<link rel="stylesheet" href="{first[1]}_static/{NAME}">'
    return LINK.sub(lambda match: link if match.start() == first.start() else "", page)


def merge(sheets, names):
    """Put the names that a list of sheets lacks where they belong among the others."""
    place = len(sheets)
    for name in reversed(names):
        if name in sheets:
            place = sheets.index(name)
        else:
            sheets.insert(place, name)


def write(site, sheets):
    """Write the sheet, and its version into all pages of a site."""
    target = site / "_static" / NAME
    if target.exists():  # pages that were not written again may need more than others
        before = target.read_text(encoding="utf-8").partition("\n")[0].split()[2:-1]
        merge(sheets, [name for name in before if (site / "_static" / name).exists()])
    pages = {path: path.read_text(encoding="utf-8") for path in site.rglob("*.html")}
    pages = {path: text for path, text in pages.items() if NAME in text}
    words = names(site, pages)
    rules = [rule for name in sheets for rule in read(site, name, words)]
    text = "\n".join([f"/* from: {' '.join(sheets)} */", *rules])
    target.write_text(text, encoding="utf-8")
    version = hashlib.sha256(text.encode()).hexdigest()[:8]
    for path, before in pages.items():
        after = VERSION.sub(rf'\1?v={version}"', before)
        if after != before:
            path.write_text(after, encoding="utf-8")


def names(site, pages):
    """Return the classes and names in pages {path: text}, and the words of scripts."""
    found, scripts = set(), set()
    for path, text in pages.items():
        found.update(*(value.split() for value in NAMED.findall(text)))
        for source in SCRIPT.findall(text):
            scripts.add((path.parent / source).resolve())
    for script in scripts:
        if script.is_file():
            found.update(re.findall(r"[\w-]+", script.read_text(encoding="utf-8")))
    return found


def read(site, name, words):
    """Return the rules of a sheet, and of those it imports, that can apply."""
    text = (site / "_static" / name).read_text(encoding="utf-8")
    rules = tinycss2.parse_stylesheet(text, skip_comments=True, skip_whitespace=True)
    kept = []
    for rule in rules:
        if getattr(rule, "lower_at_keyword", None) == "import":
            target = next(t for t in rule.prelude if t.type in ("string", "url")).value
            folder = posixpath.dirname(name)
            kept += read(site, posixpath.normpath(f"{folder}/{target}"), words)
        else:
            kept += lean([rule], words, posixpath.dirname(name))
    return kept


def lean(rules, words, folder):
    """Return rules as text: what can apply, addresses as seen from the one sheet."""
    kept = []
    for rule in rules:
        if rule.type == "error":
            raise ValueError(f"a style sheet in {folder!r}: {rule.message}")
        if rule.type == "qualified-rule":
            selectors = [s for s in split(rule.prelude) if can_apply(s, words)]
            if selectors:
                content = tinycss2.serialize(tidy(rule.content, folder)).strip()
                kept.append(f"{','.join(map(text_of, selectors))}{{{content}}}")
        elif rule.lower_at_keyword in ("media", "supports"):
            inner = tinycss2.parse_rule_list(
                rule.content, skip_comments=True, skip_whitespace=True
            )
            inner = "\n".join(lean(inner, words, folder))
            if inner:
                condition = text_of(rule.prelude)
                kept.append(f"@{rule.at_keyword} {condition}{{{inner}}}")
        elif rule.lower_at_keyword != "charset":
            rule.content = rule.content and tidy(rule.content, folder)
            kept.append(rule.serialize())
    return kept


def split(tokens):
    """Return a list of selectors, each a list of tokens."""
    parts = [[]]
    for token in tokens:
        if token == ",":
            parts.append([])
        elif token.type != "comment":
            parts[-1].append(token)
    return parts


def can_apply(selector, words):
    """Return whether every class and name outside brackets is among the words."""
    before = [None, *selector]
    needed = [
        token.value
        for last, token in zip(before, selector, strict=False)
        if token.type == "hash" or (token.type == "ident" and last == ".")
    ]
    return all(name in words or name.startswith(PUT_TOGETHER) for name in needed)


def text_of(tokens):
    """Return tokens as text on one line."""
    return " ".join(tinycss2.serialize(tokens).split())


def tidy(tokens, folder):
    """Return tokens without comments and line breaks, addresses seen from _static."""
    kept = []
    for token in tokens:
        if token.type == "comment":
            continue
        if token.type == "whitespace":
            token.value = " "
        elif token.type == "url":
            token.value = moved(token.value, folder)
            token.representation = f'url("{token.value}")'
        elif token.type == "function" and token.lower_name == "url":
            for part in token.arguments:
                if part.type == "string":
                    part.value = moved(part.value, folder)
                    part.representation = f'"{part.value}"'
        elif token.type == "function":
            token.arguments = tidy(token.arguments, folder)
        elif hasattr(token, "content"):
            token.content = tidy(token.content, folder)
        kept.append(token)
    return kept


def moved(address, folder):
    """Return an address in a sheet in a folder, as seen from _static."""
    if re.match(r"[a-z]+:|[/#]", address):
        return address
    return posixpath.normpath(posixpath.join(folder, address))
