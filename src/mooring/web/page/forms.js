// The form of each task: its fields, and the request that they make.
import * as samples from "./samples.js";

const lines = (text) =>
  text
    .split("\n")
    .map((one) => one.trim())
    .filter(Boolean);
const texts = (value) => {
  const found = lines(value);
  return found.length === 1 ? found[0] : found;
};

// text: the large field. fields: the others, [id, label, kind, value]. body(values) → `inputs`, and parameters that
// fields hold. `marks`: whether answers have places in the text. `required`: fields that must not be empty.
export const FORMS = {
  "question-answering": {
    title: "Question answering",
    help: "Find the words of a text that answer a question. Ask as many as you like.",
    verb: "Ask",
    text: ["Text", samples.TEXT],
    fields: [["question", "Question", "line", samples.QUESTION]],
    suggestions: samples.MORE,
    parameters: { top_k: 5 },
    required: ["text", "question"],
    marks: true,
    keep: "question",
    body: ({ question, text }) => ({ inputs: { question, context: text } }),
  },
  "text-classification": {
    title: "Text classification",
    help: "Choose one of the model's labels for a text or a pair of texts.",
    verb: "Classify",
    text: ["Text", samples.REVIEW],
    fields: [["pair", "Second text, if the model classifies pairs", "line", ""]],
    parameters: { top_k: null },
    required: ["text"],
    body: ({ text, pair }) => ({ inputs: pair ? { text, text_pair: pair } : text }),
  },
  "zero-shot-classification": {
    title: "Zero-shot classification",
    help: "Choose one of your own labels for a text.",
    verb: "Classify",
    text: ["Text", samples.TICKET],
    fields: [
      ["labels", "Labels, separated by commas", "line", "complaint, praise, question"],
      ["multi", "Several labels may be true", "check", false],
    ],
    required: ["text", "labels"],
    body: ({ text, labels, multi }) => ({
      inputs: text,
      parameters: {
        candidate_labels: labels
          .split(",")
          .map((one) => one.trim())
          .filter(Boolean),
        multi_label: multi,
      },
    }),
  },
  "token-classification": {
    title: "Named entities",
    help: "Find names, or other words with one of the model's labels, in a text.",
    verb: "Find",
    text: ["Text", samples.NEWS],
    fields: [],
    parameters: { aggregation_strategy: "simple" },
    required: ["text"],
    marks: true,
    body: ({ text }) => ({ inputs: text }),
  },
  "fill-mask": {
    title: "Fill mask",
    help: "Predict the word that fits in place of the mask.",
    verb: "Predict",
    text: ["Text", "The ship lies at [MASK] in the harbour."],
    fields: [],
    parameters: { top_k: 8 },
    required: ["text"],
    body: ({ text }) => ({ inputs: text }),
  },
  "text-ranking": {
    title: "Ranking",
    help: "Sort texts by how well they answer a query.",
    verb: "Rank",
    text: ["Texts, one per line", samples.RANKED.texts],
    fields: [["query", "Query", "line", samples.RANKED.query]],
    required: ["text", "query"],
    body: ({ text, query }) => ({ inputs: { query, texts: lines(text) } }),
  },
  "sentence-similarity": {
    title: "Sentence similarity",
    help: "Compare a sentence with others.",
    verb: "Compare",
    text: ["Sentences, one per line", samples.SENTENCES],
    fields: [["source", "Sentence to compare them with", "line", "The boat lies at its berth."]],
    required: ["text", "source"],
    body: ({ text, source }) => ({ inputs: { source_sentence: source, sentences: lines(text) } }),
  },
  "sentence-embeddings": {
    title: "Sentence embeddings",
    help: "Get a vector for each text, and the similarity of each pair.",
    verb: "Embed",
    text: ["Texts, one per line", samples.SENTENCES],
    fields: [],
    required: ["text"],
    route: "embed",
    body: ({ text }) => ({ inputs: texts(text) }),
  },
  "feature-extraction": {
    title: "Feature extraction",
    help: "Get a vector for each token of a text.",
    verb: "Extract",
    text: ["Text", "The boat lies at its berth."],
    fields: [],
    required: ["text"],
    body: ({ text }) => ({ inputs: text }),
  },
};

// For models whose own code answers.
export const OWN = {
  title: "Request",
  help: "This model has its own code, which defines the format of requests.",
  verb: "Send",
  text: ["Body, as JSON", '{\n  "inputs": ""\n}'],
  fields: [],
  required: ["text"],
};
