// Send a request, and keep what is needed to show it: what was sent, what came back, and how long it took.
export async function exchange(path, body, headers = {}) {
  const sent = { path, url: new URL(path, document.baseURI).href, body, headers };
  const began = performance.now();
  let answer, text;
  try {
    answer = await fetch(path, {
      method: "POST",
      body,
      headers: { "Content-Type": "application/json", Accept: "application/json", ...headers },
    });
    text = await answer.text();
  } catch {
    return { ...sent, ok: false, status: 0, text: "", value: null, took: 0, timings: [], header: () => null };
  }
  return {
    ...sent,
    ok: answer.ok,
    status: answer.status,
    text,
    value: parsed(text),
    took: performance.now() - began,
    timings: timingsIn(answer.headers.get("server-timing") || ""),
    header: (name) => answer.headers.get(name),
  };
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null; // shown as text
  }
}

// [stage, milliseconds] of a Server-Timing header.
export function timingsIn(header) {
  return header
    .split(",")
    .map((part) => /^\s*([\w-]+)\s*;\s*dur=([\d.]+)/.exec(part))
    .filter(Boolean)
    .map(([, stage, duration]) => [stage, Number(duration)]);
}
