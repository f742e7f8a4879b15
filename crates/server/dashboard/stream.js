// Requests that bring the token, and the stream of events: by fetch, for an EventSource cannot bring one, and an address is no place for it.

const TOKEN = "brooklet-token";
/** Milliseconds after which a stream that says nothing is taken for broken: figures come each second. */
const SILENCE = 10_000;
const PAUSE = 1_000;

/** The server's no. */
export class Refused extends Error {
  constructor(status, problem) {
    super(problem.detail ?? `the server answers with ${status}`);
    this.status = status;
  }

  /** Whether another token would help. */
  get asksForToken() {
    return this.status === 401 || this.status === 403;
  }
}

export const setToken = (token) => sessionStorage.setItem(TOKEN, token);
export const hasToken = () => sessionStorage.getItem(TOKEN) !== null;

async function request(path, init = {}) {
  const token = sessionStorage.getItem(TOKEN);
  const headers = { ...init.headers, ...(token && { authorization: `Bearer ${token}` }) };
  // Relative, for whoever serves this below a path.
  const answer = await fetch(new URL(`..${path}`, document.baseURI), { ...init, headers, credentials: "omit", referrerPolicy: "no-referrer" });
  if (!answer.ok) throw new Refused(answer.status, await answer.json().catch(() => ({})));
  return answer;
}

/** The answer as JSON, or as text where it is none. */
export async function ask(method, path, body) {
  const told = body && { body: JSON.stringify(body), headers: { "content-type": "application/json" } };
  const answer = await request(path, { method, ...told });
  return answer.headers.get("content-type")?.includes("json") ? answer.json() : answer.text();
}

/** Tells `heard(kind, data)` of each event, goes on where the connection broke, and says `state(live, error)`. Ends where the token is refused. */
export async function listen(heard, state) {
  let last;
  for (;;) {
    const silence = new AbortController();
    let timer;
    const wait = () => {
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), SILENCE);
    };
    try {
      wait();
      const answer = await request("/v1/events", { headers: last && { "last-event-id": last }, signal: silence.signal });
      state(true);
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      let rest = "";
      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        wait();
        const events = (rest + value).split("\n\n");
        rest = events.pop();
        for (const event of events) {
          const fields = new Map(event.split("\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]));
          last = fields.get("id") ?? last;
          if (fields.has("data")) heard(fields.get("event"), JSON.parse(fields.get("data")));
        }
      }
      state(false);
    } catch (error) {
      state(false, error);
      if (error instanceof Refused && error.asksForToken) return;
    } finally {
      clearTimeout(timer);
    }
    await new Promise((resume) => setTimeout(resume, PAUSE));
  }
}
