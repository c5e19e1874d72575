// What this server serves: its models, the tasks that each offers, and the route of a request.
import { FORMS } from "./forms.js";
import { read } from "./shared/read.js";

// Tasks that /invocations and POST / recognize by the body, whatever the model's own task is.
const BY_SHAPE = ["text-ranking", "zero-shot-classification", "sentence-similarity"];
const VECTORS = { "sentence-embeddings": "embed", "feature-extraction": "embed_all" };

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

let known = new Map(); // which model it is → facts

// Facts are read once, and again if another model was loaded under the name.
async function loaded(info) {
  const current = new Map();
  const models = await Promise.all(
    info.models.map(async ({ modelName: name, modelUrl, identity }) => {
      const path = `models/${encodeURIComponent(name)}`,
        key = JSON.stringify([name, modelUrl, identity]);
      const facts = known.get(key) || (await read(path));
      current.set(key, facts);
      return { name, facts, tasks: tasksOf(facts, true), body: {}, invoke: `${path}/invoke` };
    }),
  );
  known = current;
  return models;
}

// The tasks that have a form. A multi-model server has one route per model: for its own task, and what bodies tell.
function tasksOf(facts, one = false) {
  const computes = facts.handler?.computes;
  if (!facts.model?.tasks || computes === "itself") return [];
  return facts.model.tasks.filter((task, i) => task in FORMS && (i === 0 || !one || BY_SHAPE.includes(task)));
}

// {path, body, client} of a request for one of a model's tasks. `client`: the path for InferenceClient, null if none
// gives the same answer.
export function requestOf(model, task, body) {
  const whole = { ...model.body, ...body };
  if (model.invoke) return { path: model.invoke, body: whole, client: null };
  const client = model.body.model ? `models/${encodeURIComponent(model.body.model)}` : "";
  if (!task || task === model.tasks[0] || BY_SHAPE.includes(task))
    return { path: "invocations", body: whole, client };
  // These take parameters beside `inputs`.
  if (task in VECTORS)
    return { path: VECTORS[task], body: { ...body.parameters, ...model.body, inputs: body.inputs }, client };
  const path = `models/${encodeURIComponent(model.name)}/pipeline/${task}`;
  return { path, body, client: path };
}

// The absolute address of a path, for programs.
export const addressOf = (path) =>
  new URL(path, document.baseURI).href.replace(/[#?].*$/, "").replace(/\/$/, "");
