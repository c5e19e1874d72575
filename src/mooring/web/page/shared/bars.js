// Scores as bars, and durations as parts of one bar.
import { h, svg } from "./dom.js";
import { ms, score } from "./text.js";

// A list of {name, score, share, tag, note, swatch, onpick, picked}; `share` of 1 fills the bar and is the score by default.
export function bars(rows, label) {
  return h("ol", { class: "bars", "aria-label": label }, rows.map(row));
}

function row({ name, score: value, share = value, tag, note, onpick, picked, swatch }) {
  const mark = swatch && h("span", { class: `swatch ${swatch}`, "aria-hidden": "true" });
  const inside = [
    h("span", { class: "name" }, mark, name, tag && [" ", h("span", { class: "chip" }, tag)]),
    h("span", { class: "value" }, score(value)),
    bar(share),
    note && h("span", { class: "note" }, note),
  ];
  if (!onpick) return h("li", {}, h("div", { class: "bar" }, inside));
  return h(
    "li",
    {},
    h("button", { type: "button", class: "bar", "aria-pressed": String(!!picked), onclick: onpick }, inside),
  );
}

function bar(share) {
  const width = Math.max(0, Math.min(1, share)) * 100;
  return svg(
    "svg",
    { class: "track", viewBox: "0 0 100 4", preserveAspectRatio: "none", "aria-hidden": "true" },
    svg("rect", { class: "fill", width, height: 4 }),
  );
}

// Where the time went: the server's stages, and the rest of the round trip.
export function timeline(timings, took, rest = true) {
  const inside = timings.reduce((sum, [, duration]) => sum + duration, 0);
  const parts = rest ? [...timings, ["network", Math.max(0, took - inside)]] : timings;
  const whole = Math.max(took, inside, 1e-9);
  let at = 0;
  const rects = parts.map(([stage, duration]) => {
    const x = (at / whole) * 100;
    at += duration;
    return svg("rect", { class: `stage-${stage}`, x, width: (duration / whole) * 100, height: 6 });
  });
  const names = { tokenise: "tokenize", network: "network and browser" };
  const legend = parts.map(([stage, duration]) =>
    h(
      "li",
      {},
      h("span", { class: `swatch stage-${stage}`, "aria-hidden": "true" }),
      `${names[stage] || stage} `,
      h("b", {}, ms(duration)),
    ),
  );
  return h(
    "div",
    { class: "timeline" },
    h("p", { class: "small quiet" }, "Time ", h("b", {}, ms(took))),
    svg(
      "svg",
      { class: "track", viewBox: "0 0 100 6", preserveAspectRatio: "none", "aria-hidden": "true" },
      rects,
    ),
    h("ul", { class: "legend small" }, legend),
  );
}
