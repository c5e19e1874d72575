// A request that was sent, as programs that send it again.
import { python, shell } from "./literals.js";

const JSON_TYPE = "application/json";
const LARGEST = 20_000;

export const isLarge = (sent) => sent.body.length > LARGEST;

export function curl(sent) {
  const headers = Object.entries({ "Content-Type": JSON_TYPE, ...sent.headers });
  const lines = headers.map(([name, value]) => `  -H ${shell(`${name}: ${value}`)} \\\n`);
  const data = isLarge(sent) ? "--data-binary @request.json" : `--data-raw ${shell(sent.body)}`;
  return `curl -s ${shell(sent.url)} \\\n${lines.join("")}  ${data}`;
}

export function javascript(sent) {
  const headers = JSON.stringify({ "Content-Type": JSON_TYPE, ...sent.headers });
  const read = isLarge(sent) ? 'import { readFile } from "node:fs/promises";\n\n' : "";
  const body = isLarge(sent)
    ? 'await readFile("request.json", "utf8")'
    : written(sent, (value) => `JSON.stringify(${JSON.stringify(value, null, 2).replaceAll("\n", "\n  ")})`);
  return `${read}const response = await fetch(${JSON.stringify(sent.url)}, {
  method: "POST",
  headers: ${headers},
  body: ${body},
});
console.log(await response.json());`;
}

// An expression for the body: `write` of the value, or the text itself if it is not JSON.
function written(sent, write) {
  try {
    return write(JSON.parse(sent.body));
  } catch {
    return JSON.stringify(sent.body);
  }
}

// The request's body as Python's expression of a JSON text.
const body = (sent) =>
  isLarge(sent)
    ? 'open("request.json", encoding="utf-8").read()'
    : written(sent, (value) => `json.dumps(${python(value, "    ")})`);

// `client`: arguments of boto3.client; `call`: arguments of invoke_endpoint.
export function boto3(sent, client, call) {
  const given = Object.entries(client).map(([name, value]) => `, ${name}=${python(value)}`);
  const named = Object.entries({ ...call, ContentType: JSON_TYPE }).map(
    ([name, value]) => `    ${name}=${python(value)},\n`,
  );
  return `import json

import boto3

runtime = boto3.client("sagemaker-runtime"${given.join("")})
answer = runtime.invoke_endpoint(
${named.join("")}    Body=${body(sent)},
)
print(json.loads(answer["Body"].read()))`;
}

// Task → InferenceClient's method, its arguments for `inputs`, and the parameters that it takes.
const METHODS = {
  "question-answering": [
    "question_answering",
    (inputs) => inputs,
    [
      "align_to_words",
      "doc_stride",
      "handle_impossible_answer",
      "max_answer_len",
      "max_question_len",
      "max_seq_len",
      "top_k",
    ],
  ],
  "text-classification": [
    "text_classification",
    (inputs) => (typeof inputs === "string" ? { text: inputs } : null),
    ["function_to_apply", "top_k"],
  ],
  "token-classification": [
    "token_classification",
    (inputs) => ({ text: inputs }),
    ["aggregation_strategy", "ignore_labels", "stride"],
  ],
  "fill-mask": ["fill_mask", (inputs) => ({ text: inputs }), ["targets", "top_k"]],
  "zero-shot-classification": [
    "zero_shot_classification",
    (inputs) => ({ text: inputs }),
    ["candidate_labels", "hypothesis_template", "multi_label"],
  ],
  "sentence-similarity": [
    "sentence_similarity",
    (inputs) => ({ sentence: inputs.source_sentence, other_sentences: inputs.sentences }),
    [],
  ],
  "sentence-embeddings": [
    "feature_extraction",
    (inputs) => ({ text: inputs }),
    ["dimensions", "normalize", "prompt_name", "truncate", "truncation_direction"],
  ],
};

// The arguments of InferenceClient's method; null if it cannot send this request.
function argumentsOf(sent, task) {
  if (!(task in METHODS)) return null;
  const [, inputsOf, taken] = METHODS[task];
  const { inputs, parameters, model, ...beside } = JSON.parse(sent.body);
  const given = { ...parameters, ...beside },
    named = inputsOf(inputs);
  return named && Object.keys(given).every((name) => taken.includes(name)) ? { ...named, ...given } : null;
}

// `address`: of the server, or of its model if it has several; null if InferenceClient would get another answer there.
export function inferenceClient(sent, task, address) {
  const given = address === null || isLarge(sent) ? null : argumentsOf(sent, task);
  if (!given) return plainPython(sent);
  const lines = Object.entries(given).map(([name, value]) => `    ${name}=${python(value, "    ")},\n`);
  return `from huggingface_hub import InferenceClient

client = InferenceClient(model=${python(address)})
answer = client.${METHODS[task][0]}(
${lines.join("")})
print(answer)`;
}

function plainPython(sent) {
  const headers = python({ "Content-Type": JSON_TYPE, ...sent.headers });
  return `import json
from urllib.request import Request, urlopen

request = Request(
    ${python(sent.url)},
    data=${body(sent)}.encode(),
    headers=${headers},
)
with urlopen(request) as response:
    print(json.load(response))`;
}
