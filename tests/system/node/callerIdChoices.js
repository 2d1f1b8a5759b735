// An application that offers all numbers that it may call from, and stops if one of the two lists fails.
module.exports = async (client) => {
  const [owned, verified] = await Promise.all([client.incomingPhoneNumbers.list(), client.outgoingCallerIds.list()]);
  return [...owned.filter((number) => number.capabilities.voice), ...verified].map((number) => number.phoneNumber).sort();
};
