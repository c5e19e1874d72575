// The end of a log.
import { h } from "./shared/dom.js";
import { get } from "./state.js";

// Shorten an instance ID; its end is enough to tell instances apart.
const short = (stream) => stream.replace(/i-[0-9a-f]{12}([0-9a-f]{5})/, "i-…$1");

// A JSON log line in readable form: the event, then name=value pairs. Other lines stay unchanged.
function readable(text) {
  text = text.replace(/^[\d-]+T[\d:.]+:\[sagemaker logs\]: /, "");
  if (!text.startsWith("{")) return text;
  try {
    const { time, level, event, ...rest } = JSON.parse(text);
    if (event == null) return text;
    const word = (value) => (typeof value === "string" ? value : JSON.stringify(value));
    return [
      level && level !== "info" ? `${level}:` : "",
      event,
      ...Object.entries(rest).map(([k, v]) => `${k}=${word(v)}`),
    ]
      .filter(Boolean)
      .join(" ");
  } catch {
    return text;
  }
}

// Scrolls with new lines unless the user has scrolled up or selected text.
export function log(path) {
  const box = h("pre", { class: "log", tabindex: "0", "aria-label": "Log" }, "Loading …");
  let shown = "";
  return {
    node: box,
    update: async () => {
      const lines = await get(path),
        key = JSON.stringify(lines.slice(-1)) + lines.length;
      const selecting = !getSelection().isCollapsed && box.contains(getSelection().anchorNode);
      if (key === shown || selecting) return;
      const following = !shown || box.scrollHeight - box.scrollTop - box.clientHeight < 24,
        many = new Set(lines.map((l) => l.stream)).size > 1;
      shown = key;
      box.replaceChildren(
        ...(lines.length
          ? lines.flatMap((line) => {
              const text = readable(line.text),
                grave = /error|exception|traceback|critical|fatal/i.test(text);
              const at = h(
                "time",
                { title: `${new Date(line.at).toISOString()} ${line.stream}` },
                new Date(line.at).toLocaleTimeString([], { hour12: false }),
              );
              return [
                at,
                " ",
                many ? h("span", { class: "from" }, short(line.stream) + " ") : "",
                grave ? h("span", { class: "bad" }, text) : text,
                "\n",
              ];
            })
          : ["No log output yet."]),
      );
      if (following) box.scrollTop = box.scrollHeight;
    },
  };
}
