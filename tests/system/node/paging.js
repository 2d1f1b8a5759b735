// The library's methods that iterate over a long list.
"use strict";

const names = (callerIds) => callerIds.map((callerId) => callerId.friendlyName);

function streamed(client, pageSize) {
  return new Promise((resolve, reject) => {
    const seen = [];
    client.outgoingCallerIds.each({
      pageSize,
      callback: (callerId) => seen.push(callerId.friendlyName),
      done: (error) => (error ? reject(error) : resolve(seen)),
    });
  });
}

module.exports = async (client) => {
  const first = await client.outgoingCallerIds.page({ pageSize: 50 });
  const second = await first.nextPage();
  const third = await second.nextPage();
  const back = await third.previousPage();
  return {
    streamed: await streamed(client, 50),
    listed: names(await client.outgoingCallerIds.list({ limit: 60, pageSize: 50 })),
    limited: names(await client.outgoingCallerIds.list({ limit: 7 })),
    pages: [first, second, third].map((page) => names(page.instances)),
    back: names(back.instances),
    ends: [first.previousPageUrl ?? null, third.nextPageUrl ?? null],
  };
};
