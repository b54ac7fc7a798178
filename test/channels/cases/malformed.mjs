// What is no message, or no frame: sections 4, 5 and 7. It costs its sender the connection,
// with the code that fits, and nobody else anything.
import assert from "node:assert/strict";
import { dial, frame, text } from "../kit/bare.mjs";
import { open } from "../kit/wire.mjs";

const beat = '[null,"1","phoenix","heartbeat",{}]';
const answer = '[null,"1","phoenix","phx_reply",{"status":"ok","response":{}}]';
const bytes = (hex) => frame(0x82, Buffer.from(hex.replaceAll(" ", ""), "hex"));
const v1 = (object) => text(JSON.stringify(object));
const four = { topic: "phoenix", event: "heartbeat", payload: {}, ref: "1" };
const without = (name) => v1({ ...four, [name]: undefined });

const v2 = [
  ["JSON that cannot be decoded", text("{"), 1011],
  ["an empty message", text(""), 1011],
  ["text after the array", text(beat + "x"), 1011],
  ["an object on V2", v1(four), 1011],
  ["a text on V2", text('"x"'), 1011],
  ["four elements", text('[null,"1","phoenix","heartbeat"]'), 1011],
  ["an empty array", text("[]"), 1011],
  ["a topic that is no string", text('[null,"1",7,"heartbeat",{}]'), 1011],
  ["an event that is no string", text('[null,"1","phoenix",null,{}]'), 1011],
  ["a binary frame of nothing", frame(0x82), 1011],
  ["a binary frame whose head is cut", bytes("00 01 01"), 1011],
  ["a binary frame whose fields are cut", bytes("00 01 01 06 04 31 35 726f6f6d"), 1011],
  ["a reply of the server from a client", bytes("01 01 01 06 02 31 35 726f6f6d3a61 6f6b"), 1011],
  ["a broadcast of the server from a client", bytes("02 01 01 74 65 00 00"), 1011],
  ["kind 3", bytes("03 00 00 01 01 74 65"), 1011],
  ["kind 4", bytes("04 00 00 01 01 74 65"), 1011],
  ["text in a binary frame", frame(0x82, beat), 1011],
  ["invalid UTF-8", text(Buffer.from("5b226eff225d", "hex")), 1007],
  ["UTF-8 that is cut", text(Buffer.from("5b22c3", "hex")), 1007],
  ["UTF-8 of a surrogate", text(Buffer.from("5b22eda080225d", "hex")), 1007],
  ["a message over the limit", text(`["1","1","phoenix","x","${"x".repeat(1_000_000)}"]`), 1009],
  ["a length over the limit", frame(0x81, "x", { length: 5_000_000 }), 1009],
  ["an unmasked frame", Buffer.from([0x81, 1, 0x31]), 1002],
  ["a bad opcode", frame(0x83), 1002],
  ["a bad control opcode", frame(0x8b), 1002],
  ["a reserved bit", frame(0xc1, beat), 1002],
  ["a continuation of nothing", frame(0x80, "x"), 1002],
  ["a message within a message", Buffer.concat([frame(0x01, "["), text(beat)]), 1002],
  ["a ping in fragments", frame(0x09), 1002],
  ["a ping of 126 bytes", frame(0x89, "x".repeat(126)), 1002],
  ["a close code that may not be sent", frame(0x88, Buffer.from([0x03, 0xed])), 1002],
  ["a close frame of one byte", frame(0x88, Buffer.from([3])), 1002],
];

const first = [
  ...["topic", "event", "payload", "ref"].map((name) => ["V1 without " + name, without(name), 1011]),
  ["an array on V1", text(beat), 1011],
  ["a binary frame on V1", bytes("00 00 01 07 09 35 70686f656e6978 686561727462656174"), 1011],
  ["a topic that is no string on V1", v1({ ...four, topic: 1 }), 1011],
  ["invalid UTF-8 on V1", text(Buffer.from("7b22ff227d", "hex")), 1007],
];

const closes = (vsn) => ([name, sent, code]) => [`${name} closes with ${code}`, async (t) => {
  const other = await open(t, t.unique("room"));
  await other.join();
  const bare = await dial(t, { vsn });
  bare.socket.write(sent);
  assert.equal(await bare.closeCode(), code);
  await other.still();
}];

// odd is what looks wrong and is not.
const odd = [
  ["white space around", text(` \n[ null , "1","phoenix","heartbeat" ,{ } ]\t`)],
  ["escapes", text(String.raw`[null,"1","\u0070hoenix","heart\u0062eat",{}]`)],
  ["fragments", Buffer.concat([frame(0x01, beat.slice(0, 5)), frame(0x00, beat.slice(5, 9)), frame(0x80, beat.slice(9))])],
  ["an empty fragment", Buffer.concat([frame(0x01), frame(0x80, beat)])],
  ["a pong that nobody asked for", Buffer.concat([frame(0x8a, "x"), text(beat)])],
];

export const malformed = [
  ...v2.map(closes("2.0.0")),
  ...first.map(closes("1.0.0")),
  ...odd.map(([name, sent]) => [name + ": the message is answered", async (t) => {
    const bare = await dial(t);
    bare.socket.write(sent);
    assert.equal(await bare.receiveText(), answer);
  }]),
  ["UTF-8 over two fragments is one text", async (t) => {
    const bare = await dial(t);
    const message = Buffer.from('["1","é","room:x","nope",{}]');
    const at = message.indexOf(0xc3) + 1;
    bare.socket.write(Buffer.concat([frame(0x01, message.subarray(0, at)), frame(0x80, message.subarray(at))]));
    assert.equal(await bare.receiveText(), '[null,"é","room:x","phx_reply",{"status":"error","response":{"reason":"unmatched topic"}}]');
  }],
  ["a ping is answered with the same bytes", async (t) => {
    const bare = await dial(t);
    bare.socket.write(Buffer.concat([frame(0x89, Buffer.from([0, 255, 7])), frame(0x89)]));
    assert.deepEqual(await bare.receive(), [0x8a, Buffer.from([0, 255, 7])]);
    assert.deepEqual(await bare.receive(), [0x8a, Buffer.alloc(0)]);
  }],
  ["a ping between the fragments of a message is answered", async (t) => {
    const bare = await dial(t);
    bare.socket.write(Buffer.concat([frame(0x01, beat.slice(0, 9)), frame(0x89, "p"), frame(0x80, beat.slice(9))]));
    assert.deepEqual(await bare.receive(), [0x8a, Buffer.from("p")]);
    assert.equal(await bare.receiveText(), answer);
  }],
  ...[[1000, 1000], [1001, 1001], [4000, 4000]].map(([code, echoed]) => [`a close of the client with ${code} is echoed, and the connection ends`, async (t) => {
    const bare = await dial(t);
    bare.socket.write(frame(0x88, Buffer.from([code >> 8, code & 255])));
    assert.equal(await bare.closeCode(), echoed);
    await bare.ended;
  }]),
  ["a frame limit of a socket's own closes with 1009", async (t) => {
    const bare = await dial(t, { path: "/small" });
    bare.socket.write(text(`[null,"1","phoenix","heartbeat","${"x".repeat(4000)}"]`));
    assert.equal(await bare.closeCode(), 1009);
  }],
  ["a message under that limit is answered", async (t) => {
    const bare = await dial(t, { path: "/small" });
    bare.socket.write(text(`[null,"1","phoenix","heartbeat","${"x".repeat(3900)}"]`));
    assert.equal(await bare.receiveText(), answer);
  }],
  ["a connection that vanishes ends its memberships", async (t) => {
    const other = await open(t, t.unique("room"));
    await other.join();
    const bare = await dial(t, { path: "/idle" });
    bare.socket.write(text(`["1","1","gone:${other.topic.slice(5)}","phx_join",{}]`));
    await bare.receiveText();
    bare.socket.resetAndDestroy();
    await other.play('< [null,null,"T","gone",{}]');
  }],
  ["a connection that is silent is closed with 1001 and its memberships end", async (t) => {
    const other = await open(t, t.unique("room"));
    await other.join();
    const bare = await dial(t, { path: "/idle" });
    bare.socket.write(text(`["1","1","gone:${other.topic.slice(5)}","phx_join",{}]`));
    await bare.receiveText();
    assert.equal(await bare.closeCode(), 1001);
    await other.play('< [null,null,"T","gone",{}]');
  }],
];
