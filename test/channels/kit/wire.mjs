// Frames as they are, over a websocket or over polls, told as the protocol's page tells them:
// a line "> text" is sent, "< text" must be the next that comes. ">x" and "<x" are binary, in
// hex. "T" stands for a topic of the case's own, "USER" for its user.
import assert from "node:assert/strict";
import WebSocket from "ws";
import { ask } from "./http.mjs";
import { anywhere, moved } from "./places.mjs";
import { within } from "./run.mjs";

class Talker {
  frames = [];
  waiting = [];

  constructor(t, topic) {
    this.user = t.user;
    this.topic = topic;
    this.closed = new Promise((yes) => (this.close = yes)); // the code that it was closed with
  }

  arrived(frame) {
    const first = this.waiting.shift();
    if (first) first(frame);
    else this.frames.push(frame);
  }

  receive() {
    if (this.frames.length > 0) return Promise.resolve(this.frames.shift());
    const closed = this.closed.then((code) => Promise.reject(new Error("closed with " + code)));
    return within("a frame", Promise.race([new Promise((yes) => this.waiting.push(yes)), closed]));
  }

  put = (line) => line.replaceAll('"T"', JSON.stringify(this.topic)).replaceAll('"USER"', JSON.stringify(this.user));

  async play(...lines) {
    for (const line of lines.flat()) {
      const text = this.put(line.slice(2).trim());
      if (line.startsWith("> ")) await this.send(text);
      else if (line.startsWith(">x")) await this.send(this.bytes(text));
      else if (line.startsWith("<x")) assert.equal((await this.receive()).toString("hex"), this.bytes(text).toString("hex"), "after " + lines.indexOf(line));
      else assert.deepEqual(JSON.parse(await this.receive()), JSON.parse(text), line);
    }
    return this;
  }

  // bytes of hex, in which [topic] is the topic's and #topic its length.
  bytes(hex) {
    const topic = Buffer.from(this.topic);
    return Buffer.from(hex.replaceAll("[topic]", topic.toString("hex")).replaceAll("#topic", topic.length.toString(16).padStart(2, "0")).replaceAll(" ", ""), "hex");
  }

  // find receives until a frame fits.
  async find(what, fits) {
    for (;;) {
      const frame = JSON.parse(await this.receive());
      if (fits(frame)) return frame;
    }
  }

  join(params = {}, ref = "1") {
    return this.play(`> ["${ref}","${ref}","T","phx_join",${JSON.stringify(params)}]`, `< ["${ref}","${ref}","T","phx_reply",{"status":"ok","response":{}}]`);
  }

  // still checks that nothing else has come.
  async still() {
    await this.play('> [null,"still","phoenix","heartbeat",{}]', '< [null,"still","phoenix","phx_reply",{"status":"ok","response":{}}]');
    assert.deepEqual(this.frames.map(String), []);
    return this;
  }
}

export class Frames extends Talker {
  async send(data) {
    this.socket.send(data);
  }
}

// open connects a websocket. options are those of `ws`, and protocols, path and vsn.
export async function open(t, topic, { host = anywhere, path = "/socket", query = "", vsn = "2.0.0", protocols, ...options } = {}) {
  const talker = new Frames(t, topic);
  const url = moved(`ws://${host}${path}/websocket?user=${t.user}&vsn=${vsn}${query}`);
  const socket = new WebSocket(url, protocols, { perMessageDeflate: false, ...options });
  talker.socket = socket;
  t.after(() => socket.terminate());
  socket.on("message", (data, isBinary) => talker.arrived(isBinary ? data : data.toString()));
  socket.on("close", (code) => talker.close(code));
  await within("the websocket to open", new Promise((yes, no) => {
    socket.once("open", yes);
    socket.once("error", no);
    socket.once("unexpected-response", (_, answer) => no(new Error("answered " + answer.statusCode)));
  }));
  socket.on("error", () => {});
  return talker;
}

export class Polls extends Talker {
  ask = (method, token, headers, body) => ask(method, `${this.url}&token=${encodeURIComponent(token)}`, headers, body, this.at);
  get = (token = this.token) => this.ask("GET", token);
  post = (body, type = this.type, token = this.token) => this.ask("POST", token, { "content-type": type }, body);

  async send(data) {
    const { body } = await this.post(typeof data === "string" ? data : data.toString("base64"));
    assert.deepEqual(body, { status: 200 });
  }

  // poll polls until the session is gone or the case is over.
  async poll() {
    while (!this.over) {
      const { body } = await this.get();
      if (body.status !== 200 && body.status !== 204) return this.close(body.status);
      body.messages.forEach((text) => this.arrived(text));
    }
  }
}

// begin opens a session that nobody polls for yet.
export async function begin(t, topic, { host, path = "/socket", query = "", vsn = "2.0.0" } = {}) {
  const talker = new Polls(t, topic);
  talker.at = host && "http://" + host;
  talker.url = `${path}/longpoll?user=${t.user}&vsn=${vsn}${query}`;
  talker.type = vsn.startsWith("1") ? "application/json" : "application/x-ndjson";
  const { status, body } = await talker.get("");
  assert.deepEqual([status, body.status, body.messages], [200, 410, []]);
  talker.token = body.token;
  t.after(() => (talker.over = true));
  return talker;
}

// talk opens what the case runs over.
export async function talk(t, topic, options) {
  if (!t.polls) return open(t, topic, options);
  const talker = await begin(t, topic, options);
  talker.poll().catch((error) => talker.close(error.message));
  return talker;
}
