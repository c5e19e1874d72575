// Vectors: how alike they are as a matrix, and their values as strips of colour.
import { h, svg } from "./dom.js";
import { plural } from "./text.js";

const MOST_ROWS = 24;
const MOST_VALUES = 96;

const dot = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);

export function cosine(a, b) {
  const length = Math.sqrt(dot(a, a) * dot(b, b));
  return length ? dot(a, b) / length : 0;
}

// `names` of the rows and columns, and the value of a pair.
export function matrix(names, valueOf) {
  const shown = names.slice(0, MOST_ROWS);
  const head = shown.map((name, i) => h("th", { scope: "col", class: "num", title: name }, String(i + 1)));
  const rows = shown.map((name, i) =>
    h(
      "tr",
      {},
      h("th", { scope: "row", title: name }, h("span", { class: "clip" }, `${i + 1}  ${name}`)),
      shown.map((_, j) => cell(valueOf(i, j))),
    ),
  );
  return h(
    "div",
    { class: "scroll", tabindex: "0", role: "group", "aria-label": "Similarity matrix" },
    h(
      "table",
      { class: "matrix" },
      h("caption", {}, "Cosine similarity of each pair of texts"),
      h("thead", {}, h("tr", {}, h("td", {}), head)),
      h("tbody", {}, rows),
    ),
    names.length > MOST_ROWS &&
      h("p", { class: "quiet small" }, `The first ${MOST_ROWS} of ${names.length}.`),
  );
}

function cell(value) {
  const node = h("td", { class: "num heat" }, value.toFixed(2));
  // The policy forbids a style attribute, but not this.
  node.style.setProperty("--heat", Math.max(0, Math.min(1, value)));
  return node;
}

// One strip per vector.
export function strips(names, vectors) {
  const all = vectors.slice(0, MOST_ROWS);
  const largest = Math.max(1e-9, ...all.flatMap((one) => one.slice(0, MOST_VALUES).map(Math.abs)));
  const line = (vector, i) =>
    h(
      "li",
      {},
      h("span", { class: "clip", title: names[i] }, names[i] ?? `${i + 1}`),
      strip(vector.slice(0, MOST_VALUES), largest),
    );
  const size = vectors[0]?.length || 0;
  const more = vectors.length > MOST_ROWS ? `, of the first ${MOST_ROWS}` : "";
  return [
    h("ol", { class: "strips" }, all.map(line)),
    h(
      "p",
      { class: "quiet small" },
      `${plural(vectors.length, "vector")} of ${plural(size, "number")}; the first ${Math.min(size, MOST_VALUES)} are drawn${more}.`,
    ),
  ];
}

function strip(values, largest) {
  const rect = (value, x) =>
    svg("rect", {
      class: value < 0 ? "minus" : "plus",
      x,
      width: 1,
      height: 1,
      "fill-opacity": (Math.abs(value) / largest).toFixed(2),
    });
  return svg(
    "svg",
    { viewBox: `0 0 ${values.length} 1`, preserveAspectRatio: "none", "aria-hidden": "true" },
    values.map(rect),
  );
}
