// @huggingface/inference's method for one task against the server whose address is the first argument. Run by
// test_hugging_face_js.py, which reads what it prints: a line of JSON for each thing done. The client checks shapes.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [url, folder, task] = process.argv.slice(2);
const require = createRequire(pathToFileURL(`${folder}/package.json`));
const { InferenceClient } = await import(pathToFileURL(require.resolve("@huggingface/inference")));

const client = new InferenceClient().endpoint(url);
const inputs = "The king lives near the river.";
const calls = {
  "text-classification": () => client.textClassification({ inputs }),
  "zero-shot-classification": () =>
    client.zeroShotClassification({ inputs, parameters: { candidate_labels: ["king", "river"] } }),
  "token-classification": () => client.tokenClassification({ inputs, parameters: { ignore_labels: [] } }),
  "fill-mask": () => client.fillMask({ inputs: "The [MASK] lives near the river." }),
  "feature-extraction": () => client.featureExtraction({ inputs }),
  "sentence-embeddings": () => client.featureExtraction({ inputs: [inputs, "good"], normalize: true }),
  "sentence-similarity": () =>
    client.sentenceSimilarity({ inputs: { source_sentence: inputs, sentences: [inputs, "good"] } }),
};
console.log(JSON.stringify(await calls[task]()));
