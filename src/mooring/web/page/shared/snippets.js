// A request that was sent, as programs that send it again.
import { python, shell } from "./literals.js";

const JSON_TYPE = "application/json";
const LARGEST = 20_000;

export const LARGE = (sent) => sent.body.length > LARGEST;

export function curl(sent) {
  const headers = Object.entries({ "Content-Type": JSON_TYPE, ...sent.headers });
  const lines = headers.map(([name, value]) => `  -H ${shell(`${name}: ${value}`)} \\\n`);
  const data = LARGE(sent) ? "--data-binary @request.json" : `-d ${shell(sent.body)}`;
  return `curl -s ${shell(sent.url)} \\\n${lines.join("")}  ${data}`;
}

export function javascript(sent) {
  const headers = JSON.stringify({ "Content-Type": JSON_TYPE, ...sent.headers });
  const read = LARGE(sent) ? 'import { readFile } from "node:fs/promises";\n\n' : "";
  const body = LARGE(sent)
    ? 'await readFile("request.json", "utf8")'
    : `JSON.stringify(${written(sent, pretty)})`;
  return `${read}const response = await fetch(${JSON.stringify(sent.url)}, {
  method: "POST",
  headers: ${headers},
  body: ${body},
});
console.log(await response.json());`;
}

const pretty = (value) => JSON.stringify(value, null, 2).replaceAll("\n", "\n  ");

function written(sent, write) {
  try {
    return write(JSON.parse(sent.body));
  } catch {
    return write(sent.body); // what is no JSON is sent as a text
  }
}

// The request's body as Python's expression of a JSON text.
function body(sent) {
  return LARGE(sent)
    ? 'open("request.json").read()'
    : `json.dumps(${written(sent, (value) => python(value, "    "))})`;
}

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

// InferenceClient's method for a task, and its arguments, from the body of a request.
const METHODS = {
  "question-answering": ["question_answering", ({ inputs }) => inputs],
  "text-classification": [
    "text_classification",
    ({ inputs }) => (typeof inputs === "string" ? { text: inputs } : null),
  ],
  "token-classification": ["token_classification", ({ inputs }) => ({ text: inputs })],
  "fill-mask": ["fill_mask", ({ inputs }) => ({ text: inputs })],
  "zero-shot-classification": ["zero_shot_classification", ({ inputs }) => ({ text: inputs })],
  "sentence-similarity": [
    "sentence_similarity",
    ({ inputs }) => ({ sentence: inputs.source_sentence, other_sentences: inputs.sentences }),
  ],
  "sentence-embeddings": ["feature_extraction", ({ inputs }) => ({ text: inputs })],
};

// `address`: of the server, or of its model if it has several. Falls back to a plain request.
export function inferenceClient(sent, task, address) {
  const [method, argumentsOf] = METHODS[task] || [];
  let given = null;
  try {
    const parsed = JSON.parse(sent.body),
      inputs = method && argumentsOf(parsed);
    given = inputs && { ...inputs, ...parsed.parameters };
  } catch {
    // a body of the user's own
  }
  if (!given || LARGE(sent)) return plainPython(sent);
  const lines = Object.entries(given).map(([name, value]) => `    ${name}=${python(value, "    ")},\n`);
  return `from huggingface_hub import InferenceClient

client = InferenceClient(model=${python(address)})
answer = client.${method}(
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
