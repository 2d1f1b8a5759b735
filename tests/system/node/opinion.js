// What the page's function says of a StatusCallback.
"use strict";

module.exports = async (isFromTwilio, { url, form, signature }) => isFromTwilio(url, form, signature);
