// Server-Sent Events over fetch, because EventSource cannot send a bearer token.

import { openStream } from "./api.js";

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 3_000;
const SILENCE_MS = 40_000; // the server says something at least every fifteen seconds

/**
 * Follow an account's events after an id until the returned function is called; reconnects, and misses none.
 *
 * `onOpen` is called with each connection, `onEvent` with each event, `onLoss` with the error, or null where the
 * server ended the stream; where that returns false the following ends.
 */
export function follow(accountSid, after, { onOpen, onEvent, onLoss }) {
  const abort = new AbortController();
  let position = after;
  const seen = (event) => {
    position = event.id;
    onEvent(event);
  };
  (async () => {
    let pause = FIRST_PAUSE_MS;
    while (!abort.signal.aborted) {
      let loss = null;
      try {
        await readStream(accountSid, position, abort.signal, seen, () => {
          pause = FIRST_PAUSE_MS;
          onOpen();
        });
      } catch (error) {
        loss = error;
      }
      if (abort.signal.aborted || onLoss(loss) === false) return;
      await new Promise((done) => setTimeout(done, pause));
      pause = Math.min(2 * pause, LONGEST_PAUSE_MS);
    }
  })();
  return () => abort.abort();
}

async function readStream(accountSid, after, signal, onEvent, onOpen) {
  const silence = new AbortController();
  const body = await openStream(accountSid, after, AbortSignal.any([signal, silence.signal]));
  onOpen();
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let timer = 0;
  try {
    for (;;) {
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), SILENCE_MS);
      const { value, done } = await reader.read();
      if (done) return;
      const blocks = (rest + value.replaceAll("\r", "")).split("\n\n");
      rest = blocks.pop();
      for (const block of blocks) deliver(block, onEvent);
    }
  } finally {
    clearTimeout(timer);
  }
}

function deliver(block, onEvent) {
  const data = block
    .split("\n")
    .filter((line) => line.startsWith("data:"))
    .map((line) => line.slice(5).trimStart());
  if (data.length) onEvent(JSON.parse(data.join("\n")));
}
