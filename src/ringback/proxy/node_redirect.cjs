// Redirects connections to hosts of twilio.com to ringback's proxy, for every HTTP client of Node.
// `ringback env --client node` prints the NODE_OPTIONS that load this file, and RINGBACK_PROXY, the proxy's address.
"use strict";

const net = require("net");
const { URL } = require("url");

const TWILIO_HOST = /(^|\.)twilio\.com\.?$/i;

function proxyAddress() {
  try {
    const { protocol, hostname, port } = new URL(process.env.RINGBACK_PROXY);
    if (protocol !== "http:") return undefined;
    return { host: hostname.replace(/^\[|\]$/g, ""), port: Number(port || 80) };
  } catch {
    return undefined;
  }
}

const proxy = proxyAddress();
const originalConnect = net.Socket.prototype.connect;

// TLS keeps the original name for SNI and for the certificate: only the address changes.
net.Socket.prototype.connect = function connect(...parameters) {
  // Node's own callers pass an array, [options, callback]; other callers pass the documented parameters.
  const isNormalized = Array.isArray(parameters[0]);
  const list = isNormalized ? parameters[0] : parameters;
  const options = typeof list[0] === "object" && list[0] !== null ? list[0] : undefined;
  const names = options ? [options.host, options.servername] : [list[1]];
  if ((options && options.path) || !names.some((name) => typeof name === "string" && TWILIO_HOST.test(name))) {
    return originalConnect.apply(this, parameters);
  }
  if (proxy === undefined) {
    const error = new Error("ringback: RINGBACK_PROXY has no http:// URL, so no connection to Twilio is opened");
    process.nextTick(() => this.destroy(error));
    return this;
  }
  if (options) {
    list[0] = { ...options, ...proxy };
  } else {
    [list[0], list[1]] = [proxy.port, proxy.host];
  }
  return originalConnect.apply(this, parameters);
};
