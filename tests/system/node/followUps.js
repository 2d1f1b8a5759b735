// Fetches the account and the call of a validation request, from queued to completed.
"use strict";

const COMPLETED_WITHIN_MS = 10_000;
const LOOK_EVERY_MS = 20;
const NOBODY = `CA${"0".repeat(32)}`;

const isDate = (value) => value instanceof Date && !isNaN(value);

async function watched(client, sid) {
  const statuses = [];
  const deadline = Date.now() + COMPLETED_WITHIN_MS;
  while (Date.now() < deadline) {
    const call = await client.calls(sid).fetch();
    statuses.push(call.status);
    if (call.status === "completed") return { call, statuses };
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
  throw new Error(`${sid} has not completed after ${COMPLETED_WITHIN_MS} ms: ${statuses}`);
}

module.exports = async (client, { phoneNumber }) => {
  const { callSid, accountSid } = await client.validationRequests.create({ phoneNumber, callDelay: 1 });
  const { call, statuses } = await watched(client, callSid);
  const account = await client.api.v2010.accounts(accountSid).fetch();
  const listed = await client.calls.list({ to: phoneNumber, limit: 5 });
  const byDay = await client.calls.list({ to: phoneNumber, startTime: call.startTime, status: "completed" });
  return {
    sid: callSid,
    statuses,
    account: {
      sid: account.sid,
      status: account.status,
      type: account.type,
      isDated: isDate(account.dateCreated) && isDate(account.dateUpdated),
    },
    call: {
      to: call.to,
      from: call.from,
      duration: call.duration,
      isTimed: isDate(call.startTime) && isDate(call.endTime),
    },
    listed: listed.map(({ sid }) => sid),
    byDay: byDay.map(({ sid }) => sid),
    missing: await client.calls(NOBODY).fetch().catch(({ status, code }) => ({ status, code })),
  };
};
