// Client of the control API, and of the one operation of the Twilio API that the page uses.

const CONTROL = "/_ringback";
const TOKEN_KEY = "ringback.control_token";

/** An error response; `status` is 0 if there was no response. */
class ApiError extends Error {
  constructor(status, message, hint) {
    super(message);
    this.status = status;
    this.hint = hint;
  }
}

/** Store the control token until the tab is closed. */
export function storeToken(token) {
  sessionStorage.setItem(TOKEN_KEY, token);
}

function authorization() {
  const token = sessionStorage.getItem(TOKEN_KEY);
  return token ? { Authorization: `Bearer ${token}` } : {};
}

/** Send a request to the control API and return the JSON of the response, or null if it has no body. Throws ApiError. */
export async function callApi(method, path, body) {
  const options = { method, headers: authorization(), cache: "no-store", credentials: "omit" };
  if (body !== undefined) {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  const response = await send(CONTROL + path, options);
  if (!response.ok) throw await errorOf(response);
  return response.status === 204 ? null : response.json();
}

/** Open the stream of an account's events after an id, and return its body. Throws ApiError. */
export async function openStream(accountSid, after, signal) {
  const options = { headers: authorization(), cache: "no-store", credentials: "omit", signal };
  const response = await send(`${CONTROL}/accounts/${accountSid}/events/stream?after=${after}`, options);
  if (!response.ok) throw await errorOf(response);
  return response.body;
}

/** Send a validation request, as an application does. Return the status and the JSON of the response. */
export async function requestValidation(account, parameters) {
  const response = await send(validationPath(account), {
    method: "POST",
    headers: { Authorization: `Basic ${btoa(`${account.sid}:${account.auth_token}`)}` },
    body: new URLSearchParams(parameters),
    credentials: "omit",
  });
  return { status: response.status, json: await response.json() };
}

/** Return the path of an account's caller IDs in the Twilio API. */
export function validationPath(account) {
  return `/2010-04-01/Accounts/${account.sid}/OutgoingCallerIds.json`;
}

/** Return the URL of an account's inbox. */
export function inboxUrl(account, name) {
  return `${location.origin}${CONTROL}/accounts/${account.sid}/inbox/${encodeURIComponent(name)}`;
}

async function send(url, options) {
  try {
    return await fetch(url, options);
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new ApiError(0, "the server does not answer", "check that it is running");
  }
}

async function errorOf(response) {
  try {
    const { error, hint } = await response.json();
    return new ApiError(response.status, error, hint);
  } catch {
    return new ApiError(response.status, `the server answered ${response.status}`, "");
  }
}
