// Requests with an API key of each type: the list of caller IDs, the list of calls, and the account.
"use strict";

const twilio = require("twilio");

async function outcome(request) {
  try {
    await request();
    return { status: 200 };
  } catch ({ status, code, message }) {
    return { status, code, message };
  }
}

module.exports = async (_, { baseUrl, accountSid, keys }) => {
  const opened = [];
  for (const { sid, secret } of keys) {
    const client = twilio(sid, secret, { accountSid });
    client.api.baseUrl = baseUrl;
    opened.push({
      callerIds: await outcome(() => client.outgoingCallerIds.list()),
      calls: await outcome(() => client.calls.list()),
      account: await outcome(() => client.api.v2010.accounts(accountSid).fetch()),
    });
  }
  return opened;
};
