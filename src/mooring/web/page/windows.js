// The windows in which a model reads a long text, from the tokens of the text. Pieces overlap by the stride.
import { read } from "./shared/read.js";

const LONGEST = 200_000;
const STRIDE = 128;

// The tokens of each text; null if the server does not give them.
const tokenized = (model, body) =>
  model.invoke ? null : read("tokenize", { ...model.body, ...body }).catch(() => null);

// The text of each token; null if it cannot be told.
export async function tokensOf(model, text) {
  const found = await tokenized(model, { inputs: text });
  return found && found[0].map((one) => one.text);
}

// [start, end] of each window's part of the text, in code points; null if it cannot be told. `question` is "" for tasks
// that read a text alone. The server's counts of windows and tokens say whether the result is right.
export async function windowsOf(model, sent, question, text) {
  const windows = Number(sent.header("x-mooring-windows")),
    total = Number(sent.header("x-mooring-tokens")),
    size = model.facts.model?.max_seq_len;
  if (windows < 2 || !size || text.length > LONGEST) return null;
  const found = await tokenized(model, { inputs: [question || "x", text], add_special_tokens: false });
  if (!found) return null;
  const [first, tokens] = found;
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
function cut(tokens, room, stride) {
  if (tokens <= room) return [[0, tokens]];
  if (room <= stride) return [];
  const pieces = [];
  for (let from = 0; ; from += room - stride) {
    pieces.push([from, Math.min(from + room, tokens)]);
    if (from + room >= tokens) return pieces;
  }
}
