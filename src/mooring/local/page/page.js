"use strict";
// The page's whole behaviour. Text reaches the document as text nodes only, never as markup.
const API = "/_mooring/api", EVERY_MS = 1500;
const main = document.getElementById("main"), live = document.getElementById("live");
const drafts = {};
let data = null, current = null;

function h(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...children.flat(9).filter((child) => child != null && child !== false));
  return node;
}

// Rebuilds a node's content only when what it shows has changed, and keeps the focus where it was.
function swap(node, shown, build) {
  const key = JSON.stringify(shown);
  if (node.shown === key) return;
  node.shown = key;
  const focused = node.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  node.replaceChildren(...[build()].flat(9));
  if (focused) [...node.querySelectorAll("a")].find((one) => one.getAttribute("href") === focused)?.focus();
}

async function get(path) {
  const answer = await fetch(API + path, { headers: { Accept: "application/json" } });
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.message || `status ${answer.status}`);
  return body;
}

const MOOD = { InService: "good", Completed: "good", Failed: "bad", OutOfService: "bad", UpdateRollbackFailed: "bad", Stopped: "" };
const status = (word) => h("span", { class: `status ${word in MOOD ? MOOD[word] : "busy"}` }, word);
const when = (seconds) => seconds == null ? "–" : h("time", { datetime: new Date(seconds * 1000).toISOString(), title: new Date(seconds * 1000).toLocaleString() }, ago(seconds));
const link = (...parts) => "#/" + parts.map(encodeURIComponent).join("/");
const panel = (title, ...children) => h("section", { class: "panel" }, title && h("h2", {}, title), children);

function ago(seconds) {
  const past = Math.max(0, Date.now() / 1000 - seconds);
  if (past < 45) return "just now";
  if (past < 5400) return `${Math.round(past / 60)} min ago`;
  if (past < 129600) return `${Math.round(past / 3600)} h ago`;
  return new Date(seconds * 1000).toLocaleDateString();
}

function bytes(count) {
  for (const [unit, size] of [["GB", 1e9], ["MB", 1e6], ["kB", 1e3]]) if (count >= size) return `${(count / size).toFixed(1)} ${unit}`;
  return `${count} B`;
}

function code(text) {
  const button = h("button", { class: "small", type: "button", onclick: async () => {
    try { await navigator.clipboard.writeText(text); button.textContent = "Copied"; }
    catch { getSelection().selectAllChildren(pre); button.textContent = "Selected"; }
    setTimeout(() => { button.textContent = "Copy"; }, 1600);
  } }, "Copy");
  const pre = h("pre", { tabindex: "0" }, text);
  return h("div", { class: "code" }, pre, button);
}

function table(heads, rows) {
  const number = (index) => heads[index].startsWith("#") && "num";
  return h("div", { class: "scroll", tabindex: "0" }, h("table", {},
    h("thead", {}, h("tr", {}, heads.map((head, i) => h("th", { scope: "col", class: number(i) }, head.replace("#", ""))))),
    h("tbody", {}, rows.map((row) => h("tr", {}, row.map((cell, i) => h("td", { class: number(i) }, cell)))))));
}

// The end of a log, which follows what is said unless the reader has scrolled up or selects something.
function log(path) {
  const box = h("pre", { class: "log", tabindex: "0", "aria-label": "Log" }, "Loading …");
  let shown = "";
  return { node: box, update: async () => {
    const lines = await get(path), key = JSON.stringify(lines.slice(-1)) + lines.length;
    const selecting = !getSelection().isCollapsed && box.contains(getSelection().anchorNode);
    if (key === shown || selecting) return;
    const following = !shown || box.scrollHeight - box.scrollTop - box.clientHeight < 24, many = new Set(lines.map((l) => l.stream)).size > 1;
    shown = key;
    box.replaceChildren(...(lines.length ? lines.flatMap((line) => [
      h("time", {}, new Date(line.at).toLocaleTimeString([], { hour12: false })), " ",
      many ? h("span", { class: "from" }, line.stream + " ") : "",
      /error|exception|traceback|critical|fatal/i.test(line.text) ? h("span", { class: "bad" }, line.text) : line.text, "\n",
    ]) : ["Nothing has been said yet."]));
    if (following) box.scrollTop = box.scrollHeight;
  } };
}

function empty(title, text, ...rest) {
  return h("section", { class: "panel empty" }, h("h1", {}, title), h("p", { class: "quiet" }, text), rest);
}

const CONNECT = () => 'eval "$(moor local env)"';
const CLIENT = (service) => `import boto3\n\n${service.replaceAll("-", "_")} = boto3.client(\n    "${service}", endpoint_url="${location.origin}", region_name="us-east-1",\n    aws_access_key_id="any", aws_secret_access_key="any",\n)`;

// A list beside the details of one of its things.
function split(kind, items, chosen, line, detail, none) {
  const list = h("ul", { class: "items" }), side = h("div", { class: "stack" }), root = h("div", {});
  let open = null, opened;
  return { root, update: async () => {
    const all = items();
    if (!all.length && !chosen) { open = null; opened = undefined; swap(root, "none", none); return; }
    swap(root, "some", () => h("div", { class: "split" }, h("nav", { "aria-label": kind }, list), side));
    const name = chosen || all[0].name, one = all.find((item) => item.name === name);
    swap(list, [name, all], () => all.map((item) => h("li", {}, h("a", { href: link(kind, item.name), "aria-current": item.name === name && "true" }, line(item)))));
    if (opened !== `${name}/${!!one}`) {
      opened = `${name}/${!!one}`;
      open = one ? detail(name) : null;
      side.replaceChildren(open ? open.node : h("p", { class: "panel quiet" }, `There is no ${name} any more. `, h("a", { href: link(kind) }, "Show all")));
    }
    if (open) await open.update(one);
  } };
}

function endpoints(chosen) {
  return split("endpoints", () => data.endpoints, chosen,
    (one) => [h("strong", {}, one.name), h("span", { class: "row" }, status(one.status), h("span", { class: "quiet small" }, when(one.created)))],
    endpoint,
    () => empty("No endpoint yet", "Deploy the model that comes with Mooring, and ask it a question here. From a shell in which this local SageMaker is switched on:",
      code(`${CONNECT()}\nmoor deploy --name qa`), h("p", { class: "quiet" }, "Or from your own code, unchanged but for the address: ", h("a", { href: "#/connect" }, "how to connect"), ".")));
}

function endpoint(name) {
  const head = h("section", { class: "panel stack" }), said = log(`/endpoints/${encodeURIComponent(name)}/log`), ask = askBox(name);
  const asking = h("div", { class: "stack" });
  return { node: h("div", { class: "stack" }, head, asking, panel("Log", said.node), callFrom(name)), update: async (one) => {
    swap(head, one, () => [
      h("div", { class: "row between" }, h("h1", {}, one.name), status(one.status)),
      one.reason && h("p", { class: "callout", role: "alert" }, one.reason),
      h("p", { class: "quiet small" }, "Configuration ", h("code", {}, one.config), " · created ", when(one.created), " · changed ", when(one.modified)),
      one.variants.length > 0 && table(["Variant", "Model", "Runs as", "#Instances", "#Weight"], one.variants.map((v) => [
        v.name, h("a", { href: "#/models" }, v.model || "–"), [v.image && h("code", {}, v.image), v.image && h("br"), v.kind],
        `${v.instances ?? 0} of ${v.wanted ?? "?"}`, v.weight ?? "–"])),
    ].filter(Boolean));
    const serving = ["InService", "Updating", "SystemUpdating"].includes(one.status);
    swap(asking, [serving, one.asynchronous, one.status], () => one.asynchronous
      ? panel("Ask", h("p", { class: "quiet" }, "This endpoint answers asynchronously: put the request into a bucket and call ", h("code", {}, "invoke_endpoint_async"), "."))
      : serving ? ask : panel("Ask", h("p", { class: "quiet" }, one.status === "Failed" ? "It failed, and can only be deleted. The reason is above and in the log." : "It can be asked as soon as it is InService.")));
    await said.update();
  } };
}

const EXAMPLE = { question: "What is a ship made fast to?", context: "A mooring is any permanent structure to which a ship may be made fast, such as a quay, a wharf, a jetty, a pier or a buoy. The ship's crew throws a light heaving line ashore first, and heavier hawsers follow it." };

function askBox(name) {
  const draft = drafts[name] ||= { ...EXAMPLE };
  const keep = (field) => (event) => { draft[field] = event.target.value; };
  const question = h("input", { id: "question", oninput: keep("question"), autocomplete: "off" });
  const context = h("textarea", { id: "context", rows: "5", oninput: keep("context") });
  const raw = h("textarea", { id: "raw", class: "raw", rows: "6", spellcheck: "false" });
  const out = h("div", { "aria-live": "polite" }), button = h("button", { class: "main" }, "Ask");
  question.value = draft.question; context.value = draft.context;
  const other = h("details", {}, h("summary", {}, "Send a JSON body of my own instead"), h("label", { for: "raw" }, "Body (application/json)"), raw);
  other.addEventListener("toggle", () => { if (other.open && !raw.value) raw.value = JSON.stringify({ inputs: { question: question.value, context: context.value } }, null, 2); });
  const send = async (event) => {
    event.preventDefault();
    const body = other.open ? raw.value : JSON.stringify({ inputs: { question: question.value, context: context.value } });
    const passage = other.open ? null : context.value;
    button.disabled = true; button.textContent = "Asking …";
    try { out.replaceChildren(await invoke(name, body, passage)); }
    catch (error) { out.replaceChildren(h("p", { class: "callout" }, `No answer came: ${error.message}. Is moor local still running?`)); }
    button.disabled = false; button.textContent = "Ask";
  };
  const form = h("form", { onsubmit: send, onkeydown: (event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) send(event); } },
    h("div", {}, h("label", { for: "question" }, "Question"), question), h("div", {}, h("label", { for: "context" }, "Context"), context),
    other, h("div", { class: "row" }, button, h("span", { class: "quiet small" }, h("kbd", {}, "Ctrl"), " ", h("kbd", {}, "Enter"))), out);
  return panel("Ask", form);
}

async function invoke(name, body, passage) {
  const began = performance.now();
  const answer = await fetch(`/endpoints/${encodeURIComponent(name)}/invocations`, { method: "POST", body, headers: { "Content-Type": "application/json", Accept: "application/json" } });
  const text = await answer.text(), took = performance.now() - began;
  let value = null;
  try { value = JSON.parse(text); } catch { /* shown as it came */ }
  const first = Array.isArray(value) ? value[0] : value, facts = (...more) => h("div", { class: "facts" },
    h("span", {}, h("b", {}, `${took.toFixed(1)} ms`), " there and back"), more,
    answer.headers.get("x-amzn-invoked-production-variant") && h("span", {}, "variant ", h("b", {}, answer.headers.get("x-amzn-invoked-production-variant"))));
  const whole = h("details", { open: !answer.ok || first?.answer == null }, h("summary", {}, `Response, status ${answer.status}`), h("pre", { tabindex: "0" }, value ? JSON.stringify(value, null, 2) : text || "(empty)"));
  if (!answer.ok) return h("div", { class: "answer" }, h("p", { class: "callout" }, h("strong", {}, answer.headers.get("x-amzn-errortype") || `Status ${answer.status}`), ": ", value?.Message || value?.message || text), facts(), whole);
  if (first?.answer == null) return h("div", { class: "answer" }, facts(), whole);
  const points = [...(passage ?? "")], span = passage != null && first.end > first.start; // offsets are code points, not UTF-16
  return h("div", { class: "answer" }, h("p", { class: "said" }, first.answer || "No answer in this context"),
    facts(first.score != null && h("span", {}, "score ", h("b", {}, Number(first.score).toFixed(3)))),
    span && h("p", { class: "passage" }, points.slice(0, first.start).join(""), h("mark", {}, points.slice(first.start, first.end).join("")), points.slice(first.end).join("")), whole);
}

function callFrom(name) {
  return panel("Call it from Python", code(`${CLIENT("sagemaker-runtime")}\nanswer = sagemaker_runtime.invoke_endpoint(\n    EndpointName="${name}", ContentType="application/json",\n    Body='{"inputs": {"question": "Who wrote it?", "context": "Ada wrote it."}}',\n)\nprint(answer["Body"].read().decode())`));
}

function models() {
  const root = h("div", { class: "stack" });
  return { root, update: () => swap(root, data.models, () => data.models.length ? [h("h1", {}, "Models"), panel(null, table(["Model", "Image", "Model data", "Environment", "Created"], data.models.map((one) => [
    h("strong", {}, one.name), one.containers.map((c) => h("div", {}, h("code", {}, c.image))), one.containers.map((c) => h("div", {}, c.data ? h("code", {}, c.data) : h("span", { class: "quiet" }, "none: the embedded model, unless HF_MODEL_ID names one"))),
    one.containers.map((c) => Object.entries(c.environment).filter(([, v]) => v !== "").map(([k, v]) => h("div", {}, h("code", {}, `${k}=${v}`)))), when(one.created)])))]
    : [empty("No model yet", "A model is an image and, if you like, model data. One that needs nothing else:", code(`${CLIENT("sagemaker")}\nsagemaker.create_model(\n    ModelName="qa", PrimaryContainer={"Image": "mooring"},\n    ExecutionRoleArn="arn:aws:iam::${data.account}:role/SageMakerLocal",\n)`))]) };
}

function jobs(chosen) {
  return split("jobs", () => data.jobs, chosen,
    (one) => [h("strong", {}, one.name), h("span", { class: "row" }, status(one.status), h("span", { class: "quiet small" }, when(one.created)))],
    (name) => {
      const head = h("section", { class: "panel stack" }), said = log(`/jobs/${encodeURIComponent(name)}/log`);
      return { node: h("div", { class: "stack" }, head, panel("Log", said.node)), update: async (one) => {
        swap(head, one, () => [h("div", { class: "row between" }, h("h1", {}, one.name), status(one.status)), one.reason && h("p", { class: "callout", role: "alert" }, one.reason),
          h("dl", { class: "pairs" }, [["Model", one.model], ["Input", place(one.input)], ["Output", place(one.output)], ["Took", one.began && one.ended ? `${(one.ended - one.began).toFixed(1)} s` : "–"]].map(([k, v]) => [h("dt", {}, k), h("dd", {}, v)]))].filter(Boolean));
        await said.update();
      } };
    },
    () => empty("No transform job yet", "A transform job asks a model about every line of the files in a bucket, and writes the answers beside them:", code(`${CONNECT()}\nmoor transform --help`)));
}

function place(uri) {
  const found = /^s3:\/\/([^/]+)\/?(.*)$/.exec(uri);
  return found ? h("a", { href: link("buckets", found[1], found[2].replace(/[^/]*$/, "")) }, h("code", {}, uri)) : uri || "–";
}

function buckets(name, prefix) {
  const root = h("div", { class: "stack" });
  if (!name) return { root, update: () => swap(root, data.buckets, () => data.buckets.length
    ? [h("h1", {}, "Buckets"), panel(null, table(["Bucket", "Region", "Created"], data.buckets.map((b) => [h("a", { href: link("buckets", b.name) }, b.name), b.region, when(b.created)])))]
    : [empty("No bucket yet", "A bucket is a folder below the data folder of this local SageMaker; objects are plain files in it. Make one:", code(`${CONNECT()}\naws s3 mb s3://my-bucket      # or: mkdir ${data.data}/s3/my-bucket`))]) };
  return { root, update: async () => {
    const found = await get(`/buckets/${encodeURIComponent(name)}?prefix=${encodeURIComponent(prefix)}`), parts = prefix.split("/").slice(0, -1);
    swap(root, found, () => [
      h("h1", { class: "crumbs" }, h("a", { href: "#/buckets" }, "Buckets"), " / ", h("a", { href: link("buckets", name) }, name), parts.map((part, i) => [" / ", h("a", { href: link("buckets", name, parts.slice(0, i + 1).join("/") + "/") }, part || "(empty)")])),
      panel(null, found.folders.length + found.objects.length ? table(["Name", "#Size", "Type", "Changed"], [
        ...found.folders.map((f) => [h("a", { href: link("buckets", name, f) }, f.slice(prefix.length)), "", "folder", ""]),
        ...found.objects.map((o) => [h("a", { href: `${API}/buckets/${encodeURIComponent(name)}/object?key=${encodeURIComponent(o.key)}`, download: "" }, o.key.slice(prefix.length) || "(the folder itself)"), bytes(o.size), o.content_type, when(o.modified)]),
      ]) : h("p", { class: "quiet" }, "Nothing here. Upload with any S3 client, or copy files into the folder below."),
      found.next && h("p", { class: "quiet" }, `Only the first ${found.objects.length + found.folders.length} are shown.`)),
      h("p", { class: "quiet small" }, "On disk: ", h("code", {}, `${found.folder}/${prefix}`)),
    ]);
  } };
}

function connect() {
  const root = h("div", { class: "stack" });
  return { root, update: () => swap(root, data.account, () => [h("h1", {}, "Connect"),
    h("p", { class: "quiet" }, "Everything that speaks to AWS through boto3, the SageMaker SDK or the AWS CLI can speak to this address instead. No account is needed, and any keys will do."),
    panel("In a shell: for all programs that it starts", code(CONNECT())),
    panel("In Python: for one client", code(CLIENT("sagemaker"))),
    panel("With the AWS CLI", code(`aws --endpoint-url ${location.origin} sagemaker list-endpoints`)),
    panel("What is here", h("dl", { class: "pairs" }, [["Address", h("code", {}, location.origin)], ["Services", "SageMaker, its runtime, S3, STS, IAM, ECR, CloudWatch Logs, Application Auto Scaling"], ["Account", h("code", {}, data.account)], ["Data", h("code", {}, data.data)], ["Mooring", data.version]].map(([k, v]) => [h("dt", {}, k), h("dd", {}, v)]))),
  ]) };
}

const VIEWS = { endpoints, models, jobs, buckets, connect }, TITLES = { endpoints: "Endpoints", models: "Models", jobs: "Transform jobs", buckets: "Buckets", connect: "Connect" };

function route() {
  const [kind, ...rest] = location.hash.replace(/^#\//, "").split("/").map(decodeURIComponent), name = kind in VIEWS ? kind : "endpoints";
  const moved = current !== null;
  current = { name, ...VIEWS[name](rest[0] || "", rest[1] || "") };
  document.title = `${rest[0] || TITLES[name]} · Mooring`;
  if (data) { main.replaceChildren(current.root); refresh(); if (moved) main.focus({ preventScroll: true }); }
}

async function refresh() {
  const view = current;
  swap(document.getElementById("nav"), [view.name, data.endpoints.length, data.models.length, data.jobs.length, data.buckets.length], () => Object.keys(VIEWS).map((kind) =>
    h("li", {}, h("a", { href: link(kind), "aria-current": kind === view.name && "page" }, TITLES[kind], kind in data && h("span", { class: "count" }, String(data[kind].length))))));
  try { await view.update(); } catch (error) { if (view === current && !(error instanceof TypeError)) view.root.replaceChildren(h("p", { class: "callout" }, error.message)); }
}

async function poll() {
  if (!document.hidden) {
    try {
      data = await get("/overview");
      live.className = "live"; document.getElementById("live-text").textContent = location.host;
      if (!current.root.isConnected) main.replaceChildren(current.root);
      await refresh();
    } catch { live.className = "live lost"; document.getElementById("live-text").textContent = "moor local does not answer"; }
  }
  setTimeout(poll, EVERY_MS);
}

addEventListener("hashchange", route);
route();
poll();
