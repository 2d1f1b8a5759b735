// The control API, and the one request to the Twilio surface that the page makes for its visitor.

const CONTROL = "/_ringback";
const TOKEN_KEY = "ringback.control_token";

/** An answer that is an error; `status` is 0 where none came. */
export class ApiError extends Error {
  constructor(status, message, hint) {
    super(message);
    this.status = status;
    this.hint = hint;
  }
}

/** Remember the control token for as long as this tab is open. */
export function useToken(token) {
  sessionStorage.setItem(TOKEN_KEY, token);
}

function authorization() {
  const token = sessionStorage.getItem(TOKEN_KEY);
  return token ? { Authorization: `Bearer ${token}` } : {};
}

/** Ask the control API and return the answer's JSON, or null where it has none. Throws ApiError. */
export async function ask(method, path, body) {
  const options = { method, headers: authorization(), cache: "no-store", credentials: "omit" };
  if (body !== undefined) {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  const answer = await send(CONTROL + path, options);
  if (!answer.ok) throw await refusal(answer);
  return answer.status === 204 ? null : answer.json();
}

/** Open the stream of an account's events after an id, and return its body. Throws ApiError. */
export async function openStream(accountSid, after, signal) {
  const options = { headers: authorization(), cache: "no-store", credentials: "omit", signal };
  const answer = await send(`${CONTROL}/accounts/${accountSid}/events/stream?after=${after}`, options);
  if (!answer.ok) throw await refusal(answer);
  return answer.body;
}

/** Ask for a number to be verified, as an application would; return the status and the JSON of the answer. */
export async function requestValidation(account, parameters) {
  const answer = await send(validationPath(account), {
    method: "POST",
    headers: { Authorization: `Basic ${btoa(`${account.sid}:${account.auth_token}`)}` },
    body: new URLSearchParams(parameters),
    credentials: "omit",
  });
  return { status: answer.status, json: await answer.json() };
}

/** Return the path of an account's list on the Twilio surface. */
export function validationPath(account) {
  return `/2010-04-01/Accounts/${account.sid}/OutgoingCallerIds.json`;
}

/** Return the URL of an account's inbox of that name. */
export function inboxUrl(account, name) {
  return `${location.origin}${CONTROL}/accounts/${account.sid}/inbox/${encodeURIComponent(name)}`;
}

async function send(url, options) {
  try {
    return await fetch(url, options);
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new ApiError(0, "the server does not answer", "is it still running?");
  }
}

async function refusal(answer) {
  try {
    const { error, hint } = await answer.json();
    return new ApiError(answer.status, error, hint);
  } catch {
    return new ApiError(answer.status, `the server answered ${answer.status}`, "");
  }
}
