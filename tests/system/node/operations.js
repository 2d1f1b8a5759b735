// All operations on a caller ID: verify, list, fetch, update, filter, delete.
"use strict";

const LISTED_WITHIN_MS = 10_000;
const LOOK_EVERY_MS = 20;

async function listed(client, phoneNumber) {
  const deadline = Date.now() + LISTED_WITHIN_MS;
  while (Date.now() < deadline) {
    const [callerId] = await client.outgoingCallerIds.list({ phoneNumber, limit: 1 });
    if (callerId) return callerId;
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
  throw new Error(`${phoneNumber} is not listed after ${LISTED_WITHIN_MS} ms`);
}

module.exports = async (client, { phoneNumber, statusCallback }) => {
  const request = await client.validationRequests.create({ phoneNumber, friendlyName: "Front desk", statusCallback });
  const found = await listed(client, phoneNumber);
  const fetched = await client.outgoingCallerIds(found.sid).fetch();
  const updated = await fetched.update({ friendlyName: "Back office" });
  const filtered = await client.outgoingCallerIds.list({ phoneNumber, friendlyName: "Back office" });
  const deleted = await updated.remove();
  const afterDeletion = await fetched.fetch().catch((error) => ({ status: error.status, code: error.code }));
  return {
    request: request.toJSON(),
    found: found.sid,
    fetched: { ...fetched.toJSON(), isDated: fetched.dateCreated instanceof Date && !isNaN(fetched.dateCreated) },
    updated: updated.friendlyName,
    filtered: filtered.map((callerId) => callerId.sid),
    deleted,
    afterDeletion,
  };
};
