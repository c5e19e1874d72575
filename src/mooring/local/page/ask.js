// The box that asks an endpoint, through the runtime as any program would, and shows the answer in its context.
const EXAMPLE = {
  question: "What does the crew throw ashore first?",
  context:
    "A mooring is any permanent structure to which a ship may be made fast, such as a quay, a wharf, a jetty, " +
    "a pier or a buoy. The ship's crew throws a light heaving line ashore first, and heavier hawsers follow it.",
};

// `target`: the header that says which of several models is asked, and those that there are; null for one model.
function askBox(name, target) {
  const draft = (drafts[name] ||= { ...EXAMPLE });
  const keep = (field) => (event) => {
    draft[field] = event.target.value;
  };
  const question = h("input", { id: "question", oninput: keep("question"), autocomplete: "off" });
  const context = h("textarea", { id: "context", rows: "5", oninput: keep("context") });
  const raw = h("textarea", { id: "raw", class: "raw", rows: "6", spellcheck: "false" });
  const out = h("div", { "aria-live": "polite" }),
    button = h("button", { class: "main" }, "Ask");
  const which =
    target && h("input", { id: "target", list: "targets", oninput: keep("target"), required: true });
  if (which) which.value = draft.target ||= target.names[0] || "";
  question.value = draft.question;
  context.value = draft.context;
  const other = h(
    "details",
    {},
    h("summary", {}, "Send a JSON body of my own instead"),
    h("label", { for: "raw" }, "Body (application/json)"),
    raw,
  );
  other.addEventListener("toggle", () => {
    if (other.open && !raw.value)
      raw.value = JSON.stringify({ inputs: { question: question.value, context: context.value } }, null, 2);
  });
  const send = async (event) => {
    event.preventDefault();
    const body = other.open
      ? raw.value
      : JSON.stringify({ inputs: { question: question.value, context: context.value } });
    const passage = other.open ? null : context.value;
    button.disabled = true;
    button.textContent = "Asking …";
    try {
      out.replaceChildren(await invoke(name, body, passage, which ? { [target.header]: which.value } : {}));
    } catch (error) {
      out.replaceChildren(
        h("p", { class: "callout" }, `No answer came: ${error.message}. Is moor local still running?`),
      );
    }
    button.disabled = false;
    button.textContent = "Ask";
  };
  const form = h(
    "form",
    {
      onsubmit: send,
      onkeydown: (event) => {
        if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) send(event);
      },
    },
    which &&
      h(
        "div",
        {},
        h("label", { for: "target" }, target.label),
        which,
        h(
          "datalist",
          { id: "targets" },
          target.names.map((one) => h("option", { value: one })),
        ),
      ),
    h("div", {}, h("label", { for: "question" }, "Question"), question),
    h("div", {}, h("label", { for: "context" }, "Context"), context),
    other,
    h(
      "div",
      { class: "row" },
      button,
      h("span", { class: "quiet small" }, h("kbd", {}, "Ctrl"), " ", h("kbd", {}, "Enter")),
    ),
    out,
  );
  return panel("Ask", form);
}

async function invoke(name, body, passage, headers) {
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
    /* shown as it came */
  }
  const first = Array.isArray(value) ? value[0] : value,
    facts = (...more) =>
      h(
        "div",
        { class: "facts" },
        h("span", {}, h("b", {}, `${took.toFixed(1)} ms`), " there and back"),
        more,
        answer.headers.get("x-amzn-invoked-production-variant") &&
          h("span", {}, "variant ", h("b", {}, answer.headers.get("x-amzn-invoked-production-variant"))),
      );
  const whole = h(
    "details",
    { open: !answer.ok || first?.answer == null },
    h("summary", {}, `Response, status ${answer.status}`),
    h("pre", { tabindex: "0" }, value ? JSON.stringify(value, null, 2) : text || "(empty)"),
  );
  if (!answer.ok)
    return h(
      "div",
      { class: "answer" },
      h(
        "p",
        { class: "callout" },
        h("strong", {}, answer.headers.get("x-amzn-errortype") || `Status ${answer.status}`),
        ": ",
        value?.Message || value?.message || text,
      ),
      facts(),
      whole,
    );
  if (first?.answer == null) return h("div", { class: "answer" }, facts(), whole);
  const points = [...(passage ?? "")],
    span = passage != null && first.end > first.start; // offsets are code points, not UTF-16
  return h(
    "div",
    { class: "answer" },
    h("p", { class: "said" }, first.answer || "No answer in this context"),
    facts(first.score != null && h("span", {}, "score ", h("b", {}, Number(first.score).toFixed(3)))),
    span &&
      h(
        "p",
        { class: "passage" },
        points.slice(0, first.start).join(""),
        h("mark", {}, points.slice(first.start, first.end).join("")),
        points.slice(first.end).join(""),
      ),
    whole,
  );
}
