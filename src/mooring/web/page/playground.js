// The form: choose a model and a task, send a request, show what came of it.
import * as editor from "./editor.js";
import { FORMS, OWN } from "./forms.js";
import { addressOf, requestOf } from "./server.js";
import { byId, h, swap } from "./shared/dom.js";
import { code, tabbed } from "./shared/code.js";
import { exchange } from "./shared/exchange.js";
import { resultView } from "./shared/result.js";
import * as snippets from "./shared/snippets.js";
import { TEXT } from "./samples.js";
import { tokensOf, windowsOf } from "./windows.js";

const PROGRAM = "moor serve";
const MOST_KEPT = 20;

const form = byId("form"),
  fields = byId("fields"),
  out = byId("out"),
  button = byId("send"),
  parameters = byId("parameters");
const tab = {};

let models = [],
  model = null,
  task = "",
  kept = [];

const chosen = () => (task ? FORMS[task] : OWN);

// Called again when the models of the server have changed.
export function offer(found) {
  models = found;
  const same = models.find((one) => one.name === model?.name && one.tasks.join() === model.tasks.join());
  if (!same) return choose(models[0], models[0]?.tasks[0] || "");
  model = same;
  drawChoices();
}

function choose(wanted, name) {
  model = wanted;
  task = name;
  const { title, help, verb, text, parameters: given } = chosen();
  byId("title").textContent = title;
  byId("help").textContent = help;
  byId("text-label").textContent = text[0];
  button.textContent = verb;
  byId("options").hidden = !task;
  parameters.value = given ? JSON.stringify(given) : "";
  fields.replaceChildren(...chosen().fields.map(field), ...suggestions());
  editor.fill(task === "fill-mask" ? masked(text[1]) : text[1]);
  kept = [];
  out.replaceChildren();
  byId("request").hidden = true;
  drawChoices();
}

function drawChoices() {
  const focused = document.activeElement?.id;
  swap(byId("choose"), [models.map((one) => [one.name, one.tasks]), model.name, task], choices);
  byId(focused)?.focus();
}

function choices() {
  const select = (id, label, names, current, onchange) => [
    h("label", { for: id }, label),
    h(
      "select",
      { id, onchange },
      names.map(([value, shown]) => h("option", { value, selected: value === current }, shown)),
    ),
  ];
  const named = models.map((one) => [one.name, one.name]);
  const tasks = (model?.tasks || []).map((name) => [name, FORMS[name].title]);
  return [
    ...(models.length > 1
      ? select("model-name", "Model", named, model.name, (event) => {
          const wanted = models.find((one) => one.name === event.target.value);
          choose(wanted, wanted.tasks[0] || "");
        })
      : []),
    ...(tasks.length > 1
      ? select("task", "Task", tasks, task, (event) => choose(model, event.target.value))
      : []),
  ];
}

function field([id, label, kind, value]) {
  if (kind === "check")
    return h(
      "div",
      { class: "check" },
      h("input", { id, type: "checkbox", checked: value }),
      h("label", { for: id }, label),
    );
  return h(
    "div",
    {},
    h("label", { for: id }, label),
    h("input", { id, value, autocomplete: "off", dir: "auto" }),
  );
}

// More questions about the sample text, as long as it is there.
function suggestions() {
  const ask = (words) => {
    byId("question").value = words;
    form.requestSubmit();
  };
  const one = (words) => h("button", { class: "small", type: "button", onclick: () => ask(words) }, words);
  const asked = chosen().suggestions;
  if (!asked) return [];
  const label = "Sample questions";
  return [h("div", { id: "try", class: "row", role: "group", "aria-label": label }, asked.map(one))];
}

// The sample, with the model's own mask token.
function masked(sample) {
  const own = /\[MASK\]|<mask>/.exec(JSON.stringify(model.facts.example || ""));
  return own ? sample.replace("[MASK]", own[0]) : sample;
}

function values() {
  const found = { text: editor.value() };
  for (const [id, , kind] of chosen().fields)
    found[id] = kind === "check" ? byId(id).checked : byId(id).value.trim();
  return found;
}

// The request, or a sentence that says why there is none.
function request(given) {
  for (const id of chosen().required)
    if (!given[id].trim()) {
      byId(id).focus();
      const name = document.querySelector(`label[for="${id}"]`).textContent.split(",")[0];
      return `${name} is empty. Fill it in, then try again.`;
    }
  if (!task) return { ...requestOf(model, "", {}), text: given.text };
  const body = chosen().body(given);
  try {
    const more = JSON.parse(parameters.value.trim() || "{}");
    if (more === null || typeof more !== "object" || Array.isArray(more))
      throw new Error(`found ${JSON.stringify(more)}`);
    if (Object.keys(more).length || body.parameters) body.parameters = { ...more, ...body.parameters };
  } catch (error) {
    byId("options").open = true;
    parameters.focus();
    return `The parameters are not a JSON object: ${error.message}. Send one such as {"top_k": 3}.`;
  }
  const wanted = requestOf(model, task, body);
  return { ...wanted, text: JSON.stringify(wanted.body), inputs: body.inputs };
}

async function send(event) {
  event.preventDefault();
  if (button.disabled || !model) return;
  const given = values(),
    wanted = request(given);
  if (typeof wanted === "string") {
    out.replaceChildren(h("p", { class: "callout", role: "alert" }, wanted));
    return;
  }
  const asked = { model, task, given, inputs: wanted.inputs, client: wanted.client };
  button.disabled = true;
  button.textContent = "Waiting …";
  const sent = await exchange(wanted.path, wanted.text);
  if (sent.ok && asked.task === "feature-extraction") asked.names = await tokensOf(asked.model, given.text);
  button.disabled = false;
  button.textContent = chosen().verb;
  if (asked.model.name !== model.name || asked.task !== task) return; // another form was chosen meanwhile
  showResult(sent, asked);
  showRequest(sent, asked);
  await showWindows(sent, asked);
}

function showResult(sent, asked) {
  editor.show([]);
  const node = viewOf(sent, asked);
  if (sent.ok && chosen().keep) keep(sent, asked);
  out.replaceChildren(node, earlier(sent));
}

function viewOf(sent, asked) {
  const show = (marks) => chosen().marks && editor.value() === asked.given.text && editor.show(marks);
  return resultView(sent, { task, program: PROGRAM, asked: { inputs: asked.inputs, names: asked.names, show } });
}

// Questions asked before about the same text, to come back to.
function keep(sent, asked) {
  const { keep: field } = chosen();
  const others = kept.filter(
    ({ asked: { given } }) => given.text === asked.given.text && given[field] !== asked.given[field],
  );
  kept = [{ sent, asked }, ...others].slice(0, MOST_KEPT);
}

function earlier(current) {
  if (kept.length < 2) return "";
  const back = ({ sent, asked }) => {
    byId(chosen().keep).value = asked.given[chosen().keep];
    out.replaceChildren(viewOf(sent, asked), earlier(sent));
    out.querySelector('.questions [aria-pressed="true"]')?.focus();
    showRequest(sent, asked);
  };
  const line = (one) => {
    const best = Array.isArray(one.sent.value) ? one.sent.value[0] : one.sent.value;
    return h(
      "li",
      {},
      h(
        "button",
        { type: "button", "aria-pressed": String(one.sent === current), onclick: () => back(one) },
        h("span", { class: "quiet small" }, one.asked.given[chosen().keep]),
        h("span", {}, best?.answer || "no answer"),
      ),
    );
  };
  return h("div", { class: "questions" }, h("h3", {}, "Asked so far"), h("ul", {}, kept.map(line)));
}

function showRequest(sent, asked) {
  const client = asked.client === null ? null : addressOf(asked.client);
  const tabs = [
    ["curl", () => code(snippets.curl(sent), "curl")],
    ["Python", () => code(snippets.inferenceClient(sent, asked.task, client), "Python")],
    ["JavaScript", () => code(snippets.javascript(sent), "JavaScript")],
    [
      "SageMaker (boto3)",
      () => code(snippets.boto3(sent, {}, { EndpointName: "NAME" }), "Python with boto3"),
    ],
  ];
  const note =
    snippets.isLarge(sent) &&
    h("p", { class: "quiet small" }, "The body is long. Save it as request.json: ", save(sent));
  byId("snippets").replaceChildren(note || "", tabbed(tabs, tab));
  byId("request").hidden = false;
}

function save(sent) {
  const onclick = () => {
    const url = URL.createObjectURL(new Blob([sent.body], { type: "application/json" }));
    h("a", { href: url, download: "request.json" }).click();
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
  };
  return h("button", { class: "small", type: "button", onclick }, "Save");
}

async function showWindows(sent, { model, given }) {
  const found =
    sent.ok && chosen().marks ? await windowsOf(model, sent, given.question || "", given.text) : null;
  if (editor.value() === given.text) editor.bracket(found);
}

byId("text").addEventListener("input", () => {
  const found = byId("try");
  if (found) found.hidden = editor.value() !== TEXT;
});
form.addEventListener("submit", send);
form.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) send(event);
});
