// Errors that the library throws as RestException, with their four fields.
"use strict";

const twilio = require("twilio");

const NOBODY = `PN${"0".repeat(32)}`;

async function thrown(promise) {
  try {
    await promise;
  } catch (error) {
    const { status, code, message, moreInfo } = error;
    return { isRestException: error instanceof twilio.RestException, status, code, message, moreInfo };
  }
  throw new Error("nothing was thrown");
}

module.exports = async (client) => {
  const stranger = twilio(client.username, "wrong", { accountSid: client.accountSid });
  stranger.api.baseUrl = client.api.baseUrl;
  return {
    fetch: await thrown(client.outgoingCallerIds(NOBODY).fetch()),
    update: await thrown(client.outgoingCallerIds(NOBODY).update({ friendlyName: "x" })),
    create: await thrown(client.validationRequests.create({ phoneNumber: "12" })),
    stranger: await thrown(stranger.outgoingCallerIds(NOBODY).fetch()),
  };
};
