// The library's middleware, which checks a StatusCallback that was received.
"use strict";

const twilio = require("twilio");

/** Resolve to "next" if the middleware passes the request on, otherwise to the status of its response. */
function decide(hook, { url, form, headers }) {
  const lower = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  const { host, pathname, search, protocol } = new URL(url);
  const request = {
    protocol: protocol.replace(":", ""),
    headers: { ...lower, host },
    originalUrl: pathname + search,
    body: form,
    header: (name) => lower[name.toLowerCase()],
  };
  return new Promise((resolve) => {
    const response = { type: () => response, status: (code) => ((response.code = code), response), send: () => resolve(response.code) };
    hook(request, response, () => resolve("next"));
  });
}

module.exports = async (_client, { authToken, sharedKeySecret, ...received }) => ({
  sharedKey: await decide(twilio.webhook(authToken, { sharedKeySecret }), received),
  wrongKey: await decide(twilio.webhook(authToken, { sharedKeySecret: "another" }), received),
  noKey: await decide(twilio.webhook(authToken), received),
  altered: await decide(twilio.webhook(authToken, { sharedKeySecret }), { ...received, form: { ...received.form, To: "x" } }),
});
