// The verdict on a StatusCallback by the function on the docs page.
"use strict";

module.exports = async (isFromTwilio, { url, form, signature }) => isFromTwilio(url, form, signature);
