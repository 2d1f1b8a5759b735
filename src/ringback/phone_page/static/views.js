// The views there are, by their names in the address.

import { account } from "./view-account.js";
import { callerIds } from "./view-caller-ids.js";
import { calls } from "./view-calls.js";
import { clock } from "./view-clock.js";
import { faults } from "./view-faults.js";
import { inbox } from "./view-inbox.js";
import { phones } from "./view-phones.js";
import { refused } from "./view-refused.js";
import { requests } from "./view-requests.js";
import { tryIt } from "./view-try-it.js";

export const VIEWS = {
  calls: { title: "Calls", draw: calls },
  "try-it": { title: "Try it", draw: tryIt },
  "caller-ids": { title: "Caller IDs", draw: callerIds },
  phones: { title: "Phones", draw: phones },
  requests: { title: "Requests", draw: requests },
  refused: { title: "Refused", draw: refused },
  inbox: { title: "Inbox", draw: inbox },
  faults: { title: "Faults", draw: faults },
  clock: { title: "Clock", draw: clock },
  account: { title: "Account", draw: account },
};
