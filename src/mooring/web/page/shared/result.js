// What came of a request: the answer or the failure, where the time went, and the response itself.
import { answerView } from "./answers.js";
import { timeline } from "./bars.js";
import { h } from "./dom.js";
import { failureView } from "./failure.js";
import { plural } from "./text.js";

const LONGEST = 50_000;

// `task` is "" if unknown; `asked` as a view of answers.js gets it, without the value; `program` as in failure.js.
export function resultView(sent, { task, asked, program, facts = [] }) {
  if (!sent.ok)
    return h(
      "div",
      { class: "answer" },
      failureView(sent, program),
      sent.status > 0 && response(sent, false),
    );
  const view = sent.value == null ? null : answerView(task, { ...asked, value: sent.value });
  return h(
    "div",
    { class: "answer" },
    view,
    timeline(sent.timings, sent.took),
    about(sent, facts),
    response(sent, !view),
  );
}

function about(sent, facts) {
  const windows = Number(sent.header("x-mooring-windows")),
    tokens = Number(sent.header("x-mooring-tokens")),
    cut = Number(sent.header("x-truncated"));
  const cache = { hit: "from the answer cache", shared: "shared with an identical request" }[
    sent.header("x-mooring-cache")
  ];
  const known = [
    windows && plural(windows, "window"),
    tokens && plural(tokens, "token"),
    cache,
    ...facts,
  ].filter(Boolean);
  return h(
    "p",
    { class: "facts" },
    known.map((one) => h("span", {}, one)),
    cut > 0 && h("span", { class: "chip warn" }, `${plural(cut, "text")} cut off`),
  );
}

function response(sent, open) {
  const whole = sent.value === null ? sent.text || "(empty)" : JSON.stringify(sent.value, null, 2);
  const shown =
    whole.length > LONGEST
      ? `${whole.slice(0, LONGEST)}\n… ${whole.length - LONGEST} more characters`
      : whole;
  return h(
    "details",
    { open },
    h("summary", {}, `Response, status ${sent.status}`),
    h("pre", { tabindex: "0", role: "group", "aria-label": "Response" }, shown),
  );
}
