"""Receives Reconbanker's webhooks: verifies each one, prints it, and answers 200, or 400 when it is not ours.

    pip install -r requirements.txt && WEBHOOK_SECRET=whsec_... PORT=8080 python receiver.py

The secret is the account's: GET /accounts/:accountId/webhook-secret. Put a proxy with TLS in front.
"""

import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks import Webhook, WebhookVerificationError

BODY_MAX_BYTES = 64 * 1024
webhook = Webhook(os.environ["WEBHOOK_SECRET"])
# What was handled: the same webhook may come twice, under the same id. Keep the ids in your database.
handled = set()


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        try:
            body = self.rfile.read(min(int(self.headers["content-length"] or 0), BODY_MAX_BYTES))
            # Read the JSON with json.loads(body, parse_float=decimal.Decimal), or amounts become binary floats.
            webhook.verify(body, dict(self.headers), json_parse=False)
        except (WebhookVerificationError, ValueError) as error:
            return self.send_error(400, explain=str(error))
        webhook_id = self.headers["webhook-id"]
        if webhook_id not in handled:
            print(webhook_id, body.decode(), flush=True)
        handled.add(webhook_id)
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()


server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "8080"))), Receiver)
print(f"listening on http://127.0.0.1:{server.server_port}/", flush=True)
server.serve_forever()
