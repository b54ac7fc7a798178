// Drives the server at argv[2] with the unmodified Phoenix client, over the transport in argv[3].
// Prints "ok NAME" for each step that held; exits 1 with what did not.
"use strict"
const assert = require("node:assert/strict")
const {Socket, Presence, LongPoll} = require("phoenix")
const WebSocket = require("ws")

const [url, over] = process.argv.slice(2)
const polls = over === "longpoll"
const transport = polls ? LongPoll : WebSocket
const patience = 30000

// within settles with p, or fails with what was awaited.
function within(what, p) {
  let timer
  const late = new Promise((_, no) => { timer = setTimeout(() => no(new Error("waited in vain for " + what)), patience) })
  return Promise.race([p, late]).finally(() => clearTimeout(timer))
}

const open = []
function connect(user) {
  const socket = new Socket(url, {transport, timeout: patience, params: {user}, reconnectAfterMs: () => 20, rejoinAfterMs: () => 20})
  open.push(socket)
  socket.connect()
  return socket
}

// outcome of a push: [status, response]; "timeout" has no response.
function outcome(push) {
  return within("the outcome of " + push.event, new Promise((yes) => {
    for (const status of ["ok", "error", "timeout"]) push.receive(status, (response) => yes([status, response]))
  }))
}

const next = (channel, event) => within(event, new Promise((yes) => {
  const ref = channel.on(event, (payload) => { channel.off(event, ref); yes(payload) })
}))

async function until(what, ok) {
  const end = Date.now() + patience
  while (!ok()) {
    if (Date.now() > end) throw new Error("waited in vain until " + what)
    await new Promise((yes) => setTimeout(yes, 5))
  }
}

const ann = connect("ann"), bob = connect("bob")
const steps = {
  async join() {
    steps.annRoom = ann.channel("room:1", {hello: [1]})
    steps.bobRoom = bob.channel("room:1")
    assert.deepEqual(await outcome(steps.annRoom.join()), ["ok", {hello: [1]}])
    assert.equal((await outcome(steps.bobRoom.join()))[0], "ok")
  },
  async "join refused"() {
    const channel = ann.channel("guarded")
    assert.deepEqual(await outcome(channel.join()), ["error", {reason: "unauthorized"}])
    channel.leave()
  },
  async "unmatched topic"() {
    const channel = ann.channel("nowhere")
    assert.deepEqual(await outcome(channel.join()), ["error", {reason: "unmatched topic"}])
    channel.leave()
  },
  async "push and reply"() {
    const payload = {x: 1.5, deep: {list: [null, true, "é😀"]}}
    assert.deepEqual(await outcome(steps.annRoom.push("echo", payload)), ["ok", payload])
    assert.deepEqual(await outcome(steps.annRoom.push("nope", {})), ["error", {reason: "unmatched event"}])
  },
  async "binary payloads"() {
    const payload = new Uint8Array([0, 1, 2, 255]).buffer
    const [status, response] = await outcome(steps.annRoom.push("echo", payload))
    if (polls) { // no release of Phoenix brings bytes back over long polling
      assert.deepEqual([status, response], ["error", {reason: "binary payload"}])
    } else {
      assert.deepEqual([status, new Uint8Array(response)], ["ok", new Uint8Array(payload)])
    }
  },
  async "many pushes keep their order"() {
    const seen = []
    const all = Array.from({length: 200}, (_, n) => outcome(steps.annRoom.push("echo", {n}).receive("ok", () => seen.push(n))))
    await Promise.all(all)
    assert.deepEqual(seen, Array.from({length: 200}, (_, n) => n))
  },
  async broadcast() {
    const both = [next(steps.annRoom, "new_msg"), next(steps.bobRoom, "new_msg")]
    steps.annRoom.push("new_msg", {body: "hi"})
    assert.deepEqual(await Promise.all(both), [{body: "hi"}, {body: "hi"}])
  },
  async "broadcast from"() {
    let own = 0
    const ref = steps.annRoom.on("from", () => own++)
    const other = next(steps.bobRoom, "from")
    steps.annRoom.push("others", {n: 1})
    assert.deepEqual(await other, {n: 1})
    await outcome(steps.annRoom.push("echo", {}))
    assert.equal(own, 0)
    steps.annRoom.off("from", ref)
  },
  async "server push"() {
    const pushed = next(steps.annRoom, "note")
    steps.annRoom.push("pushed", {})
    assert.deepEqual(await pushed, {})
  },
  async timeout() {
    assert.equal((await outcome(steps.annRoom.push("silent", {}, 50)))[0], "timeout")
  },
  async "a crash rejoins"() {
    let joins = 0
    steps.annRoom.joinPush.receive("ok", () => joins++)
    const before = joins
    steps.annRoom.push("panic", {})
    await until("the channel has joined again", () => joins > before && steps.annRoom.isJoined())
    assert.equal((await outcome(steps.annRoom.push("echo", {})))[0], "ok")
  },
  async presence() {
    const [a, b] = [ann.channel("lobby:1"), bob.channel("lobby:1")]
    const [seenByAnn, seenByBob] = [new Presence(a), new Presence(b)]
    const users = (p) => p.list((key, {metas}) => key + ":" + metas.map((m) => m.status).join("+")).sort().join(" ")
    const left = []
    seenByAnn.onLeave((key, current, leaving) => { if (current.metas.length === 0) left.push(key + leaving.metas.length) })
    await outcome(a.join())
    await until("ann sees herself", () => users(seenByAnn) === "ann:online")
    await outcome(b.join())
    await until("both see both", () => users(seenByAnn) === "ann:online bob:online" && users(seenByBob) === users(seenByAnn))
    b.push("status", {status: "away"})
    await until("both see the update", () => users(seenByAnn) === "ann:online bob:away" && users(seenByBob) === users(seenByAnn))
    assert.deepEqual(left, [], "an update must not look like a leave")
    const second = connect("bob")
    const b2 = second.channel("lobby:1")
    await outcome(b2.join())
    await until("bob is there twice", () => users(seenByAnn) === "ann:online bob:away+online")
    second.disconnect()
    await until("one of bob's has left", () => users(seenByAnn) === "ann:online bob:away")
    await outcome(b.leave())
    await until("bob has left", () => users(seenByAnn) === "ann:online" && left.join() === "bob1")
  },
  async leave() {
    let closed = 0
    steps.bobRoom.onClose(() => closed++)
    assert.equal((await outcome(steps.bobRoom.leave()))[0], "ok")
    await until("the channel is closed", () => closed === 1)
    let heard = 0
    steps.bobRoom.on("new_msg", () => heard++)
    const own = next(steps.annRoom, "new_msg")
    steps.annRoom.push("new_msg", {})
    await own
    assert.equal(heard, 0)
  },
  async "stop does not come back"() {
    const channel = bob.channel("room:2")
    await outcome(channel.join())
    let closed = 0
    channel.onClose(() => closed++)
    assert.equal((await outcome(channel.push("stop", {})))[0], "ok")
    await until("the channel is closed", () => closed === 1 && channel.state === "closed")
  },
  async heartbeat() {
    assert.ok(await within("a pong", new Promise((yes) => ann.ping(yes))) >= 0)
  },
  async "reconnect after a disconnect by id"() {
    const codes = []
    ann.onClose((event) => codes.push(event.code))
    let opened = 0
    ann.onOpen(() => opened++)
    steps.annRoom.push("kick", {id: "user:ann"})
    await until("ann was closed and is back", () => codes.length === 1 && opened === 1)
    assert.deepEqual(codes, [polls ? 3410 : 1001])
    await until("the room is joined again", () => steps.annRoom.isJoined())
    assert.deepEqual(await outcome(steps.annRoom.push("echo", {again: true})), ["ok", {again: true}])
  },
  async "auth token"() {
    const socket = new Socket(url + "-token", {transport, timeout: patience, authToken: "secret-1234"})
    open.push(socket)
    socket.connect()
    const channel = socket.channel("room:1")
    assert.equal((await outcome(channel.join()))[0], "ok")
  },
  async "polls where there is no websocket"() {
    const kept = new Map()
    const sessionStorage = {getItem: (name) => kept.get(name), setItem: (name, value) => kept.set(name, value)}
    for (const memory of ["", "true"]) { // the second time it is known beforehand
      assert.equal(kept.get("phx:fallback:LongPoll") || "", memory)
      const socket = new Socket(url + "-polls", {transport: WebSocket, timeout: patience, longPollFallbackMs: patience, sessionStorage})
      open.push(socket)
      socket.connect()
      const channel = socket.channel("room:1")
      assert.equal((await outcome(channel.join()))[0], "ok")
      assert.deepEqual(await outcome(channel.push("echo", {x: 1})), ["ok", {x: 1}])
      assert.ok(socket.conn instanceof LongPoll)
    }
  },
}

async function main() {
  for (const [name, step] of Object.entries(steps)) {
    try {
      await step()
    } catch (error) {
      console.log("not ok " + name + ": " + error.stack)
      process.exit(1)
    }
    console.log("ok " + name)
  }
  await Promise.all(open.map((socket) => new Promise((yes) => socket.disconnect(yes))))
  process.exit(0)
}

main()
