// Long poll as HTTP: section 8.
import assert from "node:assert/strict";
import { ask } from "../kit/http.mjs";
import { until } from "../kit/run.mjs";
import { begin, open } from "../kit/wire.mjs";

const beat = '[null,"1","phoenix","heartbeat",{}]';
const answer = '[null,"1","phoenix","phx_reply",{"status":"ok","response":{}}]';
const url = "/socket/longpoll?vsn=2.0.0";
const lines = "application/x-ndjson";
const quick = { path: "/quick" };

// gone asserts that a session has ended: a poll begins another.
async function gone(w) {
  const { body } = await w.get();
  assert.equal(body.status, 410);
  assert.notEqual(body.token, w.token);
  assert.deepEqual(body.messages, []);
}

// arrived returns when what was sent before has surely come to its session.
async function arrived(w) {
  for (let n = 0; n < 20; n++) await w.post("");
}

const rejects = (name, status, body, type) => [`${name} answers ${status} and ends the session`, async (t) => {
  const w = await begin(t, t.unique("room"));
  assert.deepEqual((await w.post(body, type)).body, { status });
  await gone(w);
  assert.deepEqual((await w.post(beat)).body, { status: 410 });
}];

// begins gives a case about a GET that begins a session.
const begins = (name, query, headers) => [name, async () => {
  const { status, body } = await ask("GET", url + query, headers);
  assert.deepEqual([status, body.status, body.messages, typeof body.token], [200, 410, [], "string"]);
  assert.ok(body.token.length > 20);
}];

const refuses = (name, at) => [name, async () => {
  const answer = await ask("GET", at);
  assert.deepEqual([answer.status, answer.body], [200, { status: 403 }]);
}];

async function everyAnswer(t, check) {
  const w = await begin(t, t.unique("room"), quick);
  await w.post(beat);
  for (const answer of [await w.get(), await w.get(), await w.post(beat), await w.get(""), await w.post(beat, lines, "none")]) check(answer);
}

export const longpoll = [
  begins("a GET without a token begins a session", ""),
  begins("a GET with an empty token begins one", "&token="),
  begins("a GET whose URL ends in & begins one", "&"),
  begins("a GET whose URL has && begins one", "&&token="),
  begins("a GET with a token that does not verify begins one", "&token=SFMyNTY.g2gDbQ.x"),
  begins("a GET with a token that is none begins one", "&token=%00%F0%9F%98%80"),
  begins("a header with a token that does not verify begins one", "", { "x-phoenix-longpoll-token": "x" }),
  refuses("connect refused is 403", url + "&refuse=yes"),
  refuses("a refusal with another status is 403", url + "&full=yes"),
  refuses("a vsn that is not served is 403", "/socket/longpoll?vsn=2.1.0"),
  ["vsn absent is V1", async () => assert.equal((await ask("GET", "/socket/longpoll")).body.status, 410)],
  ["a GET with messages waiting gives them at once, with the token", async (t) => {
    const w = await begin(t, t.unique("room"));
    await w.post(beat);
    assert.deepEqual((await w.get()).body, { status: 200, token: w.token, messages: [answer] });
  }],
  ["messages are strings, each a whole frame, in order, given once", async (t) => {
    const w = await begin(t, t.unique("room"));
    await w.post([1, 2, 3].map((n) => beat.replace('"1"', `"${n}"`)).join("\n"));
    assert.deepEqual((await w.get()).body.messages, [1, 2, 3].map((n) => answer.replace('"1"', `"${n}"`)));
    assert.deepEqual((await w.get()).body, { status: 204, token: w.token, messages: [] });
  }],
  ["a GET waits for messages that come within the window", async (t) => {
    const w = await begin(t, t.unique("room"));
    const poll = w.get();
    await w.post(beat);
    assert.deepEqual((await poll).body.messages, [answer]);
  }],
  ["nothing within the window is 204", async (t) => {
    const w = await begin(t, t.unique("room"), quick);
    const begun = Date.now();
    assert.deepEqual((await w.get()).body, { status: 204, token: w.token, messages: [] });
    assert.ok(Date.now() - begun >= 980);
  }],
  ["the token in the header is taken", async (t) => {
    const w = await begin(t, t.unique("room"));
    const header = { "x-phoenix-longpoll-token": w.token };
    assert.deepEqual((await ask("POST", w.url, { ...header, "content-type": lines }, beat)).body, { status: 200 });
    assert.deepEqual((await ask("GET", w.url, header)).body.messages, [answer]);
  }],
  ["the header's token goes before the query's", async (t) => {
    const [w, other] = [await begin(t, t.unique("room")), await begin(t, t.unique("room"))];
    await w.post(beat);
    const { body } = await ask("GET", `${w.url}&token=${encodeURIComponent(other.token)}`, { "x-phoenix-longpoll-token": w.token });
    assert.deepEqual(body.messages, [answer]);
  }],
  ["a token of another mount is not taken", async (t) => {
    const w = await begin(t, t.unique("room"));
    assert.deepEqual((await ask("POST", `/quick/longpoll?vsn=2.0.0&token=${encodeURIComponent(w.token)}`, { "content-type": lines }, beat)).body, { status: 410 });
  }],
  ["a token that is changed is not taken", async (t) => {
    const w = await begin(t, t.unique("room"));
    const changed = w.token.slice(0, -2) + (w.token.endsWith("AA") ? "BB" : "AA");
    assert.deepEqual((await w.post(beat, lines, changed)).body, { status: 410 });
  }],
  ["a POST without a token is 410", async (t) => assert.deepEqual((await ask("POST", url, { "content-type": lines }, beat)).body, { status: 410 })],
  ["a POST is 200 once the message was taken, also when its reply is an error", async (t) => {
    const w = await begin(t, t.unique("nowhere"));
    assert.deepEqual((await w.post(w.put('["1","1","T","phx_join",{}]'))).body, { status: 200 });
    assert.equal(JSON.parse((await w.get()).body.messages[0])[4].status, "error");
  }],
  ["an empty POST is 200", async (t) => assert.deepEqual((await (await begin(t, "x")).post("")).body, { status: 200 })],
  ["lines may end in \\r\\n, and blank ones are skipped", async (t) => {
    const w = await begin(t, "x");
    assert.deepEqual((await w.post(`${beat}\r\n\r\n\n${beat}\r\n`)).body, { status: 200 });
    assert.deepEqual((await w.get()).body.messages, [answer, answer]);
  }],
  ["a line that is base64 is a binary frame", async (t) => {
    const w = await begin(t, t.unique("room"));
    await w.post(w.put('["1","1","T","phx_join",{}]'));
    assert.equal((await w.get()).body.messages.length, 1);
    const push = w.bytes("00 01 01 #topic 04 31 35 [topic] 6563686f 0102ff").toString("base64");
    assert.deepEqual((await w.post(push)).body, { status: 200 });
    assert.equal(JSON.parse((await w.get()).body.messages[0])[1], "5"); // bytes cannot come back
  }],
  ["text and binary lines may be mixed", async (t) => {
    const w = await begin(t, t.unique("room"));
    const push = w.bytes("00 01 01 #topic 04 31 35 [topic] 6e6f7065").toString("base64");
    assert.deepEqual((await w.post([beat, push, beat].join("\n"))).body, { status: 200 });
    assert.equal((await w.get()).body.messages.length, 3);
  }],
  ["at most 100 lines are read, the rest dropped", async (t) => {
    const w = await begin(t, "x");
    assert.deepEqual((await w.post(Array.from({ length: 105 }, (_, n) => beat.replace('"1"', n)).join("\n"))).body, { status: 200 });
    const { messages } = (await w.get()).body;
    assert.deepEqual([messages.length, JSON.parse(messages[99])[1]], [100, 99]);
  }],
  ["with any other content type the body is one text frame", async (t) => {
    const w = await begin(t, "x");
    for (const type of ["application/json", "text/plain", "application/octet-stream"]) {
      assert.deepEqual((await w.post(` \n${beat}`, type)).body, { status: 200 });
      assert.deepEqual((await w.get()).body.messages, [answer]);
    }
  }],
  ["without a content type it is one too", async (t) => {
    const w = await begin(t, "x");
    assert.deepEqual((await ask("POST", `${w.url}&token=${encodeURIComponent(w.token)}`, {}, beat)).body, { status: 200 });
  }],
  ["a content type with a charset is understood", async (t) => {
    const w = await begin(t, "x");
    await w.post(`${beat}\n${beat}`, lines + "; charset=utf-8");
    assert.equal((await w.get()).body.messages.length, 2);
  }],
  rejects("JSON that cannot be decoded", 400, "[1"),
  rejects("four elements", 400, '["1","1","x","y"]'),
  rejects("a line that is no base64", 400, "{}"),
  rejects("base64 that is no frame", 400, "AAAA"),
  rejects("UTF-8 that is none", 400, Buffer.from('[null,"1","phoenix","heartbeat","\xff"]', "latin1")),
  rejects("a text frame over the limit", 400, `[null,"1","phoenix","x","${"x".repeat(1_000_000)}"]`),
  ["a body over 8 MB ends the session", async (t) => {
    const w = await begin(t, "x");
    const { body } = await w.post(Buffer.alloc(8_000_001, "A"));
    assert.ok(body.status === 400 || body.status === 408, `it is ${body.status}`);
    await gone(w);
  }],
  ["a body of 7 MB in many lines is taken", async (t) => {
    const w = await begin(t, t.unique("room"));
    await w.post(w.put('["1","1","T","phx_join",{}]'));
    const line = w.put(`["1",null,"T","silent","${"x".repeat(700_000)}"]`);
    assert.deepEqual((await w.post([...Array(10).fill(line), beat].join("\n"))).body, { status: 200 });
    assert.deepEqual((await w.get()).body.messages.at(-1), answer);
  }],
  ["a malformed POST ends that session alone", async (t) => {
    const [w, other] = [await begin(t, "x"), await begin(t, "x")];
    await w.post("[1");
    await other.post(beat);
    assert.deepEqual((await other.get()).body.messages, [answer]);
  }],
  ["of two polls at once the later gets the messages, the earlier times out with 204", async (t) => {
    const w = await begin(t, "x");
    const polls = [w.get()];
    await arrived(w);
    polls.push(w.get());
    await arrived(w);
    await w.post(beat);
    const [first, second] = await Promise.all(polls);
    assert.deepEqual([first.body.status, second.body.status, second.body.messages], [204, 200, [answer]]);
  }],
  ["a session that is not polled ends after 1.5 to 3 windows, and its memberships with it", async (t) => {
    const other = await open(t, t.unique("room"));
    await other.join();
    const begun = Date.now();
    const w = await begin(t, "gone:" + other.topic.slice(5), quick);
    await w.post(w.put('["1","1","T","phx_join",{}]'));
    await other.play('< [null,null,"T","gone",{}]');
    const took = Date.now() - begun;
    assert.ok(took >= 1480 && took < 8000, `after ${took} ms`);
    await gone(w);
  }],
  ["a session that is polled lives on for many windows", async (t) => {
    const w = await begin(t, t.unique("room"), quick);
    for (let n = 0; n < 4; n++) assert.equal((await w.get()).body.status, 204);
    await w.post(beat);
    assert.deepEqual((await w.get()).body.messages, [answer]);
  }],
  ["disconnect by id ends a session that polls at once", async (t) => {
    const w = await begin(t, "x");
    const poll = w.get();
    await ask("POST", "/disconnect", {}, { id: "user:" + t.user });
    const { body } = await poll;
    assert.equal(body.status, 410);
    assert.notEqual(body.token, w.token);
  }],
  ["disconnect by id ends a session that does not poll just then", async (t) => {
    const w = await begin(t, "x");
    await ask("POST", "/disconnect", {}, { id: "user:" + t.user });
    await until("it is gone", async () => (await w.post(beat)).body.status === 410);
  }],
  ["over the limit of messages the session ends", async (t) => {
    const w = await begin(t, "x", { path: "/paced" });
    const { body } = await w.post(Array.from({ length: 15 }, () => beat).join("\n"));
    assert.notEqual(body.status, 200);
    await gone(w);
  }],
  ["many messages are given over several polls, in order", async (t) => {
    const w = await begin(t, t.unique("room"));
    for (let n = 0; n < 30; n++) await w.post(Array.from({ length: 100 }, (_, i) => beat.replace('"1"', n * 100 + i)).join("\n"));
    const refs = [];
    while (refs.length < 3000) refs.push(...(await w.get()).body.messages.map((text) => JSON.parse(text)[1]));
    assert.deepEqual(refs, Array.from({ length: 3000 }, (_, n) => n));
  }],
  ["every answer is HTTP 200 and JSON", (t) => everyAnswer(t, ({ status, headers, body }) => {
    assert.deepEqual([status, headers["content-type"].split(";")[0]], [200, "application/json"]);
    assert.equal(typeof body.status, "number");
  })],
  ["every answer allows any origin to read it", (t) => everyAnswer(t, ({ headers }) => assert.equal(headers["access-control-allow-origin"], "*"))],
  ["no answer may be stored", (t) => everyAnswer(t, ({ headers }) => assert.match(headers["cache-control"], /no-store|private/))],
  ["OPTIONS is 200 and empty, with what may be sent", async () => {
    const { status, headers, text } = await ask("OPTIONS", url, { "access-control-request-headers": "content-type, x-phoenix-authtoken", "access-control-request-method": "POST" });
    assert.deepEqual([status, text], [200, ""]);
    assert.equal(headers["access-control-allow-methods"], "get, post, options");
    assert.equal(headers["access-control-allow-headers"], "content-type, x-phoenix-authtoken");
    assert.equal(headers["access-control-max-age"], "3600");
    assert.equal(headers["access-control-allow-origin"], "*");
  }],
  ...["PUT", "PATCH", "DELETE"].map((method) => [`${method} is 400 and empty`, async () => {
    const { status, text } = await ask(method, url);
    assert.deepEqual([status, text], [400, ""]);
  }]),
  ["an auth token comes in its header, plain", async (t) => {
    const { body } = await ask("GET", "/token/longpoll?vsn=2.0.0", { "x-phoenix-authtoken": "se+cr/et=" });
    const at = `/token/longpoll?vsn=2.0.0&token=${encodeURIComponent(body.token)}`;
    await ask("POST", at, { "content-type": lines }, '["1","1","who:1","phx_join",{}]');
    assert.equal(JSON.parse((await ask("GET", at)).body.messages[0])[4].response.token, "se+cr/et=");
  }],
  ["an auth token that is not liked is 403", async () => assert.deepEqual((await ask("GET", "/token/longpoll?vsn=2.0.0", { "x-phoenix-authtoken": "bad" })).body, { status: 403 })],
];
