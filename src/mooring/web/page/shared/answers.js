// Answers of each task. A view gets {value, inputs, show}: the answer, the request's inputs, and a function that marks
// parts of the text, {start, end, class} in code points.
import { bars } from "./bars.js";
import { h } from "./dom.js";
import { score } from "./text.js";
import { cosine, matrix, strips } from "./vectors.js";

const LOW = 0.5;
const MOST_ROWS = 200;
const HUES = 6;

const isNumber = (value) => typeof value === "number";
const has = (value, ...keys) =>
  value != null && typeof value === "object" && keys.every((key) => key in value);

// The task whose answer looks like this; "" if none does.
export function taskOf(value) {
  if (has(value, "answer", "score")) return "question-answering";
  if (has(value, "sequence", "labels", "scores")) return "zero-shot-classification";
  if (!Array.isArray(value) || !value.length) return "";
  const [first] = value;
  if (isNumber(first)) return "sentence-similarity";
  if (has(first, "answer", "score")) return "question-answering";
  if (has(first, "token_str")) return "fill-mask";
  if (has(first, "label", "score")) return "text-classification";
  if (has(first, "index", "score")) return "text-ranking";
  if (has(first, "entity") || has(first, "entity_group")) return "token-classification";
  if (!Array.isArray(first) || !first.length) return "";
  if (isNumber(first[0])) return "sentence-embeddings";
  if (Array.isArray(first[0]) && isNumber(first[0][0])) return "feature-extraction";
  const found = taskOf(first);
  // Of a request with several texts no view shows all answers; several masks of one text look the same.
  return value.length === 1 || found === "fill-mask" ? found : "";
}

const VIEWS = {
  "question-answering": spans,
  "text-classification": labels,
  "zero-shot-classification": labels,
  "token-classification": entities,
  "fill-mask": words,
  "text-ranking": ranking,
  "sentence-similarity": similarities,
  "sentence-embeddings": vectors,
  "feature-extraction": tokens,
};

// The view of an answer, or null if it has another shape, such as that of a model's own code.
export function answerView(task, asked) {
  const found = task || taskOf(asked.value);
  try {
    return found in VIEWS ? VIEWS[found](asked) : null;
  } catch (error) {
    if (error instanceof TypeError) return null;
    throw error;
  }
}

export const said = (text, ...more) => h("p", { class: "said", dir: "auto" }, text, more);
const chip = (text, kind = "") => h("span", { class: `chip ${kind}` }, text);
// Lists of one text's results may come in a list.
const inner = (value) => (Array.isArray(value) && Array.isArray(value[0]) ? value[0] : value);

function spans({ value, show }) {
  const all = inner(value),
    found = Array.isArray(all) ? all : [all],
    [best] = found;
  const others = h("div", {});
  const marksOf = (picked) => [
    { ...found[picked], class: "best", title: `score ${score(found[picked].score)}` },
    ...found.filter((_, i) => i !== picked).map((one) => ({ ...one, class: "other" })),
  ];
  const pick = (picked) => {
    show(marksOf(picked));
    const rows = found.map((one, i) => ({
      name: one.answer || "no answer",
      score: one.score,
      picked: i === picked,
      onpick: () => pick(i),
    }));
    const at = [...others.querySelectorAll("button")].indexOf(document.activeElement);
    others.replaceChildren(bars(rows, "Candidates"));
    if (at >= 0) others.querySelectorAll("button")[at].focus();
  };
  pick(0);
  const where = best.answer ? `characters ${best.start} to ${best.end}` : "";
  return [
    said(best.answer || "No answer in this text"),
    h(
      "p",
      { class: "facts" },
      h("span", {}, "score ", h("b", {}, score(best.score))),
      best.score < LOW && chip("low score", "warn"),
      where && h("span", {}, where),
    ),
    found.length > 1 && [h("h3", {}, "Candidates"), others],
  ];
}

function labels({ value }) {
  const paired = has(value, "labels")
    ? value.labels.map((label, i) => ({ label, score: value.scores[i] }))
    : inner(value);
  const rows = paired.slice(0, MOST_ROWS).map((one) => ({ name: one.label, score: one.score }));
  return [said(rows[0].name), bars(rows, "Labels")];
}

function entities({ value, inputs, show }) {
  const found = inner(value);
  if (!found.length) return [said("No entities in this text")];
  const typeOf = (one) => one.entity_group ?? one.entity.replace(/^[BI]-/, "");
  const types = [...new Set(found.map(typeOf))].sort();
  const hue = (one) => `entity hue-${types.indexOf(typeOf(one)) % HUES}`;
  const points = typeof inputs === "string" ? [...inputs] : null;
  const rows = found.slice(0, MOST_ROWS).map((one) => ({
    name: points && one.end != null ? points.slice(one.start, one.end).join("") : one.word,
    tag: typeOf(one),
    swatch: hue(one),
    score: one.score,
  }));
  show(
    found.filter((one) => one.end != null).map((one) => ({ ...one, class: hue(one), title: typeOf(one) })),
  );
  const legend = types.map((type, i) =>
    h(
      "li",
      {},
      h("mark", { class: `entity hue-${i % HUES}` }, type),
      ` ${found.filter((one) => typeOf(one) === type).length}`,
    ),
  );
  return [
    said(found.length === 1 ? "1 entity" : `${found.length} entities`),
    h("ul", { class: "legend" }, legend),
    bars(rows, "Entities"),
    found.length > MOST_ROWS &&
      h("p", { class: "quiet small" }, `The first ${MOST_ROWS} of ${found.length}.`),
  ];
}

function words({ value }) {
  const masks = Array.isArray(value[0]) ? value : [value];
  const list = (found, i) => {
    const rows = found.map((one) => ({
      name: one.token_str,
      score: one.score,
      note: masks.length === 1 && one.sequence,
    }));
    return [masks.length > 1 && h("h3", {}, `Mask ${i + 1}`), bars(rows, "Predictions")];
  };
  return [said(masks.map((found) => found[0].token_str.trim()).join(" … ")), masks.map(list)];
}

function ranking({ value, inputs }) {
  const found = inner(value);
  const textOf = (one) => one.text ?? inputs?.texts?.[one.index] ?? "";
  const rows = found
    .slice(0, MOST_ROWS)
    .map((one) => ({ name: textOf(one), tag: `text ${one.index + 1}`, score: one.score }));
  return [said(textOf(found[0]) || rows[0].tag), bars(rows, "Ranked texts")];
}

function similarities({ value, inputs }) {
  const rows = inner(value).map((one, i) => ({
    name: inputs?.sentences?.[i] ?? `sentence ${i + 1}`,
    score: one,
  }));
  rows.sort((a, b) => b.score - a.score);
  return [said(rows[0].name), bars(rows.slice(0, MOST_ROWS), "Sentences, most similar first")];
}

function vectors({ value, inputs }) {
  const names = Array.isArray(inputs) ? inputs : [inputs];
  return [
    value.length > 1 && matrix(names.slice(0, value.length), (i, j) => cosine(value[i], value[j])),
    strips(names, value),
  ];
}

function tokens({ value, names }) {
  const found = value[0];
  const known = names?.length === found.length ? names : found.map((_, i) => `token ${i + 1}`);
  return [strips(known, found)];
}
