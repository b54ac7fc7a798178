// Presence as it is on the wire: section 10. Over both transports.
import assert from "node:assert/strict";
import { talk } from "../kit/wire.mjs";

// come joins a lobby under a key and waits for its own state.
async function come(t, topic, key, ref = "1") {
  const w = await talk(t, topic);
  await w.send(w.put(`["${ref}","${ref}","T","phx_join",{"key":"${key}"}]`));
  w.state = await w.find("the state", ([, , , event]) => event === "presence_state");
  return w;
}

// diff waits for one that speaks of a key.
const diff = async (w, key, side) => (await w.find(`a diff with ${key}`, ([, , , event, payload]) => event === "presence_diff" && payload[side][key]))[4];

// pair is two members; the first has heard of the second.
async function pair(t) {
  const a = await come(t, t.unique("lobby"), "ann");
  const b = await come(t, a.topic, "bob");
  const { joins } = await diff(a, "bob", "joins");
  return { a, b, bob: joins.bob.metas[0] };
}

const leaves = (name, ...lines) => [name, async (t) => {
  const { a, b, bob } = await pair(t);
  await Promise.all(lines.map((line) => b.send(b.put(line))));
  const told = await diff(a, "bob", "leaves");
  assert.equal(told.leaves.bob.metas[0].phx_ref, bob.phx_ref);
  assert.equal(told.leaves.bob.metas.length, 1);
  assert.ok(told.joins);
  return told;
}];

export const presence_frames = [
  ["the state is pushed, with the member itself in it", async (t) => {
    const { state, topic } = await come(t, t.unique("lobby"), "ann", "7");
    const [joinRef, ref, on, event, payload] = state;
    assert.deepEqual([joinRef, ref, on, event, Object.keys(payload)], ["7", null, topic, "presence_state", ["ann"]]);
    assert.equal(payload.ann.metas.length, 1);
  }],
  ["the reply of the join comes before state and diff", async (t) => {
    const w = await talk(t, t.unique("lobby"));
    await w.play('> ["1","1","T","phx_join",{"key":"ann"}]', '< ["1","1","T","phx_reply",{"status":"ok","response":{}}]');
    const events = [JSON.parse(await w.receive())[3], JSON.parse(await w.receive())[3]];
    assert.deepEqual(events.sort(), ["presence_diff", "presence_state"]);
  }],
  ["a diff is broadcast: it has neither join_ref nor ref", async (t) => {
    const a = await come(t, t.unique("lobby"), "ann");
    await come(t, a.topic, "bob");
    const frame = await a.find("the diff", ([, , , event, payload]) => event === "presence_diff" && payload.joins.bob);
    assert.deepEqual(frame.slice(0, 4), [null, null, a.topic, "presence_diff"]);
  }],
  ["both keys of a diff are always present", async (t) => {
    const { a, b } = await pair(t);
    await b.send(b.put('["1","2","T","untrack",{}]'));
    assert.deepEqual((await diff(a, "bob", "leaves")).joins, {});
    await come(t, a.topic, "cat");
    assert.deepEqual((await diff(a, "cat", "joins")).leaves, {});
  }],
  ["refs are unique", async (t) => {
    const topic = t.unique("lobby");
    const all = await Promise.all(Array.from({ length: 12 }, (_, n) => come(t, topic, "u" + n)));
    const last = await come(t, topic, "last");
    const refs = Object.values(last.state[4]).flatMap(({ metas }) => metas.map((meta) => meta.phx_ref));
    assert.equal(new Set(refs).size, refs.length);
    assert.ok(all.length === 12 && refs.every((ref) => typeof ref === "string" && ref !== ""));
  }],
  ["one diff of an update has the new meta in joins and the old one in leaves", async (t) => {
    const { a, b, bob } = await pair(t);
    await b.send(b.put('["1","2","T","status",{"status":"away"}]'));
    const { joins, leaves: left } = await diff(a, "bob", "leaves");
    assert.deepEqual(left.bob.metas, [bob]);
    const [{ phx_ref, ...meta }] = joins.bob.metas;
    assert.deepEqual(meta, { phx_ref_prev: bob.phx_ref, status: "away" });
    assert.notEqual(phx_ref, bob.phx_ref);
  }],
  ["a member gets the diff of its own update", async (t) => {
    const { b } = await pair(t);
    await b.send(b.put('["1","2","T","status",{"status":"away"}]'));
    assert.equal((await b.find("the diff", ([, , , event, payload]) => event === "presence_diff" && payload.leaves.bob))[4].joins.bob.metas[0].status, "away");
  }],
  ["metas that were updated leave under their last ref", async (t) => {
    const { a, b } = await pair(t);
    await b.send(b.put('["1","2","T","status",{"status":"away"}]'));
    const updated = (await diff(a, "bob", "joins")).joins.bob.metas[0];
    await b.send(b.put('["1","3","T","phx_leave",{}]'));
    assert.deepEqual((await diff(a, "bob", "leaves")).leaves.bob.metas, [updated]);
  }],
  ["what a meta says of phx_ref does not count", async (t) => {
    const w = await talk(t, t.unique("room"));
    await w.join();
    await w.send(w.put('["1","2","T","track",{"key":"k","meta":{"phx_ref":"mine","a":1}}]'));
    const [, , , , state] = await w.find("the state", ([, , , event]) => event === "presence_state");
    assert.equal(state.k.metas[0].a, 1);
    assert.notEqual(state.k.metas[0].phx_ref, "mine");
  }],
  leaves("untrack: a diff with the ref", '["1","2","T","untrack",{}]'),
  leaves("a leave: a diff with the ref", '["1","2","T","phx_leave",{}]'),
  leaves("a stop: a diff with the ref", '["1","2","T","quit",{}]'),
  leaves("a crash: a diff with the ref", '["1","2","T","crash",{}]'),
  leaves("a duplicate join: a diff with the ref", '["5","5","T","phx_join",{"key":"new"}]'),
];
