// What this server serves: its models, the tasks that each offers, and the route of a request.
import { FORMS } from "./forms.js";

// Other bodies that /invocations gives to the model's own task.
const BY_SHAPE = ["text-ranking", "zero-shot-classification", "sentence-similarity"];
const ROUTES = {
  "sentence-embeddings": "embed",
  "feature-extraction": "embed_all",
  "text-classification": "predict",
};

const PATIENCE_MS = 10_000;

// GET, for a limited time: a server that hangs must not hang the page.
export const patient = (path) =>
  fetch(path, { headers: { Accept: "application/json" }, signal: AbortSignal.timeout(PATIENCE_MS) });

export async function read(path) {
  const answer = await patient(path);
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.message || `Status ${answer.status}`);
  return body;
}

// {info, models}: of each its name, tasks, facts and how it is addressed.
export async function discover() {
  const info = await read("info");
  if (info.multi_model) return { info, models: await loaded(info) };
  const several = Object.entries(info.models || {});
  const every = several.length ? several : [[info.model?.name || "", info]];
  const models = every.map(([name, facts]) => ({
    name,
    facts,
    tasks: tasksOf(facts),
    body: several.length ? { model: name } : {},
  }));
  return { info, models: info.model || info.handler ? models : [] };
}

async function loaded(info) {
  const names = info.models.map((one) => one.modelName);
  return Promise.all(
    names.map(async (name) => {
      const path = `models/${encodeURIComponent(name)}`,
        facts = await read(path);
      return { name, facts, tasks: tasksOf(facts, true), body: {}, invoke: `${path}/invoke` };
    }),
  );
}

// The tasks that have a form. A multi-model server has one route per model: for its own task, and what bodies tell.
function tasksOf(facts, one = false) {
  const computes = facts.handler?.computes;
  if (!facts.model?.tasks || computes === "itself") return [];
  return facts.model.tasks.filter((task, i) => task in FORMS && (i === 0 || !one || BY_SHAPE.includes(task)));
}

// {path, body, shape} of a request for one of a model's tasks.
export function requestOf(model, task, body) {
  const whole = { ...model.body, ...body };
  if (model.invoke) return { path: model.invoke, body: whole };
  if (!task || task === model.tasks[0] || BY_SHAPE.includes(task))
    return { path: "invocations", body: whole };
  // These take parameters beside `inputs`, and have fewer of them.
  return { path: ROUTES[task] || "invocations", body: { ...model.body, inputs: body.inputs } };
}

// The address for InferenceClient.
export function addressOf(model) {
  const path = model.body.model ? `models/${encodeURIComponent(model.body.model)}` : "";
  return new URL(path, document.baseURI).href.replace(/[#?].*$/, "").replace(/\/$/, "");
}
