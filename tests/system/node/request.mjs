// Asks for a URL with one of Node's HTTP clients, and prints the status of the answer or the error.
const [client, url] = process.argv.slice(2);
const { TWILIO_ACCOUNT_SID: sid, TWILIO_AUTH_TOKEN: token } = process.env;
const headers = { Authorization: `Basic ${Buffer.from(`${sid}:${token}`).toString("base64")}` };

const clients = {
  async fetch() {
    return (await fetch(url, { headers })).status;
  },
  async https() {
    const { get } = await import(url.startsWith("https:") ? "node:https" : "node:http");
    return new Promise((resolve, reject) => {
      get(url, { headers }, (answer) => resolve(answer.resume().statusCode)).on("error", reject);
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
  async twilio() {
    const { default: twilio } = await import("twilio");
    await twilio(sid, token).outgoingCallerIds.list({ limit: 1 });
    return 200;
  },
};

try {
  console.log(JSON.stringify({ status: await clients[client]() }));
} catch (error) {
  console.log(JSON.stringify({ error: String((error.cause && (error.cause.code || error.cause.message)) || error.code || error) }));
}
process.exit();
