// Client of Server-Sent Events. It uses fetch, because EventSource cannot send a bearer token.

import { openStream } from "./api.js";

const SILENCE_MS = 40_000; // the server sends at least a comment every fifteen seconds

/**
 * Follow an account's events after an id until the returned function is called.
 *
 * `onOpen` is called when the stream is open, `onEvent` with each event, and `onEnd` with the error, or with null if the
 * server ended the stream.
 */
export function followEvents(accountSid, after, { onOpen, onEvent, onEnd }) {
  const abort = new AbortController();
  readStream(accountSid, after, abort.signal, onEvent, onOpen).then(
    () => abort.signal.aborted || onEnd(null),
    (error) => abort.signal.aborted || onEnd(error),
  );
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
