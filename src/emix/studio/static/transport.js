// Requests to the studio's own server, and to nothing else.

export class Refused extends Error {}

async function answer(response) {
  const type = response.headers.get("content-type") || "";
  if (!type.includes("json")) throw new Refused((await response.text()).trim());
  const plain = await response.json();
  if (plain.error) throw new Refused(plain.error);
  return plain;
}

async function send(path, options) {
  try {
    return await fetch(path, { credentials: "same-origin", ...options });
  } catch (reason) {
    if (reason.name === "AbortError") throw reason;
    throw new Refused("the studio does not answer; it may have been stopped with Ctrl-C");
  }
}

export const begin = async () => answer(await send("api/begin"));

export const ask = async (path, asked = {}) =>
  answer(await send(`api/${path}`, { method: "POST", body: JSON.stringify(asked) }));

export const upload = async (file) =>
  answer(await send(`api/upload?name=${encodeURIComponent(file.name)}`, { method: "POST", body: file }));

// What lasts comes as lines: progress, and at the end what came of it. Aborting stops it.
export async function last(path, asked, told, signal) {
  const response = await send(`api/${path}`, { method: "POST", body: JSON.stringify(asked), signal });
  if (!response.ok) return answer(response);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let left = "";
  for (;;) {
    const { value, done } = await reader.read();
    const lines = (left + (value || "")).split("\n");
    left = lines.pop();
    for (const line of lines) {
      const plain = JSON.parse(line);
      if (plain.error) throw new Refused(plain.error);
      if (plain.done) return plain.done;
      told(plain.progress);
    }
    if (done) throw new Refused("the studio stopped in the middle of an answer");
  }
}

// Of requests that come faster than answers, only the newest waits.
export function newest(work) {
  let running = false, next = null;
  return async function call(...given) {
    if (running) {
      next = given;
      return;
    }
    running = true;
    try {
      await work(...given);
    } finally {
      running = false;
      const waiting = next;
      next = null;
      if (waiting) call(...waiting);
    }
  };
}
