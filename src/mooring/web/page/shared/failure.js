// Failed requests in words: what went wrong, and what to do next.
import { h } from "./dom.js";

const TITLES = {
  0: "No response",
  400: "Invalid request",
  403: "Not allowed",
  404: "Not found",
  413: "Too large",
  422: "Invalid request",
  424: "The model failed",
  429: "Too busy",
  500: "Server error",
  502: "A worker died",
  503: "Not ready",
  504: "Too slow",
};

// {title, message, hint, id} of a failed exchange. `program` is what the user started.
export function failureOf(sent, program) {
  if (sent.status === 0)
    return {
      title: TITLES[0],
      message: "The server does not respond.",
      hint: `Check that ${program} is still running, then try again.`,
    };
  const inner = innermost(sent.value);
  const wait = Number(sent.header("retry-after"));
  return {
    title: TITLES[inner?.code] || TITLES[sent.status] || `Status ${sent.status}`,
    message: inner?.message || sent.text.slice(0, 600) || "The response is empty.",
    hint: wait ? `Try again in ${wait} s.` : "",
    id: inner?.request_id || sent.header("x-request-id") || sent.header("x-amzn-requestid"),
  };
}

// SageMaker puts a container's error, as text, into its own: {"OriginalMessage": "{\"message\": …}"}.
function innermost(value) {
  if (value == null || typeof value !== "object") return null;
  const held = value.OriginalMessage;
  if (typeof held === "string" && held) {
    try {
      const found = innermost(JSON.parse(held));
      if (found?.message) return found;
    } catch {
      // no JSON: a container of another kind
    }
    return { code: value.OriginalStatusCode, message: held };
  }
  const { detail, error } = value;
  const message =
    value.message || value.Message || (typeof error === "string" ? error : error?.message) || detail;
  return { ...value, message: typeof message === "string" ? message : JSON.stringify(value) };
}

export function failureView(sent, program) {
  const found = failureOf(sent, program);
  const about = [`status ${sent.status}`, sent.header("x-amzn-errortype"), found.id && `request ${found.id}`];
  return h(
    "div",
    { class: "callout", role: "alert" },
    h("p", {}, h("strong", {}, found.title)),
    h("p", {}, found.message, found.hint && ` ${found.hint}`),
    sent.status > 0 && h("p", { class: "small" }, about.filter(Boolean).join(" · ")),
  );
}
