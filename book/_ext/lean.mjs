// Write KaTeX's formulas in fewer elements, with every letter where it was.
//
// Most elements of a page are in its formulas, and a phone reads and lays out each.
// KaTeX wraps what needs no wrapping, makes an element of each space, and puts every
// exponent into a table. What is written here instead is as high and as deep, so that
// lines stay where they are, too. The classes that it adds have rules in course.css.

// Classes that no rule names, those that choose a font, others of a line of letters.
const UNUSED = /^$|^m(ord|op|bin|rel|open|close|punct|inner|tight)$/;
const FONT = /^(math[a-z]+|main(rm|it)|boldsymbol|ams(rm)?|text[a-z]*)$/;
const LINE = /^(katex-base|katex-sizing|(reset-)?size\d+|script|scriptscript)$/;
// So high and so deep, in em, is every line of KaTeX's main font, in sizes from 14 px:
// a browser rounds 0.903 and 0.272 em to pixels, and half of what 1.2 em leave, down.
const HIGH = 0.84;
const DEEP = 0.26;
// How KaTeX says the size of an index, and of an index of an index.
const SCRIPTS = {
  "katex-sizing,reset-size6,size3": ["script", 0.7],
  "katex-sizing,reset-size3,size1": ["scriptscript", 5 / 7],
};
const NOTHING = 0.12; // em: how wide a bracket is that is not there

const number = (length) => parseFloat(length ?? 0);
const em = (size) => `${+size.toFixed(4)}em`;
const has = (node, name) => node?.classes?.includes(name);
const only = (node, ...kinds) =>
  node.classes?.every((name) => kinds.some((kind) => kind.test(name)));
const isLetter = (node) => "skew" in node;
const isStyled = (node) =>
  Object.keys({ ...node.style, ...node.attributes }).length > 0 || node.italic > 0;
const isBare = (node) => node.classes?.length === 0 && !isStyled(node);
const escaped = (words) =>
  words.replace(/[&<>]/g, (sign) => `&${{ "&": "amp", "<": "lt", ">": "gt" }[sign]};`);

/** Return KaTeX's tree of a formula with fewer nodes; the tree itself is changed. */
export function lean(tree) {
  return shorter(withoutUnused(tree));
}

/** Leave out the classes that no rule names. */
function withoutUnused(node) {
  if (node.classes) node.classes = node.classes.filter((name) => !UNUSED.test(name));
  node.children?.forEach(withoutUnused);
  return node;
}

/** Return what stands for a node. */
function shorter(node) {
  if (has(node, "katex-mathml")) return shorterMathML(node);
  if (!node.classes || !node.children) return node;
  if (has(node, "katex-base")) node.children = withoutStrut(node.children);
  if (only(node, FONT, LINE) && !has(node.children[0], "pstrut")) {
    node.children = inLine(node.children);
    return node;
  }
  node.children = node.children.map(shorter);
  if (has(node, "msupsub")) return script(node);
  if (has(node, "vlist-t")) return stack(node);
  return node;
}

/** Return a line without the element that makes it high, where its font does that. */
function withoutStrut([strut, ...others]) {
  const deep = -number(strut.style.verticalAlign);
  const high = number(strut.style.height) - deep;
  return high > HIGH || deep > DEEP ? [strut, ...others] : others;
}

/** Return what stands in a line: no wrapping without a meaning, no space by itself. */
function inLine(nodes) {
  const flat = (node) =>
    node.children && isBare(node) ? node.children.flatMap(flat) : [node];
  const line = nodes.flatMap(flat).map(shorter);
  return line
    .filter((node, place) => !handedOn(node, line[place - 1], line[place + 1]))
    .map((node) => (isLetter(node) && isBare(node) ? words(node.text) : node));
}

/** Return a node of nothing but words. */
function words(text) {
  return { classes: [], toMarkup: () => escaped(text) };
}

/** Hand a space on to a neighbour, as its margin, and say whether that was possible. */
function handedOn(node, before, after) {
  const kind = String(node.classes);
  const said = Object.keys(node.style ?? {});
  const nothing = kind === "nulldelimiter";
  if (!nothing && (kind !== "mspace" || String(said) !== "marginRight")) return false;
  const size = nothing ? NOTHING : number(node.style.marginRight);
  const takes = (other) =>
    other && (isLetter(other) ? only(other, FONT) : has(other, "mfrac"));
  if (takes(before) && !(isBare(before) && takes(after))) {
    widen(before, "marginRight", size);
  } else if (takes(after)) {
    widen(after, "marginLeft", size);
  } else return false;
  return true;
}

/** Give a node a wider margin on one side, in em. */
function widen(node, side, size) {
  const slant = side === "marginRight" ? (node.italic ?? 0) : 0;
  if (slant) node.italic = 0;
  node.style[side] = em(number(node.style[side]) + slant + size);
}

/** Return an index or an exponent, if it is alone, as letters of another size. */
function script(node) {
  const [box, ...others] = node.children[0].children;
  const [strut, sized] = box.children;
  if (others.length || !(sized?.classes in SCRIPTS)) return node;
  const [name, scale] = SCRIPTS[sized.classes];
  const up = -number(box.style.top) - number(strut.style.height);
  sized.classes = [name];
  sized.style.verticalAlign = em(up / scale);
  for (const side of ["marginLeft", "marginRight"]) {
    const margin = number(box.style[side]);
    if (margin) sized.style[side] = em(margin / scale);
  }
  return sized;
}

/** Return KaTeX's table as one box: its padding is as high and as deep as the rows. */
function stack(table) {
  const cells = table.children.map((row) => row.children[0]);
  const [above, below] = cells.map((cell) => number(cell.style.height));
  const boxes = cells[0].children;
  table.classes = [...table.classes.filter((name) => name !== "vlist-t2"), "vlist"];
  table.style.padding = `${em(Math.max(above, 0))} 0 ${em(below ?? 0)}`;
  table.style.verticalAlign = em(-number(boxes.at(-1).children[0].style.height));
  table.children = boxes;
  return table;
}

/** Return what screen readers read, without words that HTML does not need. */
function shorterMathML(node) {
  const [math] = node.children;
  const [semantics] = math.children;
  const [row] = semantics.children;
  delete math.attributes.xmlns;
  if (row.type === "mrow" && row.children.length === 1) {
    semantics.children[0] = row.children[0];
  }
  return node;
}
