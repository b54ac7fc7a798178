// Presence as the client's class sees it: section 10. Over both transports.
import assert from "node:assert/strict";
import { Presence, connect, enter, heard, left, listen, next, outcome, rejoined, settled } from "../kit/client.mjs";
import { ask } from "../kit/http.mjs";
import { until } from "../kit/run.mjs";

// come joins a lobby as a user of its own, and follows who is there.
async function come(t, topic, key, { device, socket = connect(t, { user: t.unique() }) } = {}) {
  const channel = listen(socket, topic, { key, device });
  const presence = new Presence(channel);
  const seen = { joins: [], leaves: [], syncs: 0 };
  presence.onJoin((who, current, joined) => seen.joins.push([who, current?.metas.length ?? 0, joined.metas.length]));
  presence.onLeave((who, current, left) => seen.leaves.push([who, current.metas.length, left.metas.length]));
  presence.onSync(() => seen.syncs++);
  assert.equal((await outcome(channel.join()))[0], "ok");
  return { channel, presence, seen, socket, here: () => who(presence) };
}

// who tells who is there, as "key:status+status", by key.
const who = (presence) => presence.list((key, { metas }) => `${key}:${metas.map(({ status }) => status).sort().join("+")}`).sort().join(" ");

const sees = (member, text) => until(`${text} is there, and not ${member.here()}`, () => member.here() === text);

async function two(t) {
  const topic = t.unique("lobby");
  const [a, b] = [await come(t, topic, "ann"), await come(t, topic, "bob")];
  await Promise.all([a, b].map((member) => sees(member, "ann:online bob:online")));
  return { topic, a, b };
}

const say = async (member, event, payload = {}) => assert.deepEqual(await outcome(member.channel.push(event, payload)), ["ok", {}]);

export const presence = [
  ["a member sees itself", async (t) => sees(await come(t, t.unique("lobby"), "ann"), "ann:online")],
  ["members see each other", (t) => two(t)],
  ["a state and diffs in any order give the same", async (t) => {
    const topic = t.unique("lobby");
    const all = await Promise.all(["a", "b", "c", "d", "e", "f"].map((key) => come(t, topic, key)));
    await Promise.all(all.map((member) => sees(member, "a:online b:online c:online d:online e:online f:online")));
  }],
  ["metas have what was tracked, and a phx_ref", async (t) => {
    const { presence } = await come(t, t.unique("lobby"), "ann", { device: "é😀" });
    await until("it is there", () => presence.state.ann);
    const [{ phx_ref, ...meta }] = presence.state.ann.metas;
    assert.deepEqual(meta, { status: "online", device: "é😀" });
    assert.ok(typeof phx_ref === "string" && phx_ref.length > 0);
  }],
  ["one key by several memberships has several metas", async (t) => {
    const topic = t.unique("lobby");
    const [a, b] = [await come(t, topic, "ann", { device: "one" }), await come(t, topic, "ann", { device: "two" })];
    await Promise.all([a, b].map((member) => sees(member, "ann:online+online")));
    assert.deepEqual(a.presence.state.ann.metas.map(({ device }) => device).sort(), ["one", "two"]);
    assert.equal(new Set(a.presence.state.ann.metas.map((meta) => meta.phx_ref)).size, 2);
  }],
  ["of several metas of a key one leaves", async (t) => {
    const topic = t.unique("lobby");
    const [a, b] = [await come(t, topic, "ann", { device: "one" }), await come(t, topic, "ann", { device: "two" })];
    await sees(a, "ann:online+online");
    b.channel.leave();
    await sees(a, "ann:online");
    assert.equal(a.presence.state.ann.metas[0].device, "one");
    assert.deepEqual(a.seen.leaves, [["ann", 1, 1]]);
  }],
  ["one membership may track several keys", async (t) => {
    const { a, b } = await two(t);
    await say(a, "track", { key: "cat" });
    await sees(b, "ann:online bob:online cat:more");
  }],
  ["one membership may not track one key twice", async (t) => {
    const { a } = await two(t);
    const [status, response] = await outcome(a.channel.push("track", { key: "ann" }));
    assert.deepEqual([status, response.reason], ["error", "conflict"]);
    assert.equal(a.here(), "ann:online bob:online");
  }],
  ["who leaves is gone", async (t) => {
    const { a, b } = await two(t);
    b.channel.leave();
    await sees(a, "ann:online");
    assert.deepEqual(a.seen.leaves, [["bob", 0, 1]]);
  }],
  ["who stops is gone", async (t) => {
    const { a, b } = await two(t);
    b.channel.push("quit", {});
    await sees(a, "ann:online");
  }],
  ["who crashes leaves, and is there again with another ref", async (t) => {
    const { a, b } = await two(t);
    const [{ phx_ref }] = a.presence.state.bob.metas;
    b.channel.push("crash", {});
    await rejoined(b.channel);
    await until("bob is there anew", () => a.here() === "ann:online bob:online" && a.presence.state.bob.metas[0].phx_ref !== phx_ref);
    await sees(b, "ann:online bob:online");
  }],
  ["whose connection ends is gone", async (t) => {
    const { a, b } = await two(t);
    b.socket.disconnect();
    await sees(a, "ann:online");
  }],
  ["who is disconnected leaves and comes back", async (t) => {
    const { a, b } = await two(t);
    await ask("POST", "/disconnect", {}, { id: "user:" + b.socket.params().user });
    await rejoined(b.channel);
    await Promise.all([sees(a, "ann:online bob:online"), sees(b, "ann:online bob:online")]);
  }],
  ["who joins again on the same connection is there once", async (t) => {
    const { topic, a, b } = await two(t);
    const again = await come(t, topic, "bob", { socket: b.socket, device: "again" });
    await until("the new meta is there alone", () => a.here() === "ann:online bob:online" && a.presence.state.bob.metas[0].device === "again");
    await sees(again, "ann:online bob:online");
  }],
  ["an update replaces the meta", async (t) => {
    const { a, b } = await two(t);
    await say(b, "status", { status: "away" });
    await Promise.all([a, b].map((member) => sees(member, "ann:online bob:away")));
    assert.equal(a.presence.state.bob.metas[0].device, undefined);
  }],
  ["an update may merge", async (t) => {
    const { a, b } = await two(t);
    await say(b, "merge", { status: "busy" });
    await sees(a, "ann:online bob:busy");
    assert.equal(a.presence.state.bob.metas[0].device, "none");
  }],
  ["an update has a new phx_ref, and the old one as phx_ref_prev", async (t) => {
    const { a, b } = await two(t);
    const [{ phx_ref }] = a.presence.state.bob.metas;
    await say(b, "status", { status: "away" });
    await sees(a, "ann:online bob:away");
    const [meta] = a.presence.state.bob.metas;
    assert.equal(meta.phx_ref_prev, phx_ref);
    assert.notEqual(meta.phx_ref, phx_ref);
  }],
  ["an update never looks like a leave of the last meta", async (t) => {
    const { a, b } = await two(t);
    for (let n = 0; n < 20; n++) b.channel.push("status", { status: "s" + n });
    await sees(a, "ann:online bob:s19");
    assert.deepEqual(a.seen.leaves.filter(([, left]) => left === 0), []);
  }],
  ["untrack ends the presence, not the membership", async (t) => {
    const { a, b } = await two(t);
    await say(b, "untrack");
    await Promise.all([a, b].map((member) => sees(member, "ann:online")));
    await settled(b.channel);
    assert.deepEqual(await outcome(b.channel.push("status", { status: "x" })), ["error", { reason: "not_found" }]);
  }],
  ["who was untracked can be tracked again", async (t) => {
    const { a, b } = await two(t);
    await say(b, "untrack");
    await sees(a, "ann:online");
    await say(b, "track", { key: "bob", status: "back" });
    await Promise.all([a, b].map((member) => sees(member, "ann:online bob:back")));
  }],
  ["a late member gets the whole state", async (t) => {
    const { topic, b } = await two(t);
    await say(b, "status", { status: "away" });
    const late = await come(t, topic, "cat");
    await sees(late, "ann:online bob:away cat:online");
  }],
  ["topics do not mix", async (t) => {
    const { a } = await two(t);
    const other = await come(t, t.unique("lobby"), "cat");
    await sees(other, "cat:online");
    assert.equal(a.here(), "ann:online bob:online");
  }],
  ["keys that are names of Object are keys", async (t) => {
    const topic = t.unique("lobby");
    const a = await come(t, topic, "__proto__");
    const b = await come(t, topic, "constructor");
    await Promise.all([a, b].map((member) => sees(member, "__proto__:online constructor:online")));
  }],
  ["a key may be any text", async (t) => sees(await come(t, t.unique("lobby"), 'é😀 "x" \\ &'), 'é😀 "x" \\ &:online')],
  ["rules read who is there", async (t) => {
    const { a } = await two(t);
    const [, { count, list }] = await outcome(a.channel.push("list", {}));
    assert.equal(count, 2);
    assert.deepEqual(Object.keys(list).sort(), ["ann", "bob"]);
    assert.equal(list.ann.metas[0].status, "online");
  }],
  ["HTTP reads who is there", async (t) => {
    const { topic, b } = await two(t);
    await until("it counts two", async () => (await ask("GET", "/present/" + topic)).body.count === 2);
    b.channel.leave();
    await until("it counts one", async () => (await ask("GET", "/present/" + topic)).body.count === 1);
  }],
  ["30 members that come and go leave nobody behind", async (t) => {
    const topic = t.unique("lobby");
    const a = await come(t, topic, "ann");
    const all = await Promise.all(Array.from({ length: 30 }, (_, n) => come(t, topic, "u" + n)));
    await until("all are there", () => a.presence.list().length === 31);
    all.forEach(({ socket, channel }, n) => (n % 2 ? socket.disconnect() : channel.leave()));
    await sees(a, "ann:online");
    assert.equal(heard(a.channel, "presence_state").length, 1);
  }],
];

export const times = [
  ["an interval runs for a member again and again", async (t) => {
    const channel = await enter(connect(t), t.unique("clock"));
    await until("three have come", () => heard(channel, "tick").length >= 3);
    assert.deepEqual(heard(channel, "tick").slice(0, 3), [{ n: 1 }, { n: 2 }, { n: 3 }]);
  }],
  ["an interval keeps its time, give or take", async (t) => {
    const channel = await enter(connect(t), t.unique("clock"));
    await next(channel, "tick");
    const begun = Date.now();
    const from = heard(channel, "tick").length;
    await until("five more have come", () => heard(channel, "tick").length >= from + 5);
    const took = Date.now() - begun;
    assert.ok(took > 400 && took < 5000, `five took ${took} ms`);
  }],
  ["an interval ends with the membership", async (t) => {
    const channel = await enter(connect(t), t.unique("clock"));
    await next(channel, "tick");
    await left(channel);
    const other = await enter(connect(t), t.unique("clock"));
    const seen = heard(channel, "tick").length;
    await until("others go on", () => heard(other, "tick").length >= 3);
    assert.equal(heard(channel, "tick").length, seen);
  }],
  ["each member has an interval of its own", async (t) => {
    const a = await enter(connect(t), t.unique("clock"));
    await until("it has gone on", () => heard(a, "tick").length >= 3);
    const b = await enter(connect(t), a.topic);
    assert.deepEqual(await next(b, "tick"), { n: 1 });
  }],
];

// kept joins a topic with a history, and notes how far it has come.
async function kept(t, topic, point = {}) {
  const channel = listen(connect(t), topic, () => point);
  channel.onMessage = (event, payload, ref) => {
    if (event === "say") {
      channel.heard.push([event, payload]);
      point.offset = ref;
    }
    return payload;
  };
  channel.joinPush.receive("ok", (response) => {
    channel.welcome = response;
    channel.welcomes = (channel.welcomes ?? 0) + 1;
    point.epoch = response.epoch;
    point.offset ??= response.offset;
  });
  assert.equal((await outcome(channel.join()))[0], "ok");
  return channel;
}

const apart = { oneNode: "each node keeps a history of its own" };

export const history = [
  ["a join says the epoch and the offset", async (t) => {
    const { welcome } = await kept(t, t.unique("kept"));
    assert.ok(typeof welcome.epoch === "string" && welcome.epoch.length > 0);
    assert.deepEqual([welcome.offset, welcome.recovered], [0, undefined]);
  }],
  ["broadcasts are numbered from one, and their ref says so", async (t) => {
    const channel = await kept(t, t.unique("kept"));
    const refs = [];
    channel.on("say", (_, ref) => refs.push(ref));
    for (const n of [1, 2]) await outcome(channel.push("say", { n }));
    await until("both have come", () => refs.length === 2);
    assert.deepEqual(refs, ["h1", "h2"]);
  }],
  ["what was missed while it was away reaches the client that comes back, once and in order", async (t) => {
    const channel = await kept(t, t.unique("kept"));
    const other = await kept(t, channel.topic);
    await outcome(other.push("say", { n: 1 }));
    await until("the first has come", () => heard(channel, "say").length === 1);
    await new Promise((yes) => channel.socket.disconnect(yes));
    for (const n of [2, 3, 4]) await outcome(other.push("say", { n }));
    channel.socket.connect();
    await until("all have come", () => heard(channel, "say").length >= 4);
    await outcome(other.push("say", { n: 5 }));
    await until("the next has come", () => heard(channel, "say").length >= 5);
    assert.deepEqual(heard(channel, "say").map(({ n }) => n), [1, 2, 3, 4, 5]);
    assert.equal(channel.welcome.recovered, true);
  }, apart],
  ["after a disconnect by id nothing is missed either", async (t) => {
    const channel = await kept(t, t.unique("kept"));
    await outcome(channel.push("say", { n: 1 }));
    await ask("POST", "/disconnect", {}, { id: "user:" + t.user });
    await ask("POST", "/broadcast", {}, { topic: channel.topic, event: "say", payload: { n: 2 } });
    await until("it has come", () => heard(channel, "say").length >= 2 && channel.welcomes === 2);
    assert.deepEqual(heard(channel, "say"), [{ n: 1 }, { n: 2 }]);
  }, apart],
  ["where nothing was missed nothing is sent again", async (t) => {
    const channel = await kept(t, t.unique("kept"));
    await outcome(channel.push("say", { n: 1 }));
    await until("it has come", () => heard(channel, "say").length === 1);
    await new Promise((yes) => channel.socket.disconnect(yes));
    channel.socket.connect();
    await rejoined(channel);
    await settled(channel);
    assert.deepEqual([heard(channel, "say").length, channel.welcome.recovered, channel.welcome.offset], [1, true, 1]);
  }, apart],
  ["what is not kept any more is not recovered, and the join says so", async (t) => {
    const channel = await kept(t, t.unique("kept"));
    const other = await kept(t, channel.topic);
    await new Promise((yes) => channel.socket.disconnect(yes));
    for (let n = 0; n < 7; n++) await outcome(other.push("say", { n }));
    channel.socket.connect();
    await rejoined(channel);
    await settled(channel);
    assert.deepEqual([channel.welcome.recovered, heard(channel, "say")], [false, []]);
  }],
  ["the epoch of another topic is not recovered", async (t) => {
    const first = await kept(t, t.unique("kept"));
    await outcome(first.push("say", { n: 1 }));
    const { welcome } = await kept(t, t.unique("kept"), { epoch: first.welcome.epoch, offset: 0 });
    assert.equal(welcome.recovered, false);
  }],
  ["a point that is none is not recovered", async (t) => {
    const topic = t.unique("kept");
    const { welcome } = await kept(t, topic);
    for (const offset of [-1, 99, 1.5, "x", null]) assert.equal((await enter(connect(t), topic, { epoch: welcome.epoch, offset })).welcome.recovered, false);
  }],
  ["a client that says no point gets none", async (t) => {
    const topic = t.unique("kept");
    const first = await kept(t, topic);
    await outcome(first.push("say", { n: 1 }));
    const other = await kept(t, topic);
    await settled(other);
    assert.deepEqual([other.welcome.recovered, other.heard], [undefined, []]);
  }],
];
