// The client and its socket: sections 2, 3, 7 and 8 of the protocol.
import assert from "node:assert/strict";
import { LongPoll, connect, enter, Frames, heard, left, listen, next, outcome, rejoined, reopened, settled } from "../kit/client.mjs";
import { ask } from "../kit/http.mjs";
import { until } from "../kit/run.mjs";

const who = async (channel) => (await outcome(channel.push("who", {})))[1];
const nowhere = "the client sends no heartbeats over it";

export const client_socket = [
  ["params are the query string", async (t) => {
    const channel = await enter(connect(t), t.unique("room"));
    assert.equal((await who(channel)).user, t.user);
  }],
  ["params nest as a[b]=1", async (t) => {
    const channel = await enter(connect(t, { a: { b: "x&y=é" } }), t.unique("room"));
    assert.equal((await who(channel)).deep, "x&y=é");
  }],
  ["params given as a function are evaluated again when it reconnects", async (t) => {
    let turn = 0;
    const socket = connect(t, () => ({ user: t.user, a: { b: `turn ${++turn}` } }));
    const channel = await enter(socket, t.unique("room"));
    assert.equal((await who(channel)).deep, "turn 1");
    await ask("POST", "/disconnect", {}, { id: "user:" + t.user });
    await rejoined(channel);
    assert.match((await who(channel)).deep, /^turn [2-9]$/);
  }],
  ["path parameters of the mount are merged into the params", async (t) => {
    const channel = await enter(connect(t, {}, { path: "/tenants/acme/socket" }), t.unique("who"));
    assert.deepEqual(channel.welcome, { tenant: "acme" });
  }],
  ["a mount that does not exist does not open", async (t) => {
    const errors = [];
    const socket = connect(t, {}, { path: "/nowhere", reconnectAfterMs: () => 60_000 });
    socket.onError((error) => errors.push(error));
    await until("it has failed", () => socket.closes.length > 0);
    assert.equal(errors.length, 1);
    assert.equal(socket.opens, 0);
  }, { notOverPolls: "the client waits for ever on an answer in JSON that has no status" }],
  ["a refused connection is an error and a close", async (t) => {
    const errors = [];
    const socket = connect(t, { refuse: "yes" }, { reconnectAfterMs: () => 60_000 });
    socket.onError((error) => errors.push(error));
    await until("it is closed", () => socket.closes.length > 0);
    assert.equal(errors.length, 1);
    if (t.polls) assert.deepEqual([errors[0], socket.closes[0]], [403, 1008]);
    assert.equal(socket.opens, 0);
  }],
  ["a refusal with another status is an error and a close", async (t) => {
    const socket = connect(t, { full: "yes" }, { reconnectAfterMs: () => 60_000 });
    await until("it is closed", () => socket.closes.length > 0);
    assert.equal(socket.opens, 0);
  }],
  ["an authToken reaches the connect decision", async (t) => {
    const channel = await enter(connect(t, {}, { path: "/token", authToken: "eyJhbGciOi.x_y-z" }), t.unique("who"));
    assert.deepEqual(channel.welcome, { token: "eyJhbGciOi.x_y-z" });
  }],
  ["an authToken whose base64 has a + reaches it too", async (t) => {
    const channel = await enter(connect(t, {}, { path: "/token", authToken: "~~~" }), t.unique("who"));
    assert.deepEqual(channel.welcome, { token: "~~~" });
  }],
  ["an authToken that is not liked is refused", async (t) => {
    const socket = connect(t, {}, { path: "/token", authToken: "bad", reconnectAfterMs: () => 60_000 });
    await until("it is closed", () => socket.closes.length > 0);
    assert.equal(socket.opens, 0);
  }],
  ["without an authToken there is none", async (t) => {
    const channel = await enter(connect(t, {}, { path: "/token" }), t.unique("who"));
    assert.deepEqual(channel.welcome, { token: null });
  }],
  ["the transport is told", async (t) => {
    const channel = await enter(connect(t), t.unique("room"));
    const { socket, transport } = await who(channel);
    assert.deepEqual([socket, transport], ["user:" + t.user, t.polls ? "longpoll" : "websocket"]);
  }],
  ["a ping is a heartbeat and is answered", async (t) => {
    const socket = connect(t);
    await reopened(socket, 1);
    const took = await new Promise((yes) => socket.ping(yes));
    assert.ok(took >= 0 && took < 10_000);
  }],
  ["heartbeats keep a connection beyond the idle timeout", async (t) => {
    const socket = connect(t, {}, { path: "/idle", heartbeatIntervalMs: 1200 });
    const channel = await enter(socket, t.unique("room"));
    const begun = Date.now();
    await until("twice the timeout is over", () => Date.now() - begun > 10_000);
    await settled(channel);
    assert.deepEqual([socket.opens, socket.closes], [1, []]);
  }, { notOverPolls: nowhere }],
  ["a client that sends nothing is closed after the idle timeout and comes back", async (t) => {
    const socket = connect(t, {}, { path: "/idle", heartbeatIntervalMs: 60_000 });
    const channel = await enter(socket, t.unique("room"));
    await rejoined(channel);
    assert.equal(socket.closes[0], 1001);
  }, { notOverPolls: nowhere }],
  ["disconnect by id closes with 1001, and the client reconnects and joins again", async (t) => {
    const socket = connect(t);
    const channel = await enter(socket, t.unique("room"));
    assert.equal((await ask("POST", "/disconnect", {}, { id: "user:" + t.user })).status, 204);
    await rejoined(channel);
    assert.deepEqual(socket.closes, [t.polls ? 3410 : 1001]);
    assert.deepEqual(await outcome(channel.push("echo", { again: 1 })), ["ok", { again: 1 }]);
  }],
  ["disconnect by id sends no phx_close and no phx_error", async (t) => {
    const socket = connect(t);
    const events = [];
    socket.onMessage(({ event }) => events.push(event));
    const channel = await enter(socket, t.unique("room"));
    await ask("POST", "/disconnect", {}, { id: "user:" + t.user });
    await rejoined(channel);
    assert.deepEqual(events.filter((event) => event === "phx_close" || event === "phx_error"), []);
  }],
  ["disconnect by id closes every connection with that id, also those that joined nothing", async (t) => {
    const sockets = [connect(t), connect(t), connect(t)];
    await enter(sockets[0], t.unique("room"));
    await Promise.all(sockets.map((socket) => reopened(socket, 1)));
    await ask("POST", "/disconnect", {}, { id: "user:" + t.user });
    await Promise.all(sockets.map((socket) => reopened(socket)));
  }],
  ["disconnect by id leaves the connections of others", async (t) => {
    const [mine, other] = [connect(t), connect(t, { user: t.unique() })];
    const channel = await enter(other, t.unique("room"));
    await reopened(mine, 1);
    await ask("POST", "/disconnect", {}, { id: "user:" + t.user });
    await reopened(mine);
    await settled(channel);
    assert.deepEqual([other.opens, other.closes], [1, []]);
  }],
  ["a broadcast of `disconnect` to the id is the same", async (t) => {
    const socket = connect(t);
    const channel = await enter(socket, t.unique("room"));
    await ask("POST", "/broadcast", {}, { topic: "user:" + t.user, event: "disconnect", payload: {} });
    await rejoined(channel);
    assert.deepEqual(socket.closes, [t.polls ? 3410 : 1001]);
  }],
  ["a channel can disconnect an id", async (t) => {
    const other = { user: t.unique() };
    const victim = connect(t, other);
    await reopened(victim, 1);
    const channel = await enter(connect(t), t.unique("room"));
    assert.deepEqual(await outcome(channel.push("kick", { id: "user:" + other.user })), ["ok", {}]);
    await reopened(victim);
  }],
  ["pushes that were made while it was away are sent after it joined again", async (t) => {
    const socket = connect(t);
    const channel = await enter(socket, t.unique("room"));
    socket.onClose(() => (channel.late ??= channel.push("echo", { late: true })));
    await ask("POST", "/disconnect", {}, { id: "user:" + t.user });
    await until("it was closed", () => channel.late);
    assert.deepEqual(await outcome(channel.late), ["ok", { late: true }]);
  }],
  ["all channels of a connection join again after it reconnects", async (t) => {
    const socket = connect(t);
    const channels = await Promise.all([1, 2, 3].map(() => enter(socket, t.unique("room"))));
    await ask("POST", "/disconnect", {}, { id: "user:" + t.user });
    await Promise.all(channels.map((channel) => rejoined(channel)));
  }],
  ["what is sent while a client is away is lost", async (t) => {
    const socket = connect(t);
    const topic = t.unique("room");
    const channel = await enter(socket, topic);
    await new Promise((yes) => socket.disconnect(yes));
    const left = await enter(connect(t, { user: t.unique() }), topic);
    left.push("say", { n: 1 });
    await next(left, "say");
    socket.connect();
    await rejoined(channel);
    left.push("say", { n: 2 });
    await until("the second has come", () => heard(channel, "say").length > 0);
    assert.deepEqual(heard(channel, "say"), [{ n: 2 }]);
  }],
  ["a socket can disconnect and connect again", async (t) => {
    const socket = connect(t);
    const channel = await enter(socket, t.unique("room"));
    await new Promise((yes) => socket.disconnect(yes));
    assert.equal(socket.isConnected(), false);
    socket.connect();
    await rejoined(channel);
  }],
  ["a connection over the limit of messages is closed", async (t) => {
    const socket = connect(t, {}, { path: "/paced", reconnectAfterMs: () => 60_000 });
    await reopened(socket, 1);
    for (let i = 0; i < 15; i++) socket.push({ topic: "room:x", event: "echo", payload: {}, ref: String(i) });
    await until("it is closed", () => socket.closes.length > 0);
    assert.ok((t.polls ? [1011, 3410] : [1008]).includes(socket.closes[0]), `closed with ${socket.closes[0]}`); // by what is answered first: the POST or the poll
  }],
  ["where there is no websocket the client falls back to long poll and remembers it", async (t) => {
    const kept = new Map();
    const sessionStorage = { getItem: (name) => kept.get(name), setItem: (name, value) => kept.set(name, value) };
    for (const memory of [undefined, "true"]) {
      assert.equal(kept.get("phx:fallback:LongPoll"), memory);
      const socket = connect(t, {}, { path: "/polls", transport: Frames, longPollFallbackMs: 8000, sessionStorage });
      const channel = await enter(socket, t.unique("room"));
      assert.ok(socket.conn instanceof LongPoll);
      assert.deepEqual(await outcome(channel.push("echo", { x: 1 })), ["ok", { x: 1 }]);
    }
  }, { notOverPolls: "it begins with a websocket" }],
  ["where there is a websocket the client does not fall back", async (t) => {
    const kept = new Map();
    const sessionStorage = { getItem: (name) => kept.get(name), setItem: (name, value) => kept.set(name, value) };
    const socket = connect(t, {}, { longPollFallbackMs: 8000, sessionStorage });
    const channel = await enter(socket, t.unique("room"));
    await until("it is known to be healthy", () => socket.primaryPassedHealthCheck);
    await settled(channel);
    assert.ok(socket.conn instanceof Frames);
    assert.equal(kept.size, 0);
  }, { notOverPolls: "it begins with a websocket" }],
  ["a connection may join 3 channels where 3 are the limit", async (t) => {
    const socket = connect(t, {}, { path: "/small" });
    const channels = await Promise.all([1, 2, 3].map(() => enter(socket, t.unique("room"))));
    const fourth = listen(socket, t.unique("room"));
    assert.deepEqual(await outcome(fourth.join()), ["error", { reason: "too many channels joined" }]);
    fourth.leave();
    await left(channels[0]);
    await enter(socket, t.unique("room"));
  }],
];
