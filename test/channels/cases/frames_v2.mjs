// V2 as it is on the wire, over websockets and over polls: sections 4, 5, 6 and 13.
import assert from "node:assert/strict";
import { broadcast } from "../kit/http.mjs";
import { talk } from "../kit/wire.mjs";

const ok = (ref, response = {}, join = "1") => `< ["${join}","${ref}","T","phx_reply",{"status":"ok","response":${JSON.stringify(response)}}]`;
const join = (ref, params = {}) => `> ["${ref}","${ref}","T","phx_join",${JSON.stringify(params)}]`;
const unmatched = (ref) => `< [null,"${ref}","T","phx_reply",{"status":"error","response":{"reason":"unmatched topic"}}]`;
const echo = (ref, joined = "1") => `> ["${joined}","${ref}","T","echo",{}]`;
const undeclared = (ref) => `< ["1","${ref}","T","phx_reply",{"status":"error","response":{"reason":"unmatched event"}}]`;

// played joins a topic of a kind, plays lines, and nothing else may have come.
const played = (name, kind, ...lines) => [name, async (t) => {
  const w = await talk(t, t.unique(kind));
  await w.join();
  await w.play(...lines);
  await w.still();
}];

// cold plays lines without a join.
const cold = (name, topic, ...lines) => [name, async (t) => {
  const w = await talk(t, topic.endsWith(":") ? t.unique(topic.slice(0, -1)) : topic);
  await w.play(...lines);
  await w.still();
}];

export const frames_v2 = [
  cold("a heartbeat is answered with a null join_ref and its ref", "x", '> [null,"4","phoenix","heartbeat",{}]', '< [null,"4","phoenix","phx_reply",{"status":"ok","response":{}}]'),
  cold("a heartbeat's payload does not matter", "x", '> ["9","4","phoenix","heartbeat",[1]]', '< [null,"4","phoenix","phx_reply",{"status":"ok","response":{}}]'),
  ...["x", "phx_join", "phx_leave"].map((event) => cold(`another event on the topic phoenix is unmatched: ${event}`, "phoenix", `> ["1","4","T","${event}",{}]`, unmatched("4"))),
  cold("elements after the fifth are ignored", "room:", '> ["1","1","T","phx_join",{},"six",7]', ok("1"), '> ["1","2","T","echo",{"a":1},null]', ok("2", { a: 1 })),
  cold("a join to no channel is unmatched with a null join_ref", "nowhere:", join("1"), unmatched("1")),
  cold("a refused join has its reason and its join_ref", "full:", join("3"), '< ["3","3","T","phx_reply",{"status":"error","response":{"reason":"full"}}]'),
  cold("only an ok join subscribes: a push after a refused one is unmatched", "full:", join("3"), '< ["3","3","T","phx_reply",{"status":"error","response":{"reason":"full"}}]', echo("4", "3"), unmatched("4")),
  cold("a join that fails unexpectedly is `join crashed`", "broken:", join("3"), '< ["3","3","T","phx_reply",{"status":"error","response":{"reason":"join crashed"}}]'),
  ...["echo", "phx_reply", "phx_close", "phx_error"].map((event) => cold(`${event} without a membership is unmatched with a null join_ref`, "room:", `> ["1","5","T","${event}",{}]`, unmatched("5"))),
  cold("phx_leave without a membership is ok", "room:", '> [null,"5","T","phx_leave",{}]', '< [null,"5","T","phx_reply",{"status":"ok","response":{}}]'),
  ...["7", "1.50", "true", '{"a":[1]}', "[null]", '"é"', '""'].map((ref) => played(`a ref is echoed as it is: ${ref}`, "room", `> ["1",${ref},"T","echo",{}]`, `< ["1",${ref},"T","phx_reply",{"status":"ok","response":{}}]`)),
  ...["5", '"text"', "[1,{}]", "true", "1.50", '{"n":12345678901234567890}'].map((payload) => ["a payload is passed on as it was written: " + payload, async (t) => {
    const w = await talk(t, t.unique("room"));
    await w.join();
    await w.send(w.put(`["1","2","T","echo",${payload}]`));
    assert.ok((await w.receive()).endsWith(`"response":${payload}}]`));
  }]),
  played("an empty response is {}, never null", "room", '> ["1","2","T","echo",null]', ok("2"), '> ["1","3","T","empty",{}]', ok("3")),
  played("a push with a null ref is answered with a null ref", "room", '> ["1",null,"T","echo",{"a":1}]', '< ["1",null,"T","phx_reply",{"status":"ok","response":{"a":1}}]'),
  played("a push with a null join_ref is delivered, and answered with the channel's", "room", '> [null,"2","T","echo",{}]', ok("2")),
  played("a push with another join_ref is ignored silently", "room", echo("2", "0"), echo("3"), ok("3")),
  played("phx_leave with another join_ref is ignored silently", "room", '> ["0","2","T","phx_leave",{}]', echo("3"), ok("3")),
  cold("after a join with a null join_ref, its ref is the join_ref and any is accepted", "room:", '> [null,"6","T","phx_join",{}]', ok("6", {}, "6"), '> ["77","7","T","echo",{}]', ok("7", {}, "6"), '> [null,"8","T","note",{}]', '< ["6",null,"T","noted",{}]'),
  cold("the join_ref of a join may differ from its ref", "room:", '> ["a","b","T","phx_join",{}]', '< ["a","b","T","phx_reply",{"status":"ok","response":{}}]', '> ["a","c","T","quit",{}]', '< ["a","a","T","phx_close",{}]'),
  played("an error reply has its status and response", "room", '> ["1","2","T","no",{"why":"x"}]', '< ["1","2","T","phx_reply",{"status":"error","response":{"reason":"no x"}}]'),
  played("a push of the server has the join_ref and a null ref", "room", '> ["1",null,"T","note",{"a":1}]', '< ["1",null,"T","noted",{"a":1}]'),
  played("a broadcast has neither", "room", '> ["1",null,"T","say",{"a":1}]', '< [null,null,"T","say",{"a":1}]'),
  played("an event that is filtered comes as a push", "filter", '> ["1","2","T","msg",{"by":"x"}]', ok("2"), '< ["1",null,"T","msg",{"by":"x"}]'),
  played("another event of the same channel comes as a broadcast", "filter", '> ["1",null,"T","plain",{"by":"x"}]', '< [null,null,"T","plain",{"by":"x"}]', '< ["1",null,"T","phx_reply",{"status":"ok","response":{}}]'),
  played("phx_close has the join_ref twice", "room", '> ["1","2","T","quit",{}]', '< ["1","1","T","phx_close",{}]'),
  played("phx_error has the join_ref twice and {}", "room", '> ["1","2","T","crash",{}]', '< ["1","1","T","phx_error",{}]', echo("3"), unmatched("3")),
  played("stop with a reply: the reply, then phx_close", "room", '> ["1","2","T","bye",{}]', ok("2", { bye: true }), '< ["1","1","T","phx_close",{}]', echo("3"), unmatched("3")),
  played("phx_leave is answered, then phx_close, and no message of the topic after that", "room", '> ["1","2","T","phx_leave",{}]', ok("2"), '< ["1","1","T","phx_close",{}]', echo("3"), unmatched("3")),
  played("phx_leave with a null join_ref leaves", "room", '> [null,"2","T","phx_leave",{}]', ok("2"), '< ["1","1","T","phx_close",{}]'),
  ...["phx_reply", "phx_close", "phx_error"].map((event) => played(`${event} of a member is answered like an event that is not declared`, "room", `> ["1","2","T","${event}",{"status":"ok","response":{}}]`, undeclared("2"), echo("3"), ok("3"))),
  played("an event that is not declared is an error reply, and the channel stays", "room", '> ["1","2","T","nope",{}]', undeclared("2"), echo("3"), ok("3")),
  played("a duplicate join: its reply, then phx_close of the old one, whose messages are stale", "room", join("9"), ok("9", {}, "9"), '< ["1","1","T","phx_close",{}]', echo("10"), echo("11", "9"), ok("11", {}, "9")),
  cold("pushes of the new membership come after phx_close of the old one", "hello:", join("1"), ok("1", { said: {} }), '< ["1",null,"T","welcome",{"user":"USER"}]', '< [null,null,"T","arrived",{"user":"USER"}]',
    join("2"), ok("2", { said: {} }, "2"), '< ["1","1","T","phx_close",{}]', '< ["2",null,"T","welcome",{"user":"USER"}]', '< [null,null,"T","arrived",{"user":"USER"}]'),
  cold("a duplicate join that is refused ends the old membership all the same", "guarded:", join("1", { secret: "x" }), ok("1"), join("2"), '< ["2","2","T","phx_reply",{"status":"error","response":{"reason":"unauthorized"}}]', '< ["1","1","T","phx_close",{}]', echo("3"), unmatched("3")),
  cold("a join with a payload that is no object costs at most the join", "hello:", '> ["1","1","T","phx_join",[1]]', ok("1", { said: [1] }), '< ["1",null,"T","welcome",{"user":"USER"}]', '< [null,null,"T","arrived",{"user":"USER"}]'),
  cold("a guard that reads into such a payload refuses", "guarded:", '> ["1","1","T","phx_join","x"]', '< ["1","1","T","phx_reply",{"status":"error","response":{"reason":"unauthorized"}}]'),
  played("replies to pushes of one channel keep their order", "room", ...Array.from({ length: 40 }, (_, n) => `> ["1","${n + 2}","T","echo",${n + 1}]`), ...Array.from({ length: 40 }, (_, n) => ok(String(n + 2), n + 1))),
  cold("the session of section 13", "room:", join("1"), ok("1"), '> ["1","2","T","echo",{"x":1}]', ok("2", { x: 1 }), '> ["1",null,"T","say",{"a":1}]', '< [null,null,"T","say",{"a":1}]',
    join("9"), ok("9", {}, "9"), '< ["1","1","T","phx_close",{}]', '> ["1","10","T","echo",{}]', '> ["9","11","T","phx_leave",{}]', ok("11", {}, "9"), '< ["9","9","T","phx_close",{}]', '> ["9","12","T","echo",{}]', unmatched("12")),
  ["over the limit of channels a join is refused with its join_ref, and a duplicate join is not", async (t) => {
    const w = await talk(t, t.unique("room"), { path: "/small" });
    await w.join();
    for (const n of [2, 3]) await w.play(`> ["${n}","${n}","room:${n}","phx_join",{}]`, `< ["${n}","${n}","room:${n}","phx_reply",{"status":"ok","response":{}}]`);
    await w.play('> ["4","4","room:4","phx_join",{}]', '< ["4","4","room:4","phx_reply",{"status":"error","response":{"reason":"too many channels joined"}}]', join("5"), ok("5", {}, "5"), '< ["1","1","T","phx_close",{}]');
    await w.still();
  }],
  ["after phx_close there is room for another channel, each time", async (t) => {
    const w = await talk(t, "room:0", { path: "/small" });
    await w.join();
    for (const n of [1, 2]) await w.play(`> ["${n}","${n}","room:${n}","phx_join",{}]`, `< ["${n}","${n}","room:${n}","phx_reply",{"status":"ok","response":{}}]`);
    for (let n = 3; n < 40; n++) {
      const [gone, come] = [`room:${n - 3}`, `room:${n}`];
      await w.play(`> [null,"l","${gone}","phx_leave",{}]`);
      await w.find("the close", ([, , topic, event]) => topic === gone && event === "phx_close");
      await w.play(`> ["${n}","${n}","${come}","phx_join",{}]`, `< ["${n}","${n}","${come}","phx_reply",{"status":"ok","response":{}}]`);
    }
  }],
  ["after a refused join there is room for another, each time", async (t) => {
    const w = await talk(t, t.unique("room"), { path: "/small" });
    await w.join();
    await w.play('> ["2","2","room:2","phx_join",{}]', '< ["2","2","room:2","phx_reply",{"status":"ok","response":{}}]');
    for (let n = 3; n < 40; n++) await w.play(`> ["${n}","${n}","full:${n}","phx_join",{}]`, `< ["${n}","${n}","full:${n}","phx_reply",{"status":"error","response":{"reason":"full"}}]`);
  }],
  ["a topic of 1,000 characters and an event of 200 work", async (t) => {
    const w = await talk(t, "any:" + t.unique() + "é".repeat(480));
    await w.join();
    await w.play(`> ["1","2","T","${"e".repeat(200)}",{}]`, undeclared("2"), '> ["1",null,"T","say",{}]', '< [null,null,"T","say",{}]');
  }],
  ["topics are compared bytewise", async (t) => {
    const composed = t.unique("any") + "\u00e9";
    const w = await talk(t, composed);
    await w.join();
    const other = composed.normalize("NFD");
    await w.play(`> ["1","2",${JSON.stringify(other)},"echo",{}]`, `< [null,"2",${JSON.stringify(other)},"phx_reply",{"status":"error","response":{"reason":"unmatched topic"}}]`);
  }],
  ["a broadcast from outside looks the same", async (t) => {
    const w = await talk(t, t.unique("room"));
    await w.join();
    await broadcast(w.topic, "announced", { a: [1] });
    await w.play('< [null,null,"T","announced",{"a":[1]}]');
  }],
  ["a member is subscribed from the moment its join succeeded", async (t) => {
    const a = await talk(t, t.unique("room"));
    await a.join();
    const late = await talk(t, a.topic);
    await late.join();
    await a.play('> ["1",null,"T","say",{"n":1}]');
    await late.play('< [null,null,"T","say",{"n":1}]');
  }],
];
