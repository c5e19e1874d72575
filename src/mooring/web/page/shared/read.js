// Requests for a limited time: a server that hangs must not hang the page.
const JSON_TYPE = "application/json";
const PATIENCE_MS = 10_000;

// GET, or POST if there is a body.
export const patient = (path, body) =>
  fetch(path, {
    ...(body && { method: "POST", body: JSON.stringify(body) }),
    headers: { Accept: JSON_TYPE, ...(body && { "Content-Type": JSON_TYPE }) },
    signal: AbortSignal.timeout(PATIENCE_MS),
  });

// The JSON of the response. Throws an Error with the server's message, and what fetch throws without a response.
export async function read(path, body) {
  const answer = await patient(path, body);
  const found = await answer.json();
  if (!answer.ok) throw new Error(found.message || `Status ${answer.status}`);
  return found;
}
