// Text to copy, and several versions of it behind tabs.
import { h } from "./dom.js";

export function code(text, label = "Code") {
  const pre = h("pre", { tabindex: "0", role: "group", "aria-label": label }, text);
  const button = h(
    "button",
    { class: "small", type: "button", onclick: () => copy(text, pre, button) },
    "Copy",
  );
  return h("div", { class: "code" }, pre, button);
}

async function copy(text, pre, button) {
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    // Browsers allow it on https and localhost alone.
    getSelection().selectAllChildren(pre);
    button.textContent = "Selected";
  }
  setTimeout(() => {
    button.textContent = "Copy";
  }, 1600);
}

let made = 0;

// `tabs` are [name, build]; a tab is built when it is opened. `state.tab` keeps the open one's name.
export function tabbed(tabs, state) {
  const id = `tabs-${++made}`,
    body = h("div", { role: "tabpanel", id: `${id}-panel`, tabindex: "0" });
  const buttons = tabs.map(([name], i) =>
    h(
      "button",
      { type: "button", role: "tab", id: `${id}-${i}`, "aria-controls": body.id, onclick: () => open(i) },
      name,
    ),
  );
  const open = (chosen) => {
    state.tab = tabs[chosen][0];
    buttons.forEach((one, i) => {
      one.setAttribute("aria-selected", String(i === chosen));
      one.tabIndex = i === chosen ? 0 : -1;
    });
    body.setAttribute("aria-labelledby", buttons[chosen].id);
    body.replaceChildren(tabs[chosen][1]());
  };
  const onkeydown = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = (buttons.indexOf(document.activeElement) + step + tabs.length) % tabs.length;
    open(next);
    buttons[next].focus();
  };
  open(
    Math.max(
      0,
      tabs.findIndex(([name]) => name === state.tab),
    ),
  );
  return h(
    "div",
    { class: "tabs" },
    h("div", { role: "tablist", "aria-label": "Formats", onkeydown }, buttons),
    body,
  );
}
