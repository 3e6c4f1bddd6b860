// Receives Reconbanker's webhooks: verifies each one, prints it, and answers 200, or 400 when it is not ours.
//
//   npm ci && WEBHOOK_SECRET=whsec_... PORT=8080 npm start
//
// The secret is the account's: GET /accounts/:accountId/webhook-secret. Put a proxy with TLS in front.
import { createServer } from "node:http";
import { Webhook } from "standardwebhooks";

const BODY_MAX_BYTES = 64 * 1024;
const webhook = new Webhook(process.env.WEBHOOK_SECRET ?? "");
// What was handled: the same webhook may come twice, under the same id. Keep the ids in your database.
const handled = new Set();

async function read(request) {
  const chunks = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes > BODY_MAX_BYTES) throw new Error("the body is too large");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

const server = createServer(async (request, response) => {
  try {
    // The signature is over the bytes as they came, so verify before anything parses them.
    const body = await read(request);
    webhook.verify(body, request.headers);
    const id = request.headers["webhook-id"];
    // The text has the amount exactly; JSON.parse would make it a binary float.
    if (!handled.has(id)) console.log(`${id} ${body}`);
    handled.add(id);
    response.writeHead(200).end();
  } catch (error) {
    response.writeHead(400, { "content-type": "text/plain" }).end(`${error.message}\n`);
  }
});
server.listen(Number(process.env.PORT ?? 8080), "127.0.0.1", () =>
  console.log(`listening on http://127.0.0.1:${server.address().port}/`));
