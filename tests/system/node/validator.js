// The verdict of the page's function on a StatusCallback.
"use strict";

module.exports = async (isFromTwilio, { url, form, signature }) => isFromTwilio(url, form, signature);
