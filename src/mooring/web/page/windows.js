// The windows in which a model reads a long text, from the tokens of the text. Pieces overlap by the stride.

const LONGEST = 200_000;
const STRIDE = 128;

// [start, end] of each window's part of the text, in code points; null if it cannot be told. `question` is "" for tasks
// that read a text alone. The server's counts of windows and tokens say whether the result is right.
export async function windowsOf(model, sent, question, text) {
  const windows = Number(sent.header("x-mooring-windows")),
    total = Number(sent.header("x-mooring-tokens")),
    size = model.facts.model?.max_seq_len;
  if (windows < 2 || !size || model.invoke || text.length > LONGEST) return null;
  const asked = { ...model.body, inputs: [question || "x", text], add_special_tokens: false };
  const answer = await fetch("tokenize", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(asked),
  }).catch(() => null);
  if (!answer?.ok) return null;
  const [first, tokens] = await answer.json();
  const length = question ? first.length : 0;
  for (const specials of question ? [3, 4] : [2]) {
    const pieces = cut(tokens.length, size - specials - length, Math.min(STRIDE, size >> 1));
    const sum = pieces.reduce((all, [from, to]) => all + to - from + length + specials, 0);
    if (pieces.length === windows && sum === total)
      return pieces.map(([from, to]) => [tokens[from].start, tokens[to - 1].stop]);
  }
  return null;
}

// [from, to] of the tokens of each piece.
export function cut(tokens, room, stride) {
  if (tokens <= room) return [[0, tokens]];
  if (room <= stride) return [];
  const pieces = [];
  for (let from = 0; ; from += room - stride) {
    pieces.push([from, Math.min(from + room, tokens)]);
    if (from + room >= tokens) return pieces;
  }
}

export async function tokensOf(model, text) {
  if (model.invoke) return null;
  try {
    const answer = await fetch("tokenize", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ ...model.body, inputs: text }),
    });
    return answer.ok ? (await answer.json())[0].map((one) => one.text) : null;
  } catch {
    return null;
  }
}
