// The form that asks an endpoint through the runtime, like any program, and shows the answer in its context.
const EXAMPLE = {
  question: "What does the crew throw ashore first?",
  context:
    "A mooring is any permanent structure to which a ship may be made fast, such as a quay, a wharf, a jetty, " +
    "a pier or a buoy. The ship's crew throws a light heaving line ashore first, and heavier hawsers follow it.",
};

// `target`: the header that selects one of several models, and their names; null for a single model.
function askBox(name, target) {
  const draft = (drafts[name] ||= { ...EXAMPLE, target: target?.names[0] });
  const field = (id, tag, more) => {
    const node = h(tag, { id, ...more, oninput: () => (draft[id] = node.value) });
    node.value = draft[id] || "";
    return node;
  };
  const question = field("question", "input", { autocomplete: "off" }),
    context = field("context", "textarea", { rows: "5" }),
    which = target && field("target", "input", { list: "targets", required: true }),
    raw = h("textarea", { id: "raw", class: "raw", rows: "6", spellcheck: "false" }),
    label = (node, text) => h("div", {}, h("label", { for: node.id }, text), node);
  const own = h(
    "details",
    {},
    h("summary", {}, "Send a custom JSON body"),
    label(raw, "Body (application/json)"),
  );
  const inputs = () => ({ inputs: { question: question.value, context: context.value } });
  own.addEventListener("toggle", () => {
    if (own.open && !raw.value) raw.value = JSON.stringify(inputs(), null, 2);
  });
  const ask = () =>
    invoke(
      name,
      own.open ? raw.value : JSON.stringify(inputs()),
      which ? { [target.header]: which.value } : {},
    );
  const options =
    target &&
    h(
      "datalist",
      { id: "targets" },
      target.names.map((value) => h("option", { value })),
    );
  const fields = [label(question, "Question"), label(context, "Context"), own];
  return panel(
    "Ask",
    form([which && label(which, target.label), options, ...fields], ask, () =>
      own.open ? null : context.value,
    ),
  );
}

// Fields, a button, and the answer below. `ask` sends the request; `passage` is the text to highlight the answer in.
function form(fields, ask, passage) {
  const out = h("div", { "aria-live": "polite" }),
    button = h("button", { class: "main" }, "Ask");
  const send = async (event) => {
    event.preventDefault();
    const text = passage();
    button.disabled = true;
    button.textContent = "Asking …";
    try {
      out.replaceChildren(answered(await ask(), text));
    } catch (error) {
      const said = `The request failed: ${error.message}. Check that moor local is still running.`;
      out.replaceChildren(h("p", { class: "callout" }, said));
    }
    button.disabled = false;
    button.textContent = "Ask";
  };
  const onkeydown = (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) send(event);
  };
  const keys = h("span", { class: "quiet small" }, h("kbd", {}, "Ctrl"), " ", h("kbd", {}, "Enter"));
  return h("form", { onsubmit: send, onkeydown }, fields, h("div", { class: "row" }, button, keys), out);
}

async function invoke(name, body, headers) {
  const began = performance.now();
  const answer = await fetch(`/endpoints/${encodeURIComponent(name)}/invocations`, {
    method: "POST",
    body,
    headers: { "Content-Type": "application/json", Accept: "application/json", ...headers },
  });
  const text = await answer.text(),
    took = performance.now() - began;
  let value = null;
  try {
    value = JSON.parse(text);
  } catch {
    // shown as text
  }
  return { answer, text, took, value };
}

function answered({ answer, text, took, value }, passage) {
  const first = Array.isArray(value) ? value[0] : value,
    found = answer.ok && first?.answer != null,
    variant = answer.headers.get("x-amzn-invoked-production-variant");
  const facts = h(
    "div",
    { class: "facts" },
    h("span", {}, h("b", {}, `${took.toFixed(1)} ms`), " round trip"),
    found && first.score != null && h("span", {}, "score ", h("b", {}, Number(first.score).toFixed(3))),
    variant && h("span", {}, "variant ", h("b", {}, variant)),
  );
  const code = h("strong", {}, answer.headers.get("x-amzn-errortype") || `Status ${answer.status}`),
    refused = () => h("p", { class: "callout" }, code, ": ", value?.Message || value?.message || text),
    whole = value ? JSON.stringify(value, null, 2) : text || "(empty)";
  return h(
    "div",
    { class: "answer" },
    !answer.ok && refused(),
    found && h("p", { class: "said" }, first.answer || "No answer in this context"),
    facts,
    found && passage != null && first.end > first.start && marked(passage, first.start, first.end),
    h(
      "details",
      { open: !found },
      h("summary", {}, `Response, status ${answer.status}`),
      h("pre", { tabindex: "0" }, whole),
    ),
  );
}

// Offsets count code points, as in Python, not UTF-16 units.
function marked(passage, start, end) {
  const points = [...passage];
  const part = (from, to) => points.slice(from, to).join("");
  return h("p", { class: "passage" }, part(0, start), h("mark", {}, part(start, end)), part(end));
}
