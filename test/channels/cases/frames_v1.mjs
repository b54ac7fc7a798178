// V1: section 4. Over websockets and over polls.
import assert from "node:assert/strict";
import { talk } from "../kit/wire.mjs";

const old = { vsn: "1.0.0" };
const sent = (event, ref, payload = {}, more = {}) => "> " + JSON.stringify({ topic: "T", event, payload, ref, ...more });
const got = (event, ref, payload = {}) => "< " + JSON.stringify({ topic: "T", event, payload, ref });
const reply = (ref, response = {}, status = "ok") => got("phx_reply", ref, { status, response });
const joined = [sent("phx_join", "1"), reply("1")];

const played = (name, kind, ...lines) => [name, async (t) => {
  const w = await talk(t, t.unique(kind), old);
  await w.play(...lines);
  await w.play('> {"topic":"phoenix","event":"heartbeat","payload":{},"ref":"still"}', '< {"topic":"phoenix","event":"phx_reply","payload":{"status":"ok","response":{}},"ref":"still"}');
  assert.deepEqual(w.frames, []);
}];

export const frames_v1 = [
  played("a join is answered with exactly the four keys", "room", joined),
  played("a push is answered", "room", joined, sent("echo", "2", { a: [1.5] }), reply("2", { a: [1.5] })),
  played("a ref that is no text is echoed as it is", "room", joined, sent("echo", 7), reply(7)),
  played("pushes of the server have a null ref", "room", joined, sent("note", null, { a: 1 }), got("noted", null, { a: 1 })),
  played("broadcasts have a null ref", "room", joined, sent("say", null, { a: 1 }), got("say", null, { a: 1 })),
  played("phx_close has a null ref", "room", joined, sent("quit", "2"), got("phx_close", null)),
  played("phx_error has a null ref", "room", joined, sent("crash", "2"), got("phx_error", null)),
  played("a leave is answered, then closed", "room", joined, sent("phx_leave", "2"), reply("2"), got("phx_close", null)),
  played("a duplicate join ends the first", "room", joined, sent("phx_join", "2"), reply("2"), got("phx_close", null), sent("echo", "3"), reply("3")),
  played("a refused join has its reason", "full", sent("phx_join", "1"), reply("1", { reason: "full" }, "error")),
  played("an unmatched topic has its reason", "nowhere", sent("phx_join", "1"), reply("1", { reason: "unmatched topic" }, "error")),
  played("an unmatched event has its reason", "room", joined, sent("nope", "2"), reply("2", { reason: "unmatched event" }, "error")),
  played("join_ref is optional on input and never sent", "room", sent("phx_join", "1", {}, { join_ref: "1" }), reply("1"), sent("echo", "2", {}, { join_ref: "1" }), reply("2")),
  played("other members of the object are ignored", "room", sent("phx_join", "1", {}, { other: 1 }), reply("1")),
  ["presence comes with exactly the four keys too", async (t) => {
    const w = await talk(t, t.unique("room"), old);
    await w.play(joined, sent("track", "2", { key: "k" }));
    const frames = [];
    await w.find("all three", (frame) => frames.push(frame) === 3);
    assert.deepEqual(frames.map(({ event, ref }) => [event, ref]).sort(), [["phx_reply", "2"], ["presence_diff", null], ["presence_state", null]]);
    for (const frame of frames) assert.deepEqual(Object.keys(frame).sort(), ["event", "payload", "ref", "topic"]);
  }],
  ...["1.0.0", "1.0.7"].map((vsn) => [`vsn ${vsn} is V1`, async (t) => (await talk(t, t.unique("room"), { vsn })).play(joined)]),
  ["members of V1 and V2 hear each other", async (t) => {
    const a = await talk(t, t.unique("room"), old);
    const c = await talk(t, a.topic);
    await a.play(joined);
    await c.join();
    await a.play(sent("say", null, { n: 1 }), got("say", null, { n: 1 }));
    await c.play('< [null,null,"T","say",{"n":1}]', '> ["1",null,"T","say",{"n":2}]');
    await a.play(got("say", null, { n: 2 }));
  }],
];
