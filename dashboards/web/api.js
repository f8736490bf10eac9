// The one way to the service: its HTTP API, relative to the page's own address.

const TIMEOUT_MS = 30_000;

/** The JSON that `path` answers. Throws an Error in the service's own words; `takes` are other statuses than 200. */
export async function read(path, parameters = {}, takes = []) {
  const query = new URLSearchParams(parameters).toString();
  const response = await reach(query ? `${path}?${query}` : path);
  if (response.ok || takes.includes(response.status)) return response.json();
  throw new Error(await complaint(response));
}

/** The `data` of an answer in Prometheus's shape, with its warnings. */
export async function readData(path, parameters) {
  const answer = await read(`api/v1/${path}`, parameters);
  return { data: answer.data, notes: [...(answer.warnings ?? []), ...(answer.infos ?? [])] };
}

export async function readText(path) {
  const response = await reach(path);
  if (!response.ok) throw new Error(await complaint(response));
  return response.text();
}

async function reach(path) {
  try {
    return await fetch(path, { signal: AbortSignal.timeout(TIMEOUT_MS), headers: { Accept: "application/json, */*" } });
  } catch (error) {
    const reason = error.name === "TimeoutError" ? `no answer within ${TIMEOUT_MS / 1000} s` : "it cannot be reached";
    throw new Error(`The service does not answer: ${reason}.`);
  }
}

async function complaint(response) {
  const text = await response.text();
  try {
    return JSON.parse(text).error || text;
  } catch {
    return `${response.status} ${response.statusText}: ${text.slice(0, 300)}`;
  }
}
