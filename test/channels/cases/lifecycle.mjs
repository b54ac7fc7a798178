// What becomes of connections when the gateway is stopped, started or given another manifest,
// and what is agreed on compression: section 7, and "When the manifest changes". Over both
// transports.
import assert from "node:assert/strict";
import { connect, enter, heard, outcome, rejoined, reopened } from "../kit/client.mjs";
import { ask } from "../kit/http.mjs";
import { serve } from "../kit/own.mjs";
import { until, within } from "../kit/run.mjs";
import { begin, open } from "../kit/wire.mjs";

const own = { own: true };

// manifest has one channel, whose rules are given as YAML.
const manifest = (rules, connect = "{assign: {user: \"${params.user}\"}}", topic = "room:{id}") => `
version: 1
name: own
endpoint: {listen: LISTEN, secret_key_base: own-own-own-own-own-own-own-own-own-own-own-own-own-own-own-own-own-own}
scopes: [{routes: [{get: /, text: up}]}]
sockets:
  - path: /socket
    connect: [${connect}]
    id: user:\${params.user}
    longpoll: {window: 10s}
    channels: [{topic: "${topic}", ${rules}}]
`;

const answers = (version) => `join: [{assign: {name: "\${payload.name ?? 'none'}"}}], handle_in: {get: {reply: {v: ${version}}}}`;

// member is a client that has joined a gateway of the case's own.
async function member(t, first = manifest(answers(1))) {
  const gateway = await serve(t, first);
  const socket = connect(t, {}, { host: gateway.host });
  const channel = await enter(socket, "room:1", { name: "N" });
  const get = async () => (await outcome(channel.push("get", {})))[1];
  return { gateway, socket, channel, get };
}

export const lifecycle = [
  ["when a manifest changes, connections and memberships stay, and the next event has the new rules", async (t) => {
    const { gateway, socket, channel, get } = await member(t);
    assert.deepEqual(await get(), { v: 1 });
    await gateway.reload(manifest(answers(2)));
    assert.deepEqual(await get(), { v: 2 });
    assert.deepEqual([socket.opens, socket.closes, channel.joins, channel.heard], [1, [], 1, []]);
  }, own],
  ["when a manifest changes, names that the join bound stay as they are", async (t) => {
    const { gateway, get } = await member(t);
    await gateway.reload(manifest('join: [{assign: {name: other}}], handle_in: {get: {reply: {name: "${name}", user: "${user}"}}}'));
    assert.deepEqual(await get(), { name: "N", user: t.user });
  }, own],
  ["a manifest that is broken changes nothing", async (t) => {
    const { gateway, socket, channel, get } = await member(t);
    await gateway.reload(manifest("jion: []"), "jion");
    assert.deepEqual(await get(), { v: 1 });
    assert.deepEqual([socket.opens, channel.joins], [1, 1]);
  }, own],
  ["a channel that is gone gets phx_close, and the connection stays", async (t) => {
    const { gateway, socket, channel } = await member(t);
    await gateway.reload(manifest("join: []", undefined, "other"));
    await until("it is closed", () => channel.state === "closed");
    assert.deepEqual([socket.opens, socket.closes, heard(channel, "phx_error")], [1, [], []]);
    await enter(socket, "other");
  }, own],
  ["a channel whose new rules read a name that it lacks gets phx_error and joins again", async (t) => {
    const { gateway, socket, channel, get } = await member(t);
    await gateway.reload(manifest('join: [{assign: {more: 2}}], handle_in: {get: {reply: {more: "${more}"}}}'));
    await rejoined(channel);
    assert.deepEqual(await get(), { more: 2 });
    assert.deepEqual([socket.opens, socket.closes, heard(channel, "phx_error").length], [1, [], 1]);
  }, own],
  ["where new rules read a name of connect that it lacks, the connection comes back", async (t) => {
    const { gateway, socket, channel, get } = await member(t);
    await gateway.reload(manifest('join: [], handle_in: {get: {reply: {more: "${more}"}}}', "{assign: {more: 3}}"));
    await rejoined(channel);
    assert.deepEqual(await get(), { more: 3 });
    assert.deepEqual(socket.closes, [t.polls ? 3410 : 1012]);
  }, own],
  ["an event that is gone is `unmatched event`", async (t) => {
    const { gateway, get } = await member(t);
    await gateway.reload(manifest("join: []"));
    assert.deepEqual(await get(), { reason: "unmatched event" });
  }, own],
  ["a filter that is new holds for the next broadcast", async (t) => {
    const says = 'join: [], handle_in: {say: [{broadcast: {}}, reply]}';
    const { gateway, channel } = await member(t, manifest(says));
    await outcome(channel.push("say", { n: 1 }));
    await gateway.reload(manifest(says + ', handle_out: {say: [{require: payload.n != 2}, push]}'));
    for (const n of [2, 3]) await outcome(channel.push("say", { n }));
    await until("the last has come", () => heard(channel, "say").at(-1)?.n === 3);
    assert.deepEqual(heard(channel, "say"), [{ n: 1 }, { n: 3 }]);
  }, own],
  ["SIGTERM closes each connection with 1012, and the process ends well", async (t) => {
    const { gateway, socket } = await member(t);
    const idle = connect(t, {}, { host: gateway.host });
    await reopened(idle, 1);
    gateway.stop();
    await until("both are closed", () => socket.closes.length > 0 && idle.closes.length > 0);
    if (!t.polls) assert.deepEqual([socket.closes[0], idle.closes[0]], [1012, 1012]);
    assert.equal(await within("the end of the process", gateway.ended, 60_000), 0);
  }, own],
  ["a client that saw a restart is back, and has joined again", async (t) => {
    const { gateway, channel, get } = await member(t);
    gateway.stop();
    await within("the end of the process", gateway.ended, 60_000);
    await gateway.write(manifest(answers(2)), gateway.host);
    await gateway.start();
    await rejoined(channel);
    assert.deepEqual(await get(), { v: 2 });
  }, own],
  ["a client that saw a crash is back, and has joined again", async (t) => {
    const { gateway, channel, get } = await member(t);
    gateway.process.kill("SIGKILL");
    await gateway.ended;
    await gateway.write(manifest(answers(3)), gateway.host);
    await gateway.start();
    await rejoined(channel);
    assert.deepEqual(await get(), { v: 3 });
  }, own],
];

// offers gives a case about the extension that is agreed on.
const agrees = (name, path, offer, ok) => [name, async (t) => {
  const w = await open(t, t.unique("room"), { path, perMessageDeflate: offer });
  assert.equal(w.socket.extensions.includes("permessage-deflate"), ok);
  await w.join();
  const payload = JSON.stringify({ text: "é".repeat(1000) });
  await w.play(`> ["1","2","T","echo",${payload}]`, `< ["1","2","T","phx_reply",{"status":"ok","response":${payload}}]`);
  await w.play(`>x 00 01 01 #topic 04 31 35 [topic] 6563686f ${"00".repeat(500)}`, `<x 01 01 01 #topic 02 31 35 [topic] 6f6b ${"00".repeat(500)}`);
}];

// bare is over neither transport of the client.
export const bare = [
  agrees("permessage-deflate is off by default", "/socket", true, false),
  agrees("permessage-deflate may be turned on", "/deflate", true, true),
  agrees("permessage-deflate is not used with who does not offer it", "/deflate", false, false),
  ["disconnect by id closes with 1001 and nothing before it", async (t) => {
    const w = await open(t, t.unique("room"));
    await w.join();
    await ask("POST", "/disconnect", {}, { id: "user:" + t.user });
    assert.equal(await within("the close", w.closed), 1001);
    assert.deepEqual(w.frames, []);
  }],
  ["over the limit of messages it is closed with 1008", async (t) => {
    const w = await open(t, "x", { path: "/paced" });
    for (let n = 0; n < 11; n++) await w.send(`[null,"${n}","phoenix","heartbeat",{}]`);
    assert.equal(await within("the close", w.closed), 1008);
    assert.equal(w.frames.length, 10);
  }],
  ["a drain closes with 1012 and sends neither phx_close nor phx_error", async (t) => {
    const gateway = await serve(t, manifest("join: []"));
    const w = await open(t, "room:1", { host: gateway.host });
    await w.join();
    gateway.stop();
    assert.equal(await within("the close", w.closed), 1012);
    assert.deepEqual(w.frames, []);
  }, own],
  ["a drain answers polls that wait, and their sessions end", async (t) => {
    const gateway = await serve(t, manifest("join: []"));
    const w = await begin(t, "room:1", { host: gateway.host });
    const poll = w.get();
    poll.catch(() => {});
    await until("it is known", async () => (await w.post('[null,"1","x","y",{}]')).body.status === 200);
    assert.equal((await poll).body.status, 200);
    const last = w.get();
    await until("it waits", async () => (await ask("GET", "/", {}, undefined, "http://" + gateway.host)).text === "up");
    const begun = Date.now();
    gateway.stop();
    const { body } = await last;
    assert.notEqual(body.status, 200);
    assert.ok(Date.now() - begun < 8000);
    assert.equal(await within("the end of the process", gateway.ended, 60_000), 0);
  }, own],
  ["a drain takes no new connections", async (t) => {
    const gateway = await serve(t, manifest("join: []"));
    const w = await open(t, "room:1", { host: gateway.host });
    gateway.stop();
    await within("the close", w.closed);
    await assert.rejects(open(t, "room:1", { host: gateway.host }));
    await assert.rejects(async () => {
      const { body } = await ask("GET", "/socket/longpoll?vsn=2.0.0", {}, undefined, "http://" + gateway.host);
      if (body.status !== 410) throw new Error("it answered " + body.status);
    });
  }, own],
];
