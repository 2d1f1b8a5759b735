// Operations on a caller ID with a library of 2017 to 2020, which sends forms as multipart/form-data.
"use strict";

const LISTED_WITHIN_MS = 30_000;
const POLL_EVERY_MS = 20;

async function listed(client, filter) {
  const deadline = Date.now() + LISTED_WITHIN_MS;
  while (Date.now() < deadline) {
    const callerIds = await client.outgoingCallerIds.list(filter);
    if (callerIds.length) return callerIds;
    await new Promise((resolve) => setTimeout(resolve, POLL_EVERY_MS));
  }
  throw new Error(`no caller ID is listed after ${LISTED_WITHIN_MS} ms`);
}

module.exports = async (client, { library, phoneNumber }) => {
  const request = await client.validationRequests.create({ phoneNumber, friendlyName: "Front desk é" });
  const [{ sid }] = await listed(client, { phoneNumber });
  const fetched = await client.outgoingCallerIds(sid).fetch();
  const updated = await client.outgoingCallerIds(sid).update({ friendlyName: "Back office" });
  const unchanged = await client.outgoingCallerIds(sid).update();
  const filtered = await listed(client, { phoneNumber, friendlyName: "Back office" });
  const isDeleted = await client.outgoingCallerIds(sid).remove();
  const gone = await client.outgoingCallerIds(sid).fetch().catch((error) => [error.status, error.code]);
  return {
    version: require(`${library}/package.json`).version,
    friendlyName: request.friendlyName,
    hasCode: Number(request.validationCode) >= 0,
    fetched: [fetched.phoneNumber, fetched.friendlyName],
    updated: updated.friendlyName,
    unchanged: unchanged.friendlyName,
    isFound: filtered.map((callerId) => callerId.sid).join() === sid,
    isDeleted,
    gone,
  };
};
