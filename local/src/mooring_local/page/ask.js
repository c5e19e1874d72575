// The form that asks an endpoint through the runtime, like any program, and shows the answer in its context.
import { code, tabbed } from "./shared/code.js";
import { h, panel } from "./shared/dom.js";
import { exchange } from "./shared/exchange.js";
import { marked } from "./shared/marks.js";
import { resultView } from "./shared/result.js";
import { boto3, curl, isLarge, javascript } from "./shared/snippets.js";

const PROGRAM = "moor local";
const EXAMPLE = {
  question: "What does the crew throw ashore first?",
  context:
    "A mooring is any permanent structure to which a ship may be made fast, such as a quay, a wharf, a jetty, " +
    "a pier or a buoy. The ship's crew throws a light heaving line ashore first, and heavier hawsers follow it.",
  candidates: "3",
};
const HEADERS = {
  "X-Amzn-SageMaker-Target-Model": "TargetModel",
  "X-Amzn-SageMaker-Inference-Component": "InferenceComponentName",
};

const drafts = {};
const tab = {};

// `target`: the header that selects one of several models, and their names; null for a single model.
export function askBox(name, target) {
  const draft = (drafts[name] ||= { ...EXAMPLE, target: target?.names[0] });
  const form = fields(draft, target),
    programs = h("div", {});
  const headers = () => (target ? { [target.header]: form.target.value } : {});
  const ask = () => exchange(`/endpoints/${encodeURIComponent(name)}/invocations`, form.body(), headers());
  const show = (sent) => programs.replaceChildren(programPanel(name, sent));
  show({
    url: new URL(`/endpoints/${encodeURIComponent(name)}/invocations`, location.href).href,
    body: form.body(),
    headers: headers(),
  });
  return h("div", { class: "stack" }, panel("Ask", asking(form, ask, show)), programs);
}

function fields(draft, target) {
  const field = (id, tag, more) => {
    const node = h(tag, { id, ...more, oninput: () => (draft[id] = node.value) });
    node.value = draft[id] || "";
    return node;
  };
  const label = (node, text) => h("div", {}, h("label", { for: node.id }, text), node);
  const question = field("question", "input", { autocomplete: "off", dir: "auto" }),
    context = field("context", "textarea", { rows: "5", dir: "auto" }),
    candidates = field("candidates", "input", { type: "number", min: "1", max: "20" }),
    which = target && field("target", "input", { list: "targets", required: true }),
    raw = h("textarea", { id: "raw", class: "raw", rows: "6", spellcheck: "false" }),
    own = h(
      "details",
      {},
      h("summary", {}, "Send a custom JSON body"),
      label(raw, "Body (application/json)"),
    );
  const request = () => {
    const most = Number(candidates.value);
    return {
      inputs: { question: question.value, context: context.value },
      ...(most > 1 ? { parameters: { top_k: most } } : {}),
    };
  };
  own.addEventListener("toggle", () => {
    if (own.open && !raw.value) raw.value = JSON.stringify(request(), null, 2);
  });
  const names =
    target &&
    h(
      "datalist",
      { id: "targets" },
      target.names.map((value) => h("option", { value })),
    );
  return {
    target: which,
    body: () => (own.open ? raw.value : JSON.stringify(request())),
    inputs: () => (own.open ? null : request().inputs),
    nodes: [
      which && label(which, target.label),
      names,
      label(question, "Question"),
      label(context, "Context"),
      h("div", { class: "short" }, label(candidates, "Candidates")),
      own,
    ],
  };
}

// The fields, a button, and the answer below.
function asking(form, ask, shown) {
  const out = h("div", { "aria-live": "polite" }),
    button = h("button", { class: "main" }, "Ask");
  const send = async (event) => {
    event.preventDefault();
    if (button.disabled) return;
    const inputs = form.inputs();
    button.disabled = true;
    button.textContent = "Asking …";
    const sent = await ask();
    button.disabled = false;
    button.textContent = "Ask";
    out.replaceChildren(answered(sent, inputs));
    shown(sent);
  };
  const onkeydown = (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) send(event);
  };
  const keys = h("span", { class: "quiet small" }, h("kbd", {}, "Ctrl"), " ", h("kbd", {}, "Enter"));
  return h("form", { onsubmit: send, onkeydown }, form.nodes, h("div", { class: "row" }, button, keys), out);
}

function answered(sent, inputs) {
  const passage = h("p", { class: "passage", dir: "auto" });
  const show = (marks) => inputs && passage.replaceChildren(...marked(inputs.context, marks));
  const variant = sent.header("x-amzn-invoked-production-variant");
  const facts = variant ? [`variant ${variant}`] : [];
  const node = resultView(sent, { task: "", program: PROGRAM, facts, asked: { inputs, show } });
  node.querySelector(".timeline")?.before(passage);
  return node;
}

function programPanel(name, sent) {
  const client = {
    endpoint_url: location.origin,
    region_name: "us-east-1",
    aws_access_key_id: "any",
    aws_secret_access_key: "any",
  };
  const targets = Object.entries(sent.headers).map(([header, value]) => [HEADERS[header], value]);
  const call = { EndpointName: name, ...Object.fromEntries(targets) };
  const tabs = [
    ["Python (boto3)", () => code(boto3(sent, client, call), "Python with boto3")],
    ["curl", () => code(curl(sent), "curl")],
    ["JavaScript", () => code(javascript(sent), "JavaScript")],
  ];
  const note =
    isLarge(sent) && h("p", { class: "quiet small" }, "The body is long: these read it from request.json.");
  return panel("This request from a program", note, tabbed(tabs, tab));
}
