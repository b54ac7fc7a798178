// HTTP without what fetch forbids or adds.
import http from "node:http";
import { base } from "./places.mjs";
import { within } from "./run.mjs";

// ask gives {status, headers, text, body}; the body is what the text says as JSON, if it does.
// at is the node that is asked.
export function ask(method, path, headers = {}, body = undefined, at = base()) {
  const sent = body === undefined || typeof body === "string" || Buffer.isBuffer(body) ? body : JSON.stringify(body);
  if (sent !== undefined && sent !== body) headers = { "content-type": "application/json", ...headers };
  return within(`an answer to ${method} ${path}`, new Promise((yes, no) => {
    const request = http.request(at + path, { method, headers: sent === undefined ? headers : { "content-length": Buffer.byteLength(sent), ...headers }, agent: false }, (answer) => {
      const parts = [];
      answer.on("data", (part) => parts.push(part));
      answer.on("error", no);
      answer.on("end", () => {
        const text = Buffer.concat(parts).toString();
        yes({ status: answer.statusCode, headers: answer.headers, text, body: parsed(text) });
      });
    });
    request.on("upgrade", (answer, socket) => {
      socket.destroy();
      yes({ status: answer.statusCode, headers: answer.headers, text: "" });
    });
    request.on("error", no);
    request.end(sent);
  }), 45_000);
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

// handshake asks for a websocket. A header that is undefined is left out.
export function handshake(path, headers = {}, method = "GET") {
  const all = { connection: "Upgrade", upgrade: "websocket", "sec-websocket-version": "13", "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==", ...headers };
  return ask(method, path, Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)));
}

export const broadcast = (topic, event, payload) => ask("POST", "/broadcast", {}, { topic, event, payload });
