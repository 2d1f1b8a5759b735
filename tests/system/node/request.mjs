// Requests a URL with one of Node's HTTP clients, and prints the status of the response or the error.
const [client, url] = process.argv.slice(2);
const { TWILIO_ACCOUNT_SID: sid, TWILIO_AUTH_TOKEN: token } = process.env;
const headers = { Authorization: `Basic ${Buffer.from(`${sid}:${token}`).toString("base64")}` };

async function list(library) {
  const { default: twilio } = await import(library);
  await twilio(sid, token).outgoingCallerIds.list({ limit: 1 });
  return 200;
}

async function listWithOAuth() {
  const { default: twilio } = await import("twilio");
  const provider = new twilio.ClientCredentialProviderBuilder()
    .setClientId(process.env.OAUTH_CLIENT_ID)
    .setClientSecret(process.env.OAUTH_CLIENT_SECRET)
    .build();
  const client = twilio();
  client.setCredentialProvider(provider);
  client.setAccountSid(sid);
  await client.outgoingCallerIds.list({ limit: 1 });
  return 200;
}

async function ask(socket) {
  const { host, pathname } = new URL(url);
  socket.write(`GET ${pathname} HTTP/1.1\r\nHost: ${host}\r\nAuthorization: ${headers.Authorization}\r\n\r\n`);
  for await (const piece of socket) return Number(piece.toString().split(" ")[1]);
}

const clients = {
  async fetch() {
    return (await fetch(url, { headers })).status;
  },
  async https() {
    const { get } = await import("node:https");
    return new Promise((resolve, reject) => {
      get(url, { headers }, (answer) => resolve(answer.resume().statusCode)).on("error", reject);
    });
  },
  async "tls.connect"() {
    const { connect } = await import("node:tls");
    const { host } = new URL(url);
    return ask(connect(443, host, { servername: host }));
  },
  async "net.Socket"() {
    const { Socket } = await import("node:net");
    return ask(new Socket().connect(80, new URL(url).host));
  },
  async "fetch in a worker"() {
    const { Worker } = await import("node:worker_threads");
    const program = `fetch(${JSON.stringify(url)}, ${JSON.stringify({ headers })}).then(
      ({ status }) => require("node:worker_threads").parentPort.postMessage(status))`;
    return new Promise((resolve, reject) => {
      new Worker(program, { eval: true }).on("message", resolve).on("error", reject);
    });
  },
  async undici() {
    const { request } = await import("undici");
    return (await request(url, { headers })).statusCode;
  },
  async axios() {
    const { default: axios } = await import("axios");
    return (await axios.get(url, { headers, validateStatus: null })).status;
  },
  async got() {
    const { default: got } = await import("got");
    return (await got(url, { headers, throwHttpErrors: false, retry: { limit: 0 } })).statusCode;
  },
  async "node-fetch"() {
    const { default: fetch } = await import("node-fetch");
    return (await fetch(url, { headers })).status;
  },
  twilio: () => list("twilio"),
  "twilio with OAuth": listWithOAuth,
  "twilio 3.43.0": () => list("twilio-3.43"),
};

try {
  console.log(JSON.stringify({ status: await clients[client]() }));
} catch (error) {
  const cause = error.cause ?? error;
  console.log(JSON.stringify({ error: cause.code || String(cause) }));
}
process.exit();
