// Drives the server at argv[2] with the unmodified Phoenix client, which loses its connection
// and says in its params how far it had come. Prints "ok NAME" for each step that held; exits
// 1 with what did not.
"use strict"
const assert = require("node:assert/strict")
const {Socket} = require("phoenix")
const WebSocket = require("ws")

const url = process.argv[2]
const patience = 30000

async function until(what, ok) {
  const end = Date.now() + patience
  while (!ok()) {
    if (Date.now() > end) throw new Error("waited in vain until " + what)
    await new Promise((yes) => setTimeout(yes, 5))
  }
}

let away = false
const never = 1e6
const ann = new Socket(url, {transport: WebSocket, timeout: patience, reconnectAfterMs: () => away ? never : 10, rejoinAfterMs: () => 10})
const bob = new Socket(url, {transport: WebSocket, timeout: patience})

// What an application does to miss nothing.
let epoch, offset, replies = []
const seen = []
const room = ann.channel("room:1", () => ({epoch, offset}))
for (const event of ["new_msg", "mine"]) {
  room.on(event, (payload, ref) => {
    if (ref) offset = ref
    seen.push([event, payload.n])
  })
}

const told = bob.channel("room:1")
const tell = (event, n) => new Promise((yes, no) => told.push(event, {n}).receive("ok", yes).receive("error", no).receive("timeout", no))

// gone cuts the connection, which is not made again before back.
async function gone() {
  away = true
  ann.conn.terminate()
  await until("the connection is lost", () => room.isErrored())
}

async function back() {
  away = false
  const before = replies.length
  ann.reconnectTimer.reset()
  ann.reconnectTimer.callback()
  await until("the channel has joined again", () => replies.length > before)
  return replies.at(-1)
}

const numbers = (from, to) => Array.from({length: to - from + 1}, (_, i) => from + i)

const steps = {
  async join() {
    ann.connect()
    bob.connect()
    room.join().receive("ok", (reply) => {
      replies.push(reply)
      epoch = reply.epoch
      if (!reply.recovered) offset = reply.offset
    })
    told.join()
    await until("both have joined", () => replies.length === 1 && told.isJoined())
    assert.equal(typeof epoch, "string")
    assert.equal(offset, 0)
    assert.equal(replies[0].recovered, undefined)
  },
  async "broadcasts say their number"() {
    await tell("new_msg", 1)
    await tell("mine", 2)
    await until("both came", () => seen.length === 2)
    assert.deepEqual(seen, [["new_msg", 1], ["mine", 2]])
    assert.equal(offset, "h2")
  },
  async "what was missed"() {
    await gone()
    for (const n of numbers(3, 6)) await tell(n % 2 ? "new_msg" : "mine", n)
    const reply = await back()
    assert.equal(reply.recovered, true)
    assert.equal(reply.offset, 6)
    await tell("new_msg", 7)
    await until("the newest came", () => seen.at(-1)[1] === 7)
    assert.deepEqual(seen.map(([, n]) => n), numbers(1, 7))
    assert.equal(offset, "h7")
  },
  async "nothing was missed"() {
    await gone()
    assert.equal((await back()).recovered, true)
    await tell("new_msg", 8)
    await until("the newest came", () => seen.at(-1)[1] === 8)
    assert.deepEqual(seen.map(([, n]) => n), numbers(1, 8))
  },
  async "connections lost all the time"() {
    // Where nothing came of a connection, the next one has longer: a slow machine needs it.
    let lasts = 40, came = 0, timer
    const cut = () => {
      lasts = seen.length > came ? 40 : lasts * 1.5
      came = seen.length
      ann.conn.terminate()
      timer = setTimeout(cut, lasts)
    }
    timer = setTimeout(cut, lasts)
    for (const n of numbers(9, 108)) {
      await tell(n % 2 ? "new_msg" : "mine", n)
      if (n % 5 === 0) await until("some of it came", () => seen.at(-1)[1] > n - 40)
    }
    clearTimeout(timer)
    await until("the newest came", () => seen.at(-1)[1] === 108)
    assert.deepEqual(seen.map(([, n]) => n), numbers(1, 108))
  },
  async "too much was missed"() {
    await gone()
    for (const n of numbers(109, 170)) await tell("new_msg", n)
    const reply = await back()
    assert.equal(reply.recovered, false)
    assert.equal(reply.offset, 170)
    await tell("new_msg", 171)
    await until("the newest came", () => seen.at(-1)[1] === 171)
    assert.deepEqual(seen.at(-2)[1], 108)
    assert.equal(offset, "h171")
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
  await Promise.all([ann, bob].map((socket) => new Promise((yes) => socket.disconnect(yes))))
  process.exit(0)
}

main()
