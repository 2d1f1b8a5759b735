// Errors that the library throws for faults: RestException, or the error of a dropped connection.
"use strict";

const twilio = require("twilio");

async function thrown(promise) {
  try {
    await promise;
  } catch (error) {
    const { status, code, message } = error;
    return { isRestException: error instanceof twilio.RestException, status, code, message };
  }
  throw new Error("nothing was thrown");
}

module.exports = async (client, { accountSid, authToken, phoneNumber }) => {
  const own = twilio(accountSid, authToken);
  own.api.baseUrl = client.api.baseUrl;
  return {
    refused: await thrown(own.outgoingCallerIds.list()),
    dropped: await thrown(own.validationRequests.create({ phoneNumber })),
    listed: (await own.outgoingCallerIds.list()).length,
  };
};
