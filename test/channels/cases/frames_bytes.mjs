// V2 in binary: section 4. [topic] and #topic stand for the topic of a case and its length.
import { begin, open } from "../kit/wire.mjs";

const hex = (text) => Buffer.from(text).toString("hex");

// played joins a room and plays lines.
const played = (name, ...lines) => [name, async (t) => {
  const w = await open(t, t.unique("room"));
  await w.join();
  await w.play(...lines);
  await w.still();
}];

const push = (ref, event, data) => `>x 00 01 01 #topic ${hex(String.fromCharCode(event.length))} 31 ${hex(ref)} [topic] ${hex(event)} ${data}`;
const reply = (ref, data) => `<x 01 01 01 #topic 02 31 ${hex(ref)} [topic] ${hex("ok")} ${data}`;
const beat = ['> [null,"9","phoenix","heartbeat",{}]', '< [null,"9","phoenix","phx_reply",{"status":"ok","response":{}}]'];

export const frames_bytes = [
  ["the examples, byte for byte", async (t) => {
    const w = await open(t, "any:a"); // as long as room:a less one: the page's own bytes
    await w.join();
    await w.play(">x 00 01 01 05 04 31 35 616e793a61 6563686f 0102ff", "<x 01 01 01 05 02 31 35 616e793a61 6f6b 0102ff");
  }],
  played("a push is answered with its bytes", push("5", "echo", "0102ff"), reply("5", "0102ff")),
  played("a push of the server has no ref", push("5", "note", "09"), `<x 00 01 #topic 05 31 [topic] ${hex("noted")} 09`),
  played("a broadcast has neither", push("5", "say", "07"), `<x 02 #topic 03 [topic] ${hex("say")} 07`),
  played("data may be empty", push("5", "echo", ""), reply("5", "")),
  played("data that looks like JSON stays bytes", push("5", "echo", hex('{"a":1}')), reply("5", hex('{"a":1}'))),
  played("data need not be UTF-8", push("5", "echo", "c328a0a1 00 fffe"), reply("5", "c328a0a1 00 fffe")),
  played("100 KB come back", push("5", "echo", "a5".repeat(100_000)), reply("5", "a5".repeat(100_000))),
  played("a null join_ref is the empty string, and delivered", `>x 00 00 01 #topic 04 35 [topic] ${hex("echo")} 01`, reply("5", "01")),
  played("a null ref is the empty string, and answered with none", `>x 00 01 00 #topic 04 31 [topic] ${hex("echo")} 01`, `<x 01 01 00 #topic 02 31 [topic] ${hex("ok")} 01`),
  played("another join_ref is ignored silently", `>x 00 01 01 #topic 04 30 35 [topic] ${hex("echo")} 01`, push("6", "echo", "02"), reply("6", "02")),
  played("a reply without bytes comes as text", push("5", "empty", "01"), '< ["1","5","T","phx_reply",{"status":"ok","response":{}}]'),
  played("an event that is not declared is an error reply in text", push("5", "nope", "01"), '< ["1","5","T","phx_reply",{"status":"error","response":{"reason":"unmatched event"}}]'),
  played("a rule that reads into bytes refuses", push("5", "guarded", "01"), '< ["1","5","T","phx_reply",{"status":"error","response":{"reason":"unauthorized"}}]'),
  played("a leave in bytes leaves", `>x 00 01 01 #topic 09 31 35 [topic] ${hex("phx_leave")}`, '< ["1","5","T","phx_reply",{"status":"ok","response":{}}]', '< ["1","1","T","phx_close",{}]'),
  ["without a membership it is unmatched", async (t) => {
    const w = await open(t, t.unique("room"));
    await w.play(push("5", "echo", "01"), '< [null,"5","T","phx_reply",{"status":"error","response":{"reason":"unmatched topic"}}]');
  }],
  ["a heartbeat in bytes is answered", async (t) => {
    const w = await open(t, "x");
    await w.play(`>x 00 00 01 07 09 35 ${hex("phoenix")} ${hex("heartbeat")}`, '< [null,"5","phoenix","phx_reply",{"status":"ok","response":{}}]');
  }],
  ["fields of 255 bytes work", async (t) => {
    const topic = t.unique("any").padEnd(255, "x");
    const w = await open(t, topic);
    await w.join();
    const ref = "r".repeat(255);
    await w.play(`>x 00 01 ff ff 04 31 ${hex(ref)} [topic] ${hex("echo")} 07`, `<x 01 01 ff ff 02 31 ${hex(ref)} [topic] ${hex("ok")} 07`);
  }],
  played("a field over 255 bytes fails that message, not the connection", push("5", "long", "01"), '< ["1","5","T","phx_reply",{"status":"ok","response":{}}]', push("6", "echo", "02"), reply("6", "02")),
  played("in text such a field is said", '> ["1","5","T","long",{}]', `< ["1",null,"T","${"e".repeat(256)}",{}]`, `< [null,null,"T","${"e".repeat(256)}",{}]`, '< ["1","5","T","phx_reply",{"status":"ok","response":{}}]'),
  ["a member of V1 gets no bytes, and stays", async (t) => {
    const w = await open(t, t.unique("room"));
    const old = await open(t, w.topic, { vsn: "1.0.0" });
    await w.join();
    await old.play('> {"topic":"T","event":"phx_join","payload":{},"ref":"1"}', '< {"topic":"T","event":"phx_reply","payload":{"status":"ok","response":{}},"ref":"1"}');
    await w.play(push("5", "say", "07"), `<x 02 #topic 03 [topic] ${hex("say")} 07`, '> ["1",null,"T","say",{"n":1}]');
    await old.play('< {"topic":"T","event":"say","payload":{"n":1},"ref":null}');
  }],
  ["a member that polls gets no bytes, and its session lives on", async (t) => {
    const w = await open(t, t.unique("room"));
    const polls = await begin(t, w.topic);
    polls.poll();
    await Promise.all([w.join(), polls.join()]);
    await w.play(push("5", "say", "07"), `<x 02 #topic 03 [topic] ${hex("say")} 07`, '> ["1",null,"T","say",{"n":1}]');
    await polls.play('< [null,null,"T","say",{"n":1}]', ...beat);
  }],
];
