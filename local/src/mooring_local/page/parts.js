// Parts that several views use.
import { h } from "./shared/dom.js";

const MOOD = {
  InService: "good",
  Completed: "good",
  Failed: "bad",
  OutOfService: "bad",
  UpdateRollbackFailed: "bad",
  Stopped: "",
};

export const status = (word) => h("span", { class: `status ${word in MOOD ? MOOD[word] : "busy"}` }, word);
export const link = (...parts) => "#/" + parts.map(encodeURIComponent).join("/");

export function when(seconds) {
  if (seconds == null) return "–";
  const date = new Date(seconds * 1000);
  return h("time", { datetime: date.toISOString(), title: date.toLocaleString() }, ago(seconds));
}

function ago(seconds) {
  const past = Math.max(0, Date.now() / 1000 - seconds);
  if (past < 45) return "just now";
  if (past < 5400) return `${Math.round(past / 60)} min ago`;
  if (past < 129600) return `${Math.round(past / 3600)} h ago`;
  return new Date(seconds * 1000).toLocaleDateString();
}

export function empty(title, text, ...rest) {
  return h("section", { class: "panel empty" }, h("h1", {}, title), h("p", { class: "quiet" }, text), rest);
}
