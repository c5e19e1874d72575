// @huggingface/inference against the server whose address is the first argument. Run in an environment of its own by
// test_hugging_face_js.py, which reads what it prints: a line of JSON for each thing done.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [url, folder] = process.argv.slice(2);
const require = createRequire(pathToFileURL(`${folder}/package.json`));
const { InferenceClient } = await import(pathToFileURL(require.resolve("@huggingface/inference")));

const client = new InferenceClient();
const inputs = { question: "Who lives near the river?", context: "The king lives near the river." };
const calls = {
  "one answer": () => client.endpoint(url).questionAnswering({ inputs }),
  "the address in the call": () => client.questionAnswering({ endpointUrl: url, inputs }),
  "several answers": () => client.questionAnswering({ endpointUrl: url, inputs, parameters: { top_k: 3 } }),
  "one answer of several": () =>
    client.questionAnswering({ endpointUrl: url, inputs: { ...inputs, context: "king" }, parameters: { top_k: 3 } }),
  "no answer": () =>
    client.questionAnswering({ endpointUrl: url, inputs, parameters: { handle_impossible_answer: true } }),
  "an empty question": () => client.questionAnswering({ endpointUrl: url, inputs: { ...inputs, question: "" } }),
  "another path": () => client.questionAnswering({ endpointUrl: `${url}/nowhere`, inputs }),
};
for (const [did, call] of Object.entries(calls)) {
  try {
    console.log(JSON.stringify({ did, saw: await call() }));
  } catch (error) {
    console.log(JSON.stringify({ cannot: did, because: error.message }));
  }
}
