// Code snippets that send a validation request with curl, Python and Node.

import { validationPath } from "./api.js";

/** Return [name, text] for each client. */
export function snippets(account, parameters) {
  return [
    ["curl", curl(account, parameters)],
    ["Python", python(account, parameters)],
    ["Node", node(account, parameters)],
  ];
}

function curl(account, parameters) {
  const data = Object.entries(parameters).map(([name, value]) => `  --data-urlencode ${inShell(`${name}=${value}`)}`);
  const head = `curl ${location.origin}${validationPath(account)}`;
  return [head, `  -u ${inShell(`${account.sid}:${account.auth_token}`)}`, ...data].join(" \\\n");
}

function python(account, parameters) {
  const lines = Object.entries(parameters).map(([name, value]) => `    ${snake(name)}=${number(name, value) ?? inPython(value)},`);
  return [
    "from twilio.rest import Client",
    "",
    `client = Client(${inPython(account.sid)}, ${inPython(account.auth_token)})`,
    `client.api.base_url = ${inPython(location.origin)}`,
    "request = client.validation_requests.create(",
    ...lines,
    ")",
    "print(request.validation_code)",
  ].join("\n");
}

function node(account, parameters) {
  const lines = Object.entries(parameters).map(([name, value]) => `    ${camel(name)}: ${number(name, value) ?? JSON.stringify(value)},`);
  return [
    `const client = require("twilio")(${JSON.stringify(account.sid)}, ${JSON.stringify(account.auth_token)});`,
    `client.api.baseUrl = ${JSON.stringify(location.origin)};`,
    "client.validationRequests",
    "  .create({",
    ...lines,
    "  })",
    "  .then((request) => console.log(request.validationCode));",
  ].join("\n");
}

function number(name, value) {
  return name === "CallDelay" ? String(Number(value)) : null;
}

function inShell(text) {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function inPython(text) {
  return JSON.stringify(text); // every JSON string is also a Python string
}

function snake(name) {
  return name.replaceAll(/(?<!^)[A-Z]/g, "_$&").toLowerCase();
}

function camel(name) {
  return name[0].toLowerCase() + name.slice(1);
}
