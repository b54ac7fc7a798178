// The client and its channels: sections 4, 5 and 6 of the protocol.
import assert from "node:assert/strict";
import { connect, enter, heard, left, listen, next, outcome, rejoined, settled } from "../kit/client.mjs";
import { broadcast } from "../kit/http.mjs";
import { until } from "../kit/run.mjs";

const unmatched = ["error", { reason: "unmatched event" }];

// refused asserts how a join is refused.
async function refused(t, topic, params, response) {
  const channel = listen(connect(t), topic, params);
  assert.deepEqual(await outcome(channel.join()), ["error", response]);
  channel.leave();
}

// pair gives two members of a topic, of two users unless they are told to be one.
async function pair(t, kind = "room", user = t.unique()) {
  const topic = t.unique(kind);
  return Promise.all([enter(connect(t), topic), enter(connect(t, { user }), topic)]);
}

const echoes = async (t, payload, back = payload) => {
  const channel = await enter(connect(t), t.unique("room"));
  assert.deepEqual(await outcome(channel.push("echo", payload)), ["ok", back]);
};

export const client_channel = [
  ["a join is ok with {} by default", async (t) => {
    const channel = await enter(connect(t), t.unique("room"));
    assert.deepEqual([channel.welcome, channel.state], [{}, "joined"]);
  }],
  ["a join is ok with its reply, which sees the params", async (t) => {
    const params = { list: [1, null, "é😀"], deep: { a: {} } };
    const channel = await enter(connect(t), t.unique("hello"), params);
    assert.deepEqual(channel.welcome, { said: params });
  }],
  ["join params given as a function are evaluated at each join", async (t) => {
    let n = 0;
    const channel = await enter(connect(t), t.unique("room"), () => ({ n: ++n }));
    channel.push("crash", {});
    await rejoined(channel);
    assert.equal(n, 2);
  }],
  ["a guard refuses a join with its reason", (t) => refused(t, t.unique("guarded"), { secret: "y" }, { reason: "unauthorized" })],
  ["a guard lets in who passes it", (t) => enter(connect(t), t.unique("guarded"), { secret: "x" })],
  ["a join is refused with an error reply of choice", (t) => refused(t, t.unique("full"), {}, { reason: "full" })],
  ["a join to a topic of no channel is `unmatched topic`", (t) => refused(t, t.unique("nowhere"), {}, { reason: "unmatched topic" })],
  ["a join that fails unexpectedly is `join crashed`", (t) => refused(t, t.unique("broken"), {}, { reason: "join crashed" })],
  ["who was refused gets no broadcasts", async (t) => {
    const topic = t.unique("guarded");
    const channel = listen(connect(t), topic, {});
    await outcome(channel.join());
    const other = await enter(connect(t, { user: t.unique() }), topic, { secret: "x" });
    await broadcast(topic, "say", { n: 1 });
    await until("a member has it", () => heard(other, "say").length === 1);
    assert.deepEqual(heard(channel, "say"), []);
    channel.leave();
  }],
  ["a refused join that is allowed later is let in when the client tries again", async (t) => {
    let secret = "y";
    const channel = listen(connect(t), t.unique("guarded"), () => ({ secret }));
    assert.equal((await outcome(channel.join()))[0], "error");
    secret = "x";
    await rejoined(channel, 1);
  }],
  ["payloads come back as they were sent", (t) => echoes(t, { n: 1.5, big: 9007199254740991, deep: { list: [null, true, "é😀\u0000\"\\"] }, "": {} })],
  ["a payload of 60 KB comes back", (t) => echoes(t, { text: "é".repeat(30_000) })],
  ["a payload may be a list", (t) => echoes(t, [1, [2], {}])],
  ["a payload may be a text", (t) => echoes(t, "text")],
  ["a payload may be a number", (t) => echoes(t, 42)],
  ["an empty payload is {}", (t) => echoes(t, {})],
  ["binary payloads come back byte for byte", async (t) => {
    const channel = await enter(connect(t), t.unique("room"));
    const sent = Uint8Array.from({ length: 256 }, (_, i) => i);
    const [status, back] = await outcome(channel.push("echo", sent.buffer));
    assert.equal(status, "ok");
    assert.deepEqual(new Uint8Array(back), sent);
  }, { notOverPolls: "no release carries bytes to the client" }],
  ["binary broadcasts arrive byte for byte", async (t) => {
    const [a, b] = await pair(t);
    a.push("say", new Uint8Array([0, 255, 1]).buffer);
    const got = await Promise.all([next(a, "say"), next(b, "say")]);
    assert.deepEqual(got.map((bytes) => [...new Uint8Array(bytes)]), [[0, 255, 1], [0, 255, 1]]);
  }, { notOverPolls: "no release carries bytes to the client" }],
  ["binary pushes of the server arrive byte for byte", async (t) => {
    const channel = await enter(connect(t), t.unique("room"));
    channel.push("note", new Uint8Array([9]).buffer);
    assert.deepEqual([...new Uint8Array(await next(channel, "noted"))], [9]);
  }, { notOverPolls: "no release carries bytes to the client" }],
  ["binary payloads reach the server over it, and the session lives on", async (t) => {
    const channel = await enter(connect(t), t.unique("room"));
    assert.deepEqual(await outcome(channel.push("empty", new Uint8Array([1, 2, 3]).buffer)), ["ok", {}]);
    assert.equal((await outcome(channel.push("echo", new Uint8Array([1]).buffer)))[0], t.polls ? "error" : "ok");
    await settled(channel);
  }],
  ["a reply without a response is {}", async (t) => {
    const channel = await enter(connect(t), t.unique("room"));
    assert.deepEqual(await outcome(channel.push("empty", { a: 1 })), ["ok", {}]);
  }],
  ["an error reply has its response", async (t) => {
    const channel = await enter(connect(t), t.unique("room"));
    assert.deepEqual(await outcome(channel.push("no", { why: "reason" })), ["error", { reason: "no reason" }]);
  }],
  ["no reply is a timeout of the client", async (t) => {
    const channel = await enter(connect(t), t.unique("room"));
    assert.deepEqual(await outcome(channel.push("silent", {}, 100)), ["timeout"]);
  }],
  ["an event that is not declared is `unmatched event`, and the channel stays", async (t) => {
    const channel = await enter(connect(t), t.unique("room"));
    assert.deepEqual(await outcome(channel.push("nope", {})), unmatched);
    await settled(channel);
    assert.deepEqual([channel.joins, heard(channel, "phx_error")], [1, []]);
  }],
  ["any other event may be declared", async (t) => {
    const channel = await enter(connect(t), t.unique("other"));
    assert.deepEqual(await outcome(channel.push("known", {})), ["ok", { known: true }]);
    assert.deepEqual(await outcome(channel.push("unknown", {})), ["ok", { other: "unknown" }]);
  }],
  ...["phx_reply", "phx_close", "phx_error"].map((event) => [`${event} of a client is answered like an event that is not declared`, async (t) => {
    for (const kind of ["room", "other"]) {
      const channel = await enter(connect(t), t.unique(kind));
      assert.deepEqual(await outcome(channel.push(event, { status: "ok", response: {} })), unmatched);
      assert.deepEqual([channel.joins, channel.state], [1, "joined"]);
    }
  }]),
  ["a client cannot make the server send phx_ events to it", async (t) => {
    const channel = await enter(connect(t), t.unique("room"));
    for (const event of ["phx_reply", "phx_close", "phx_error", "phx_x"]) assert.equal((await outcome(channel.push("forbidden", { event })))[0], "error");
    await settled(channel);
    assert.deepEqual(channel.heard, []);
  }],
  ["what fails validation is answered with the errors", async (t) => {
    const channel = await enter(connect(t), t.unique("room"));
    const [status, response] = await outcome(channel.push("checked", { body: "too long" }));
    assert.deepEqual([status, response.reason, Object.keys(response.errors)], ["error", "invalid", ["body"]]);
    assert.deepEqual(await outcome(channel.push("checked", { body: "short" })), ["ok", { body: "short" }]);
  }],
  ["a guard of an event refuses it, and the channel stays", async (t) => {
    const channel = await enter(connect(t), t.unique("room"));
    assert.deepEqual(await outcome(channel.push("guarded", {})), ["error", { reason: "unauthorized" }]);
    assert.deepEqual(await outcome(channel.push("guarded", { key: "x" })), ["ok", {}]);
  }],
  ["replies to 250 pushes of one moment keep their order", async (t) => {
    const channel = await enter(connect(t), t.unique("room"));
    const seen = [];
    const sent = Array.from({ length: 250 }, (_, n) => n);
    await Promise.all(sent.map((n) => outcome(channel.push("echo", { n }).receive("ok", (back) => seen.push(back.n)))));
    assert.deepEqual(seen, sent);
  }],
  ["broadcasts of one sender arrive in order at all members", async (t) => {
    const [a, b] = await pair(t);
    const sent = Array.from({ length: 100 }, (_, n) => n);
    for (const n of sent) a.push("say", { n });
    await until("all have come", () => heard(a, "say").length === 100 && heard(b, "say").length === 100);
    for (const member of [a, b]) assert.deepEqual(heard(member, "say").map(({ n }) => n), sent);
  }],
  ["pushes before a reply arrive before it", async (t) => {
    const channel = await enter(connect(t), t.unique("room"));
    assert.deepEqual(await outcome(channel.push("twice", {})), ["ok", { n: 3 }]);
    assert.deepEqual(channel.heard, [["one", { n: 1 }], ["two", { n: 2 }]]);
  }],
  ["a push of the server goes to this member only", async (t) => {
    const [a, b] = await pair(t);
    a.push("note", { n: 1 });
    assert.deepEqual(await next(a, "noted"), { n: 1 });
    a.push("say", {});
    await next(b, "say");
    assert.deepEqual(b.heard, [["say", {}]]);
  }],
  ["a broadcast goes to every member of the topic, the sender included", async (t) => {
    const [a, b] = await pair(t);
    a.push("say", { n: 1 });
    assert.deepEqual(await Promise.all([next(a, "say"), next(b, "say")]), [{ n: 1 }, { n: 1 }]);
  }],
  ["a broadcast goes to no other topic", async (t) => {
    const [a] = await pair(t);
    const other = await enter(a.socket, t.unique("room"));
    a.push("say", {});
    await next(a, "say");
    await settled(other);
    assert.deepEqual(other.heard, []);
  }],
  ["a channel may broadcast to another topic", async (t) => {
    const [a, b] = [await enter(connect(t), t.unique("room")), await enter(connect(t), t.unique("room"))];
    a.push("far", { topic: b.topic, event: "came", payload: { from: "afar" } });
    assert.deepEqual(await next(b, "came"), { from: "afar" });
    assert.deepEqual(a.heard, []);
  }],
  ["broadcast from leaves out the sending membership, the same user's other connection gets it", async (t) => {
    const [a, b] = await pair(t, "room", t.user);
    a.push("others", { n: 1 });
    assert.deepEqual(await next(b, "said"), { n: 1 });
    a.push("say", {});
    await next(a, "say");
    assert.deepEqual(heard(a, "said"), []);
  }],
  ["a broadcast from HTTP looks the same as one of a member", async (t) => {
    const [a, b] = await pair(t);
    assert.equal((await broadcast(a.topic, "announced", { text: "é" })).status, 204);
    await until("both have it", () => heard(a, "announced").length === 1 && heard(b, "announced").length === 1);
    assert.deepEqual(heard(b, "announced"), [{ text: "é" }]);
  }],
  ["a filter drops a broadcast for one member", async (t) => {
    const topic = t.unique("filter");
    const a = await enter(connect(t), topic);
    const b = await enter(connect(t, { user: t.unique() }), topic, { blocked: ["ann"] });
    a.push("msg", { by: "ann" });
    a.push("msg", { by: "bob" });
    await until("both have the last", () => heard(a, "msg").length === 2 && heard(b, "msg").length === 1);
    assert.deepEqual(heard(b, "msg"), [{ by: "bob" }]);
  }],
  ["a filter changes a broadcast for one member", async (t) => {
    const topic = t.unique("filter");
    const a = await enter(connect(t), topic);
    const b = await enter(connect(t, { user: t.unique() }), topic, { edits: true });
    a.push("msg", { by: "ann", secret: 1 });
    assert.deepEqual(await Promise.all([next(a, "msg"), next(b, "msg")]), [{ by: "ann", secret: 1 }, { by: "ann", changed: true }]);
  }],
  ["what a filter reads from join, it reads again after joining again", async (t) => {
    let blocked = [];
    const channel = await enter(connect(t), t.unique("filter"), () => ({ blocked }));
    blocked = ["ann"];
    channel.socket.conn.close();
    await rejoined(channel);
    await outcome(channel.push("msg", { by: "ann" }));
    await outcome(channel.push("msg", { by: "bob" }));
    await until("the last has come", () => heard(channel, "msg").length > 0);
    assert.deepEqual(heard(channel, "msg"), [{ by: "bob" }]);
  }],
  ["names of a join live as long as the membership", async (t) => {
    const channel = await enter(connect(t), t.unique("names"), { n: 5 });
    assert.deepEqual(await outcome(channel.push("add", {})), ["ok", { n: 6 }]);
    assert.deepEqual(await outcome(channel.push("add", {})), ["ok", { n: 7 }]);
    const other = await enter(connect(t), channel.topic, { n: 1 });
    assert.deepEqual(await outcome(other.push("add", {})), ["ok", { n: 2 }]);
  }],
  ["what runs after the join is sent after the reply", async (t) => {
    const socket = connect(t);
    const frames = [];
    socket.onMessage(({ event, topic }) => topic.startsWith("hello") && frames.push(event));
    const channel = await enter(socket, t.unique("hello"));
    await until("all has come", () => heard(channel, "welcome").length === 1 && heard(channel, "arrived").length === 1);
    assert.equal(frames[0], "phx_reply");
    assert.deepEqual(channel.heard, [["welcome", { user: t.user }], ["arrived", { user: t.user }]]);
  }],
  ["a client that leaves is told ok and its channel is closed", async (t) => {
    const channel = await enter(connect(t), t.unique("room"));
    let closed = 0;
    channel.onClose(() => closed++);
    assert.deepEqual(await outcome(channel.leave()), ["ok", {}]);
    await until("it is closed", () => closed >= 1 && channel.state === "closed");
  }],
  ["who left gets nothing of the topic any more", async (t) => {
    const [a, b] = await pair(t);
    await left(b);
    const events = [];
    b.socket.onMessage(({ event }) => events.push(event));
    for (const n of [1, 2, 3]) a.push("say", { n });
    await until("they were sent", () => heard(a, "say").length === 3);
    const again = await enter(b.socket, a.topic); // from here on there may be some of another node
    a.push("say", { n: 4 });
    await until("the last has come", () => heard(again, "say").at(-1)?.n === 4);
    assert.equal(events[0], "phx_reply");
    assert.deepEqual(heard(b, "say"), []);
  }],
  ["the rules for leaving run when a member leaves", async (t) => {
    const [a, b] = await pair(t, "hello");
    b.leave();
    await until("it is told", () => heard(a, "left").length === 1);
    assert.deepEqual(heard(a, "left")[0], { user: b.socket.params().user });
  }],
  ["the rules for leaving run when the connection ends", async (t) => {
    const [a, b] = await pair(t, "hello");
    b.socket.disconnect();
    await until("it is told", () => heard(a, "left").length === 1, 15_000);
  }],
  ["stop with a reply: the reply, then the close, and the client does not come back", async (t) => {
    const channel = await enter(connect(t), t.unique("room"));
    assert.deepEqual(await outcome(channel.push("bye", {})), ["ok", { bye: true }]);
    await until("it is closed", () => channel.state === "closed");
    assert.equal(channel.joins, 1);
  }],
  ["stop without a reply closes the channel", async (t) => {
    const channel = await enter(connect(t), t.unique("room"));
    channel.push("quit", {});
    await until("it is closed", () => channel.state === "closed");
    assert.deepEqual(heard(channel, "phx_error"), []);
  }],
  ["a crash is phx_error, and the client joins again", async (t) => {
    const channel = await enter(connect(t), t.unique("room"));
    let errors = 0;
    channel.onError(() => errors++);
    channel.push("crash", {});
    await rejoined(channel);
    assert.equal(errors, 1);
    await settled(channel);
  }],
  ["a crash ends one membership alone", async (t) => {
    const [a, b] = await pair(t);
    const other = await enter(a.socket, t.unique("room"));
    a.push("crash", {});
    await rejoined(a);
    await Promise.all([settled(b), settled(other)]);
    assert.deepEqual([b.joins, other.joins, a.socket.opens], [1, 1, 1]);
  }],
  ["a second channel of the same topic takes the place of the first", async (t) => {
    const socket = connect(t);
    const topic = t.unique("room");
    const first = await enter(socket, topic);
    const second = await enter(socket, topic);
    await until("the first is closed", () => first.state === "closed");
    assert.deepEqual(await outcome(second.push("echo", { n: 2 })), ["ok", { n: 2 }]);
    second.push("say", {});
    await next(second, "say");
    assert.deepEqual([heard(first, "say").length, heard(second, "say").length], [0, 1]);
  }],
  ["one connection may be in 100 topics", async (t) => {
    const socket = connect(t);
    const all = await Promise.all(Array.from({ length: 100 }, () => enter(socket, t.unique("room"))));
    const one = listen(socket, t.unique("room"));
    assert.deepEqual(await outcome(one.join()), ["error", { reason: "too many channels joined" }]);
    one.leave();
    await Promise.all(all.map(settled));
  }],
  ...[["an exact topic", "exact", "exact"], ["the first that matches", "pick:first", "first"], ["a capture", "pick:a", "one a"], ["two captures", "pick:a:b", "two a b"], ["any rest", "pick:a:b:c", "rest"], ["the empty rest", "pick:", "rest"]].map(
    ([name, topic, by]) => [`topics are matched: ${name}`, async (t) => assert.deepEqual((await enter(connect(t), topic)).welcome, { by })],
  ),
  ...["Exact", "exact:", "exac", "pick", "Pick:a", ""].map((topic) => [`the topic "${topic}" matches nothing`, (t) => refused(t, topic, {}, { reason: "unmatched topic" })]),
];
