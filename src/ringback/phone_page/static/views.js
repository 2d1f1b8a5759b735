// All views, by their names in the address.

import { accountView } from "./account_view.js";
import { callerIdsView } from "./caller_ids_view.js";
import { callsView } from "./calls_view.js";
import { clockView } from "./clock_view.js";
import { faultsView } from "./faults_view.js";
import { inboxView } from "./inbox_view.js";
import { phonesView } from "./phones_view.js";
import { refusedRequestsView } from "./refused_requests_view.js";
import { requestsView } from "./requests_view.js";
import { tryItView } from "./try_it_view.js";

export const VIEWS = {
  calls: { title: "Calls", draw: callsView },
  "try-it": { title: "Try it", draw: tryItView },
  "caller-ids": { title: "Caller IDs", draw: callerIdsView },
  phones: { title: "Phones", draw: phonesView },
  requests: { title: "Requests", draw: requestsView },
  refused: { title: "Refused", draw: refusedRequestsView },
  inbox: { title: "Inbox", draw: inboxView },
  faults: { title: "Faults", draw: faultsView },
  clock: { title: "Clock", draw: clockView },
  account: { title: "Account", draw: accountView },
};
