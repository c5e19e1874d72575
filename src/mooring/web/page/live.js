// The server at work, from /metrics every two seconds and /info every ten.
import { sparkline } from "./chart.js";
import { buckets, by, largest, parse, quantile, since, sum } from "./prometheus.js";
import { byId, h, pairs, swap, table } from "./shared/dom.js";
import { timeline } from "./shared/bars.js";
import { patient, read } from "./shared/read.js";
import { bytes, count, ms, plural } from "./shared/text.js";

const EVERY_MS = 2000;
const INFO_EVERY = 5;
const LENGTH = 150;
const WINDOW = 15;
const SECONDS = "mooring_request_seconds";
const STAGES = ["queue", "tokenise", "compute", "decode"];

const root = byId("live-view");
const looks = []; // {at, samples}, the newest last
const series = {};

let info = null,
  timer = null,
  looking = false,
  turns = 0;

const tiles = h("div", { class: "tiles" }),
  stages = h("section", { class: "panel" }),
  statuses = h("section", { class: "panel" }),
  workers = h("section", { class: "panel" }),
  server = h("section", { class: "panel" });
root.append(
  h(
    "div",
    {},
    h("h1", {}, "Live"),
    h("p", { class: "quiet" }, "This server in the last minutes. Numbers are averages over 30 seconds."),
  ),
  tiles,
  h("div", { class: "halves" }, stages, statuses),
  workers,
  server,
);

export function learn(found) {
  info = found;
}

export function show(visible) {
  clearTimeout(timer);
  timer = null;
  if (visible) look();
}

async function look() {
  timer = setTimeout(look, EVERY_MS);
  if (document.hidden || looking) return;
  looking = true;
  try {
    const answer = await patient("metrics");
    if (!answer.ok) throw new Error(`Status ${answer.status}`);
    note(parse(await answer.text()));
    if (turns++ % INFO_EVERY === 0) info = await read("info");
  } catch {
    looks.length = 0; // counters may begin anew
    for (const points of Object.values(series)) push(points, null);
  }
  looking = false;
  draw();
}

function note(samples) {
  looks.push({ at: performance.now(), samples });
  if (looks.length > WINDOW + 1) looks.shift();
  for (const { name, value } of numbers()) push((series[name] ||= []), value);
}

function push(points, value) {
  points.push(value);
  if (points.length > LENGTH) points.shift();
}

const now = () => looks.at(-1)?.samples;
const before = () => looks[0].samples;
const rise = (name, keep) => Math.max(0, sum(now(), name, keep) - sum(before(), name, keep));
const failed = ({ status }) => Number(status) >= 400;

// The numbers of the tiles, over the last half minute; null where there is nothing to count.
function numbers() {
  if (looks.length < 2) return [];
  const seconds = (looks.at(-1).at - looks[0].at) / 1000;
  const asked = since(buckets(now(), SECONDS), buckets(before(), SECONDS));
  const inMs = (share) => {
    const found = quantile(asked, share);
    return found == null ? null : found * 1000;
  };
  const batches = rise("mooring_batch_rows_count");
  const real = rise("mooring_batch_tokens_total", ({ kind }) => kind === "real"),
    padded = rise("mooring_batch_tokens_total", ({ kind }) => kind === "padded");
  const answers = rise("mooring_answers_total"),
    cached = rise("mooring_answers_total", ({ source }) => source !== "computed");
  return [
    { name: "requests", value: rise(`${SECONDS}_count`) / seconds },
    { name: "p50", value: inMs(0.5) },
    { name: "p95", value: inMs(0.95) },
    { name: "p99", value: inMs(0.99) },
    { name: "queue", value: sum(now(), "mooring_queue_windows") },
    { name: "wait", value: largest(now(), "mooring_queue_wait_seconds") * 1000 },
    { name: "rows", value: batches ? rise("mooring_batch_rows_sum") / batches : null },
    { name: "fill", value: padded ? (real / padded) * 100 : null },
    { name: "cache", value: answers ? (cached / answers) * 100 : null },
    { name: "errors", value: (rise("mooring_requests_total", failed) / seconds) * 60 },
  ];
}

const last = (name) => series[name]?.at(-1) ?? null;
const said = (value, words) => (value == null ? "–" : words(value));

function tile(title, name, words, note = "") {
  const value = said(last(name), words);
  return h(
    "section",
    { class: "panel tile" },
    h("h2", {}, title),
    h("p", { class: "big" }, value),
    h("p", { class: "quiet small" }, note || "\u00a0"),
    sparkline(series[name] || [], LENGTH),
  );
}

function draw() {
  const percent = (value) => `${Math.round(value)} %`;
  tiles.replaceChildren(
    tile("Requests", "requests", (value) => `${value.toFixed(1)} /s`, "answered by the model"),
    tile(
      "Latency, median",
      "p50",
      ms,
      last("p50") == null ? "" : `p95 ${ms(last("p95"))} · p99 ${ms(last("p99"))}`,
    ),
    tile("Queue", "queue", (value) => plural(value, "window"), `expected wait ${said(last("wait"), ms)}`),
    tile(
      "Batch fill",
      "rows",
      (value) => `${value.toFixed(1)} windows`,
      last("fill") == null ? "" : `${percent(last("fill"))} of the tokens are not padding`,
    ),
    tile("Answer cache", "cache", percent, "of the answers"),
    tile("Errors", "errors", (value) => `${count(Math.round(value))} /min`, "with status 400 or above"),
  );
  const samples = now();
  if (samples) {
    drawStages(samples);
    drawStatuses(samples);
  }
  drawWorkers();
  drawServer();
}

function drawStages(samples) {
  const keep = (stage) => (labels) => labels.stage === stage;
  const mean = (stage) => {
    const times = sum(samples, "mooring_stage_seconds_count", keep(stage));
    return times ? (sum(samples, "mooring_stage_seconds_sum", keep(stage)) / times) * 1000 : 0;
  };
  const found = STAGES.map((stage) => [stage, mean(stage)]);
  const whole = found.reduce((total, [, one]) => total + one, 0);
  swap(stages, found, () => [
    h("h2", {}, "Where the time goes, on average"),
    whole ? timeline(found, whole, false) : h("p", { class: "quiet" }, "No request has been computed yet."),
  ]);
}

function drawStatuses(samples) {
  const totals = Object.entries(by(samples, "mooring_requests_total", "status"));
  const refused = Object.entries(by(samples, "mooring_refused_total", "reason")).filter(([, total]) => total);
  const reason = ([name, total]) => [`refused: ${name.replaceAll("_", " ")}`, count(total)];
  swap(statuses, [totals, refused], () => [
    h("h2", {}, "Responses since the start"),
    pairs([
      ...totals.sort().map(([status, total]) => [`Status ${status}`, count(total)]),
      ...refused.map(reason),
    ]),
  ]);
}

function drawWorkers() {
  const found = info?.topology?.workers || [],
    degraded = info?.degraded || [];
  swap(workers, [found, degraded], () => {
    workers.hidden = !found.length && !degraded.length;
    const rows = found.map((one) => [
      `Worker ${one.worker}`,
      one.ready
        ? h("span", { class: "status good" }, "ready")
        : h("span", { class: "status bad" }, one.reason || "not ready"),
      String(one.pid ?? "–"),
      String(one.threads || "all"),
      String(one.starts),
    ]);
    const lost = degraded.map((one) => h("p", { class: "callout" }, one.reason || JSON.stringify(one)));
    return [
      h("h2", {}, "Workers"),
      rows.length ? table(["Worker", "State", "#Process", "#Threads", "#Starts"], rows) : [],
      lost,
    ];
  });
}

function drawServer() {
  if (!info) return;
  const { model, backend, versions, memory, engine, gate = model?.gate } = info;
  const checked = gate?.passed ? "accuracy check passed" : "";
  const rows = [
    ["Model", model && [model.name, model.task, model.family].filter(Boolean).join(" · ")],
    ["Precision", model && [backend?.precision || model.precision, checked].filter(Boolean).join(", ")],
    ["CPU", backend && `${backend.cpu}, ${backend.threads} ${backend.threads === 1 ? "thread" : "threads"}`],
    ["Speed", engine?.tokens_per_second && `${count(engine.tokens_per_second)} tokens/s in the warm-up`],
    ["Memory", memory && `${bytes(memory.resident_bytes)}, at most ${bytes(memory.peak_bytes)} so far`],
    ["Mooring", versions?.mooring],
  ].filter(([, value]) => value);
  const warnings = (info.warnings || []).map((one) => h("p", { class: "callout note" }, one));
  swap(server, [rows, info.warnings], () => [
    h("h2", {}, "Server"),
    pairs(rows),
    warnings,
    h(
      "p",
      { class: "small quiet links" },
      h("a", { href: "info" }, "info"),
      h("a", { href: "metrics" }, "metrics"),
      h("a", { href: "openapi.json" }, "OpenAPI document"),
    ),
  ]);
}
