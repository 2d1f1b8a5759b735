// The verdict of the library's validator on a received StatusCallback.
"use strict";

const twilio = require("twilio");

module.exports = async (_client, { authToken, wrongToken, signature, url, form }) => ({
  right: twilio.validateRequest(authToken, signature, url, form),
  wrong: twilio.validateRequest(wrongToken, signature, url, form),
  altered: twilio.validateRequest(authToken, signature, url, { ...form, VerificationStatus: "altered" }),
});
