// Lets a reader run the cells of this page: adds buttons below each live cell (live.py).
// Python runs in a worker, which is fetched at the first Run and ended by Stop.
// No module: from a folder on disk browsers load none, and would complain.
(() => {
"use strict";
const page = JSON.parse(document.getElementById("live-cells").textContent);
const root = new URL("../pyodide/", document.currentScript.src);
const cells = [];
let python = null; // the worker, from the first Run until Stop
let ready = false; // whether that worker has started Python
let loaded = false; // whether the browser has fetched Python before
let active = null; // the cell whose Run was asked for, while it runs
let waiting = null; // {id, emit, resolve} of what Python works at
let count = 0;

function make(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}

// A cell that is not live still runs its clean lines before later cells.
function source(cell) {
  if (cell.editor) return cell.editor.value;
  if (cell.live) return cell.pre.textContent;
  const lines = cell.pre.textContent.split("\n");
  const kept = (n) => cell.lines.some(([first, last]) => first <= n && n <= last);
  return lines.map((line, k) => (kept(k + 1) ? line : "")).join("\n");
}

function open() {
  python = new Worker(new URL("live-worker.js", root));
  python.onmessage = ({ data }) => {
    if (data.id !== waiting?.id) return;
    for (const part of data.parts) waiting.emit(part);
    if (data.end) finish(data.end);
  };
  python.onerror = (event) => {
    const text = event.message || "its files do not load";
    waiting?.emit({ kind: "broken", text });
    finish("broken");
  };
}

function finish(end) {
  const { resolve } = waiting ?? {};
  waiting = null;
  resolve?.(end);
}

function close() {
  python?.terminate();
  python = null;
  ready = false;
  for (const cell of cells) cell.ran = null;
}

// Runs code; resolves to how it ended: "well", "error", "broken" or "stopped".
function ask(code, name, emit) {
  if (!python) open();
  const id = ++count;
  const { packages, absent, setUp } = page;
  return new Promise((resolve) => {
    waiting = { id, emit, resolve };
    python.postMessage({ id, source: code, name, options: { packages, absent, setUp } });
  });
}

async function runOne(cell, emit) {
  const code = source(cell);
  const end = await ask(code, `cell ${cell.number}`, emit);
  // Lines of a cell that is not live are run in case later cells need them. Where one
  // fails for want of what was left out, the cell that needs it will say so.
  const fine = end === "well" || (end === "error" && !cell.live);
  cell.ran = fine ? code : null;
  return fine ? "well" : end;
}

async function run(cell) {
  if (active) return say(cell, "Python is busy with another cell.");
  active = cell;
  performance.mark("live cell asked for");
  cell.stop.hidden = false;
  cell.reset.hidden = false;
  const wait = loaded ? "Python starts again …" : `Loading Python (${page.size}) …`;
  let phase;
  const enter = (words) => {
    phase = words;
    say(cell, ready ? phase : wait);
  };
  const shown = make("div", { className: "cell_output live-output" });
  cell.next = shown;
  delete cell.output?.dataset.end;
  const emit = (part) => {
    if (part.kind !== "started") return add(place(cell, shown), part);
    ready = loaded = true;
    for (const other of cells) other.size?.remove();
    say(cell, phase);
  };
  // What cells above print stays as it is; only their errors are shown.
  const quietly = (above) => (data) => {
    const bad = data.kind === "broken" || (data.kind === "error" && above.live);
    if (bad || data.kind === "started") emit(data);
  };
  let end = "well";
  for (const earlier of cells.slice(0, cells.indexOf(cell))) {
    if (end === "well" && earlier.ran !== source(earlier)) {
      enter("Running the cells above …");
      end = await runOne(earlier, quietly(earlier));
      if (end === "error") shown.prepend(make("p", {}, "A cell above this one raised:"));
    }
  }
  enter("Running …");
  if (end === "well") end = await runOne(cell, emit);
  if (end === "broken") close();
  active = null;
  settle(cell, end, shown);
}

function settle(cell, end, shown) {
  const text = shown.textContent.trim();
  const start = text.length > 300 ? `${text.slice(0, 300)} … and more` : text;
  const last = text.split("\n").pop();
  const words = {
    well: text ? ["Done.", `Output: ${start}`] : ["Done, without output.", ""],
    error: ["Error.", last],
    broken: ["Python could not start.", last],
    stopped: ["Stopped. The next Run starts Python afresh.", ""],
  }[end];
  if (document.activeElement === cell.stop) cell.run.focus();
  cell.stop.hidden = true;
  place(cell, shown).dataset.end = end;
  say(cell, ...words);
  performance.measure("live cell", "live cell asked for");
}

function stop() {
  close();
  finish("stopped");
}

// The status is a live region: what it says is read aloud, the hidden part too.
function say(cell, text, aloud = "") {
  if (cell.status.textContent === text) return;
  cell.status.replaceChildren(text);
  if (aloud) cell.status.append(make("span", { className: "visually-hidden" }, ` ${aloud}`));
}

// Puts new output where the last one was, or the build's: not before there is some, so
// that the page moves once. After a reset there is no place for it any more.
function place(cell, shown) {
  if (cell.next !== shown) return shown;
  cell.next = null;
  cell.output?.remove();
  cell.output = shown;
  for (const baked of cell.baked) baked.hidden = true;
  cell.node.append(shown);
  return shown;
}

function add(shown, { kind, text }) {
  if (kind === "html") {
    shown.append(make("div", { innerHTML: text }));
  } else if (kind === "image") {
    const src = `data:image/svg+xml,${encodeURIComponent(text)}`;
    shown.append(make("img", { src, alt: "The figure that this cell drew just now." }));
  } else if (shown.lastElementChild?.className === `live-${kind}`) {
    shown.lastElementChild.textContent += text;
  } else {
    // Wide output scrolls sideways: it must be reachable from the keyboard.
    shown.append(make("pre", { className: `live-${kind}`, tabIndex: 0 }, text));
  }
}

function reset(cell) {
  if (active === cell) stop();
  cell.editor?.remove();
  cell.editor = null;
  cell.pre.parentElement.hidden = false;
  cell.output?.remove();
  cell.output = cell.next = null;
  for (const baked of cell.baked) baked.hidden = false;
  cell.run.focus();
  cell.reset.hidden = true;
  say(cell, "Code and output are the book's again.");
}

// A text field takes the place of the coloured code until Reset.
function edit(cell) {
  if (!cell.editor) {
    const value = cell.pre.textContent.trimEnd();
    cell.editor = make("textarea", { value, spellcheck: false });
    cell.editor.rows = value.split("\n").length + 1;
    cell.editor.autocapitalize = "off";
    const words = `Code of cell ${cell.number}; Shift+Enter runs, Escape leaves`;
    cell.editor.setAttribute("aria-label", words);
    cell.pre.parentElement.hidden = true;
    cell.pre.parentElement.after(cell.editor);
    cell.reset.hidden = false;
  }
  cell.editor.focus();
}

// Enter keeps the indentation. Tab is left alone: it moves on, as everywhere.
function keys(cell, event) {
  if (event.key === "Enter" && event.shiftKey) {
    event.preventDefault();
    run(cell);
  } else if (event.target !== cell.editor) {
    return;
  } else if (event.key === "Escape") {
    cell.run.focus();
  } else if (event.key === "Enter" && !event.isComposing) {
    event.preventDefault();
    document.execCommand("insertText", false, `\n${indentation(cell.editor)}`);
    cell.editor.rows = Math.max(cell.editor.rows, cell.editor.value.split("\n").length + 1);
  }
}

function indentation({ value, selectionStart }) {
  const line = value.slice(0, selectionStart).split("\n").pop();
  return line.match(/^ */)[0] + (line.trimEnd().endsWith(":") ? "    " : "");
}

function button(cell, word, action, hidden) {
  const node = make("button", { type: "button", className: "btn btn-sm", hidden }, word);
  node.setAttribute("aria-label", `${word} cell ${cell.number}`);
  node.addEventListener("click", () => action(cell));
  return node;
}

function setUp(node, k) {
  const input = node.querySelector(".cell_input");
  const pre = input?.querySelector("pre");
  if (!pre) return;
  const cell = { node, pre, ran: null, number: k + 1 };
  Object.assign(cell, page.cells[k]);
  cells.push(cell);
  if (!cell.live) return;
  cell.baked = [...node.querySelectorAll(".cell_output")];
  cell.run = button(cell, "Run", run, false);
  cell.edit = button(cell, "Edit", edit, false);
  cell.stop = button(cell, "Stop", stop, true);
  cell.reset = button(cell, "Reset", reset, true);
  cell.size = make("small", {}, `loads Python first: ${page.size}`);
  cell.status = make("output");
  const parts = [cell.run, cell.edit, cell.stop, cell.reset, cell.size, cell.status];
  input.append(make("div", { className: "live-bar" }, ...parts));
  input.addEventListener("keydown", (event) => keys(cell, event));
}

// From a folder on disk browsers start no worker: there the pages are for reading, and
// buttons need no room.
if (location.protocol === "file:") {
  for (const cell of document.querySelectorAll("div.cell.live")) cell.classList.remove("live");
} else document.querySelectorAll("div.cell").forEach(setUp);
})();
