// Models, transform jobs and connection settings.
import { listed, split } from "./endpoints.js";
import { SNIPPETS } from "./commands.js";
import { log } from "./log.js";
import { empty, link, status, when } from "./parts.js";
import { code } from "./shared/code.js";
import { h, pairs, panel, swap, table } from "./shared/dom.js";
import { state } from "./state.js";

export function models() {
  const root = h("div", { class: "stack" });
  return { root, update: () => swap(root, state.data.models, allModels) };
}

function allModels() {
  if (!state.data.models.length) {
    const said = "A model is an image with optional model data. Create one with the embedded model:";
    return empty("No model yet", said, code(SNIPPETS.model()));
  }
  const each = (one, show) => one.containers.map((container) => h("div", {}, show(container)));
  const embedded = () => h("span", { class: "quiet" }, "none: the embedded model, or HF_MODEL_ID");
  const variables = (container) =>
    Object.entries(container.environment)
      .filter(([, value]) => value !== "")
      .map(([name, value]) => h("div", {}, h("code", {}, `${name}=${value}`)));
  const rows = state.data.models.map((one) => [
    h("strong", {}, one.name),
    each(one, (container) => h("code", {}, container.image)),
    each(one, (container) => (container.data ? h("code", {}, container.data) : embedded())),
    each(one, variables),
    when(one.created),
  ]);
  const heads = ["Model", "Image", "Model data", "Environment", "Created"];
  return [h("h1", {}, "Models"), panel(null, table(heads, rows))];
}

export function jobs(chosen) {
  const none = () => {
    const said = "A transform job runs a model on every line of the files in a bucket. Create one:";
    return empty("No transform job yet", said, code(SNIPPETS.transform()));
  };
  return split("jobs", () => state.data.jobs, chosen, listed, job, none);
}

function job(name) {
  const head = h("section", { class: "panel stack" }),
    said = log(`/jobs/${encodeURIComponent(name)}/log`);
  return {
    node: h("div", { class: "stack" }, head, panel("Log", said.node)),
    update: async (one) => {
      swap(head, one, () => jobFacts(one));
      await said.update();
    },
  };
}

function jobFacts(one) {
  return [
    h("div", { class: "row between" }, h("h1", {}, one.name), status(one.status)),
    one.reason && h("p", { class: "callout", role: "alert" }, one.reason),
    pairs([
      ["Model", one.model],
      ["Input", place(one.input)],
      ["Output", place(one.output)],
      ["Duration", one.began && one.ended ? `${(one.ended - one.began).toFixed(1)} s` : "–"],
    ]),
  ].filter(Boolean);
}

function place(uri) {
  const found = /^s3:\/\/([^/]+)\/?(.*)$/.exec(uri);
  if (!found) return uri || "–";
  return h("a", { href: link("buckets", found[1], found[2].replace(/[^/]*$/, "")) }, h("code", {}, uri));
}

export function connect() {
  const root = h("div", { class: "stack" });
  return { root, update: () => swap(root, state.data.account, ways) };
}

function ways() {
  const said =
    "Point boto3, the SageMaker SDK or the AWS CLI at this address instead of AWS. " +
    "No account is needed, and any keys are accepted.";
  const here = pairs([
    ["Address", h("code", {}, location.origin)],
    ["Services", "SageMaker, its runtime, S3, STS, IAM, ECR, CloudWatch Logs, Application Auto Scaling"],
    ["Account", h("code", {}, state.data.account)],
    ["Data", h("code", {}, state.data.data)],
    ["Mooring", state.data.version],
  ]);
  return [
    h("h1", {}, "Connect"),
    h("p", { class: "quiet" }, said),
    panel("Shell: for all programs started from it", code(SNIPPETS.shell())),
    panel("Python: for one client", code(SNIPPETS.client("sagemaker"))),
    panel("AWS CLI", code(SNIPPETS.cli())),
    panel("This server", here),
  ];
}
