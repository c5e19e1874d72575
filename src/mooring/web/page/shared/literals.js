// JSON values as literals of Python and of POSIX shells.
export function python(value, indent = "") {
  const deeper = `${indent}    `;
  if (value === null || value === undefined) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value !== "object") return JSON.stringify(value);
  const list = Array.isArray(value);
  const parts = list
    ? value.map((one) => python(one, deeper))
    : Object.entries(value).map(([key, one]) => `${JSON.stringify(key)}: ${python(one, deeper)}`);
  const [open, close] = list ? "[]" : "{}";
  const line = `${open}${parts.join(", ")}${close}`;
  if (line.length <= 80 && !line.includes("\n")) return line;
  return `${open}\n${parts.map((part) => `${deeper}${part},\n`).join("")}${indent}${close}`;
}

export const shell = (text) => `'${text.replaceAll("'", String.raw`'\''`)}'`;
