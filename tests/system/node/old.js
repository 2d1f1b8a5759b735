// Operations on a caller ID as on the product page, with a library that uses callback functions.
"use strict";

const LISTED_WITHIN_MS = 10_000;
const LOOK_EVERY_MS = 20;

const answered = (ask) => new Promise((resolve, reject) => ask((error, data) => (error ? reject(error) : resolve(data))));

async function listed(client, filter) {
  const deadline = Date.now() + LISTED_WITHIN_MS;
  while (Date.now() < deadline) {
    const page = await answered((done) => client.outgoingCallerIds.list(filter, done));
    if (page.outgoingCallerIds.length) return page.outgoingCallerIds.map((callerId) => callerId.sid);
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
  throw new Error(`nothing is listed after ${LISTED_WITHIN_MS} ms`);
}

module.exports = async (client, { phoneNumber }) => {
  const form = { friendlyName: "My Home Phone Number", phoneNumber };
  const request = await answered((done) => client.outgoingCallerIds.create(form, done));
  const [sid] = await listed(client, { phoneNumber });
  const callerId = client.outgoingCallerIds(sid);
  const fetched = await answered((done) => callerId.get(done));
  const updated = await answered((done) => callerId.update({ friendlyName: "My Second Line" }, done));
  const filtered = await listed(client, { phoneNumber, friendlyName: "My Second Line" });
  await answered((done) => callerId.delete(done));
  const gone = await answered((done) => callerId.get(done)).catch((error) => [error.status, error.code]);
  return {
    code: request.validationCode,
    fetched: [fetched.phoneNumber, fetched.friendlyName],
    updated: updated.friendlyName,
    isFound: filtered.join() === sid,
    gone,
  };
};
