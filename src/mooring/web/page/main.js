// Choose the section by the address, and watch whether the server answers.
import { start as startEditor } from "./editor.js";
import * as live from "./live.js";
import { offer } from "./playground.js";
import { discover } from "./server.js";
import { byId, h, swap } from "./shared/dom.js";
import { patient } from "./shared/read.js";

const EVERY_MS = 5000;

const state = byId("state"),
  notice = byId("notice");
let known = false,
  next = null;

function route() {
  const name = location.hash === "#live" ? "live" : "ask";
  byId("ask-view").hidden = name !== "ask";
  byId("live-view").hidden = name !== "live";
  for (const link of document.querySelectorAll("#nav a"))
    if (link.hash === `#${name}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  document.title = name === "live" ? "Live · Mooring" : "Mooring";
  live.show(name === "live");
}

function tell(kind, text) {
  state.className = `live ${kind}`;
  byId("state-text").textContent = text;
}

function explain(text) {
  swap(notice, text, () => (text ? h("p", { class: "callout note" }, text) : []));
}

// Whether the server answers, and once it does, what it serves.
async function look() {
  let health;
  try {
    const answer = await patient("ping");
    health = answer.ok ? "" : (await answer.json()).message || `Status ${answer.status}`;
  } catch {
    tell("lost", "no response");
    explain("");
    known = false;
    return;
  }
  if (health) {
    tell("lost", "not ready");
    explain(`The server is not ready: ${health}`);
    known = false;
    return;
  }
  try {
    if (!known) await learn();
    tell("", "ready");
  } catch (error) {
    tell("lost", "not ready");
    explain(`Cannot read the server's models: ${error.message}`);
  }
}

async function learn() {
  const { info, models } = await discover();
  startEditor(info.limits?.max_body_bytes);
  live.learn(info);
  const [first] = models;
  const facts = first?.facts.model;
  byId("model").textContent =
    models.length > 1
      ? `${models.length} models`
      : [first?.name, facts?.precision].filter(Boolean).join(" · ");
  const none = info.multi_model
    ? "No model is loaded yet. Load one with POST /models; it then appears here."
    : "The server has no model yet.";
  explain(models.length ? "" : none);
  byId("form").hidden = !models.length;
  if (models.length) offer(models);
  known = models.length > 0 && !info.multi_model; // there models come and go
}

async function watch() {
  clearTimeout(next);
  if (!document.hidden) await look();
  next = setTimeout(watch, EVERY_MS);
}

addEventListener("hashchange", route);
document.addEventListener("visibilitychange", watch);
route();
watch();
