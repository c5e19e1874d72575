"use strict";
// Building blocks of the page. Text reaches the document as text nodes only, never as markup.
const API = "/_mooring/api",
  EVERY_MS = 1500;
const main = document.getElementById("main"),
  live = document.getElementById("live");
const drafts = {};
let data = null,
  current = null;

function h(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...children.flat(9).filter((child) => child != null && child !== false));
  return node;
}

// Rebuilds a node's content only when the data has changed, and preserves the focus.
function swap(node, shown, build) {
  const key = JSON.stringify(shown);
  if (node.shown === key) return;
  node.shown = key;
  const focused = node.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  node.replaceChildren(...[build()].flat(9));
  if (focused) [...node.querySelectorAll("a")].find((one) => one.getAttribute("href") === focused)?.focus();
}

async function get(path) {
  const answer = await fetch(API + path, { headers: { Accept: "application/json" } });
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.message || `status ${answer.status}`);
  return body;
}

const MOOD = {
  InService: "good",
  Completed: "good",
  Failed: "bad",
  OutOfService: "bad",
  UpdateRollbackFailed: "bad",
  Stopped: "",
};
const status = (word) => h("span", { class: `status ${word in MOOD ? MOOD[word] : "busy"}` }, word);
const when = (seconds) =>
  seconds == null
    ? "–"
    : h(
        "time",
        {
          datetime: new Date(seconds * 1000).toISOString(),
          title: new Date(seconds * 1000).toLocaleString(),
        },
        ago(seconds),
      );
const link = (...parts) => "#/" + parts.map(encodeURIComponent).join("/");
const panel = (title, ...children) => h("section", { class: "panel" }, title && h("h2", {}, title), children);

function ago(seconds) {
  const past = Math.max(0, Date.now() / 1000 - seconds);
  if (past < 45) return "just now";
  if (past < 5400) return `${Math.round(past / 60)} min ago`;
  if (past < 129600) return `${Math.round(past / 3600)} h ago`;
  return new Date(seconds * 1000).toLocaleDateString();
}

function bytes(count) {
  for (const [unit, size] of [
    ["GB", 1e9],
    ["MB", 1e6],
    ["kB", 1e3],
  ])
    if (count >= size) return `${(count / size).toFixed(1)} ${unit}`;
  return `${count} B`;
}

function code(text) {
  const button = h(
    "button",
    {
      class: "small",
      type: "button",
      onclick: async () => {
        try {
          await navigator.clipboard.writeText(text);
          button.textContent = "Copied";
        } catch {
          getSelection().selectAllChildren(pre);
          button.textContent = "Selected";
        }
        setTimeout(() => {
          button.textContent = "Copy";
        }, 1600);
      },
    },
    "Copy",
  );
  const pre = h("pre", { tabindex: "0" }, text);
  return h("div", { class: "code" }, pre, button);
}

function table(heads, rows) {
  const number = (index) => heads[index].startsWith("#") && "num";
  return h(
    "div",
    { class: "scroll", tabindex: "0" },
    h(
      "table",
      {},
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          heads.map((head, i) => h("th", { scope: "col", class: number(i) }, head.replace("#", ""))),
        ),
      ),
      h(
        "tbody",
        {},
        rows.map((row) =>
          h(
            "tr",
            {},
            row.map((cell, i) => h("td", { class: number(i) }, cell)),
          ),
        ),
      ),
    ),
  );
}

function pairs(all) {
  return h(
    "dl",
    { class: "pairs" },
    all.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]),
  );
}

// Shorten an instance ID; its end is enough to tell instances apart.
const short = (stream) => stream.replace(/i-[0-9a-f]{12}([0-9a-f]{5})/, "i-…$1");

// A JSON log line in readable form: the event, then name=value pairs. Other lines stay unchanged.
function readable(text) {
  text = text.replace(/^[\d-]+T[\d:.]+:\[sagemaker logs\]: /, "");
  if (!text.startsWith("{")) return text;
  try {
    const { time, level, event, ...rest } = JSON.parse(text);
    if (event == null) return text;
    const word = (value) => (typeof value === "string" ? value : JSON.stringify(value));
    return [
      level && level !== "info" ? `${level}:` : "",
      event,
      ...Object.entries(rest).map(([k, v]) => `${k}=${word(v)}`),
    ]
      .filter(Boolean)
      .join(" ");
  } catch {
    return text;
  }
}

// The end of a log. Scrolls with new lines unless the user has scrolled up or selected text.
function log(path) {
  const box = h("pre", { class: "log", tabindex: "0", "aria-label": "Log" }, "Loading …");
  let shown = "";
  return {
    node: box,
    update: async () => {
      const lines = await get(path),
        key = JSON.stringify(lines.slice(-1)) + lines.length;
      const selecting = !getSelection().isCollapsed && box.contains(getSelection().anchorNode);
      if (key === shown || selecting) return;
      const following = !shown || box.scrollHeight - box.scrollTop - box.clientHeight < 24,
        many = new Set(lines.map((l) => l.stream)).size > 1;
      shown = key;
      box.replaceChildren(
        ...(lines.length
          ? lines.flatMap((line) => {
              const text = readable(line.text),
                grave = /error|exception|traceback|critical|fatal/i.test(text);
              const at = h(
                "time",
                { title: `${new Date(line.at).toISOString()} ${line.stream}` },
                new Date(line.at).toLocaleTimeString([], { hour12: false }),
              );
              return [
                at,
                " ",
                many ? h("span", { class: "from" }, short(line.stream) + " ") : "",
                grave ? h("span", { class: "bad" }, text) : text,
                "\n",
              ];
            })
          : ["No log output yet."]),
      );
      if (following) box.scrollTop = box.scrollHeight;
    },
  };
}

function empty(title, text, ...rest) {
  return h("section", { class: "panel empty" }, h("h1", {}, title), h("p", { class: "quiet" }, text), rest);
}
