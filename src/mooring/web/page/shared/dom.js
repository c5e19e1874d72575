// Make nodes. Text reaches the document as text nodes only, never as markup.
const SVG = "http://www.w3.org/2000/svg";

export const byId = (id) => document.getElementById(id);

export const h = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
export const svg = (tag, attributes, ...children) =>
  fill(document.createElementNS(SVG, tag), attributes, children);

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...present(children));
  return node;
}

const present = (children) => children.flat(9).filter((child) => child != null && child !== false);

// Rebuild a node's content only when what it shows has changed, and keep the focus.
export function swap(node, shown, build) {
  const key = JSON.stringify(shown);
  if (node.shown === key) return;
  node.shown = key;
  const focused = node.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  node.replaceChildren(...present([build()]));
  if (focused) [...node.querySelectorAll("a")].find((one) => one.getAttribute("href") === focused)?.focus();
}

export const panel = (title, ...children) =>
  h("section", { class: "panel" }, title && h("h2", {}, title), children);

export function table(heads, rows) {
  const number = (index) => heads[index].startsWith("#") && "num";
  const head = heads.map((one, i) => h("th", { scope: "col", class: number(i) }, one.replace("#", "")));
  const line = (row) =>
    h(
      "tr",
      {},
      row.map((cell, i) => h("td", { class: number(i) }, cell)),
    );
  return h(
    "div",
    { class: "scroll", tabindex: "0", role: "group", "aria-label": "Table" },
    h("table", {}, h("thead", {}, h("tr", {}, head)), h("tbody", {}, rows.map(line))),
  );
}

export function pairs(all) {
  return h(
    "dl",
    { class: "pairs" },
    all.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]),
  );
}
