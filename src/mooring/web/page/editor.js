// The text field: a textarea over a copy of its text, which shows the marks, with brackets for windows beside it.
import { byId, svg } from "./shared/dom.js";
import { marked } from "./shared/marks.js";
import { bytes, count, lengthOf, plural, unitsOf } from "./shared/text.js";

const COLUMN = 8;
const EDGE = 6;

const text = byId("text"),
  mirror = byId("mirror"),
  editor = byId("editor"),
  gutter = byId("gutter"),
  counted = byId("counted");

let marks = [],
  windows = null,
  largest = Infinity;

export const value = () => text.value;

// As if it had been typed: marks go, and others hear of it.
export function fill(content) {
  text.value = content;
  text.dispatchEvent(new Event("input"));
}

// Show marks, and bring the first one into view.
export function show(wanted, scroll = true) {
  marks = wanted;
  draw();
  if (scroll && marks.length)
    bringIntoView(mirror.querySelector("mark.best") || mirror.querySelector("mark"));
}

export function bracket(found) {
  windows = found;
  drawBrackets();
  tell();
}

function clear() {
  marks = [];
  windows = null;
  draw();
  drawBrackets();
  tell();
}

function draw() {
  // A last line break takes a line only if something follows it.
  mirror.replaceChildren(...marked(text.value, marks), "\u200b");
}

function bringIntoView(mark) {
  if (!mark) return;
  const seen = editor.getBoundingClientRect(),
    place = mark.getBoundingClientRect();
  if (place.top < seen.top || place.bottom > seen.bottom)
    editor.scrollTop += place.top - seen.top - editor.clientHeight / 3;
}

function tell() {
  const read = windows ? `, read in ${plural(windows.length, "window")}, which overlap` : "";
  const length = lengthOf(text.value);
  counted.textContent = length ? `${count(length)} characters${read}.` : "Paste a text, or drop a file here.";
}

// One bracket per window, in as many columns as are needed for overlaps to be told apart.
function drawBrackets() {
  gutter.replaceChildren();
  gutter.style.width = "0";
  if (!windows) return;
  const columns = Math.min(3, windows.length);
  const top = mirror.getBoundingClientRect().top,
    unit = unitsOf(text.value);
  const paths = windows.map(([start, end], i) => {
    const from = heightOf(unit(start)).top - top + 2,
      to = heightOf(Math.max(unit(start), unit(end) - 1)).bottom - top - 2,
      x = 4 + (i % columns) * COLUMN;
    const title = svg("title", {}, `Window ${i + 1}: characters ${count(start)} to ${count(end)}`);
    return svg("path", { d: `M${x + EDGE} ${from}H${x}V${to}H${x + EDGE}` }, title);
  });
  const width = 4 + columns * COLUMN;
  gutter.style.width = `${width}px`;
  gutter.append(svg("svg", { width, height: mirror.offsetHeight }, paths));
}

// Where the character at a UTF-16 offset is drawn.
function heightOf(offset) {
  const range = document.createRange();
  const walker = document.createTreeWalker(mirror, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (offset < node.length) {
      range.setStart(node, offset);
      range.setEnd(node, offset + 1);
      return range.getBoundingClientRect();
    }
    offset -= node.length;
  }
  return mirror.getBoundingClientRect();
}

async function readFile(file) {
  if (file.size > largest) {
    counted.textContent = `${file.name} has ${bytes(file.size)}; this server takes at most ${bytes(largest)}.`;
    return;
  }
  try {
    const content = new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer());
    if (content.includes("\0")) throw new TypeError("binary");
    fill(content);
  } catch {
    counted.textContent = `${file.name} is not a text file in UTF-8. Convert it to plain text first.`;
  }
}

export function start(limit) {
  largest = limit || Infinity;
}

text.addEventListener("input", clear);
byId("open").addEventListener("click", () => byId("file").click());
byId("clear").addEventListener("click", () => {
  fill("");
  text.focus();
});
byId("file").addEventListener("change", (event) => {
  const [file] = event.target.files;
  if (file) readFile(file);
  event.target.value = "";
});
for (const kind of ["dragenter", "dragover"])
  editor.addEventListener(kind, (event) => {
    if (![...event.dataTransfer.types].includes("Files")) return;
    event.preventDefault();
    editor.classList.add("over");
  });
for (const kind of ["dragleave", "drop"])
  editor.addEventListener(kind, () => editor.classList.remove("over"));
editor.addEventListener("drop", (event) => {
  const [file] = event.dataTransfer.files;
  if (!file) return;
  event.preventDefault();
  readFile(file);
});
new ResizeObserver(() => drawBrackets()).observe(mirror);
