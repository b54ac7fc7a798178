// Speaks to the server at argv[2] with the npm package ws and permessage-deflate. Prints "ok NAME"
// for each step that held; exits 1 with what did not.
"use strict"
const assert = require("node:assert/strict")
const WebSocket = require("../client/node_modules/ws")

const patience = 45000
const long = "hello, world ".repeat(2000)

// converse sends each message and gives the answers in order.
function converse(options, messages) {
  return new Promise((yes, no) => {
    const late = setTimeout(() => no(new Error("waited in vain for an answer")), patience)
    const ws = new WebSocket(process.argv[2], options), answers = []
    ws.on("error", no)
    ws.on("open", () => ws.send(messages[0]))
    ws.on("message", (data, isBinary) => {
      answers.push(isBinary ? data : JSON.parse(data.toString()))
      if (answers.length < messages.length) return ws.send(messages[answers.length])
      clearTimeout(late)
      yes({answers, extensions: ws.extensions, received: ws._socket.bytesRead, sent: ws._socket.bytesWritten})
      ws.terminate()
    })
  })
}

const push = (ref, event, payload) => JSON.stringify(["1", ref, "room:a", event, payload])
const conversation = [push("1", "phx_join", {}), push("2", "echo", {long}), push("3", "new_msg", {long}), push("4", "echo", {n: 1})]

function check(answers) {
  assert.deepEqual(answers, [
    ["1", "1", "room:a", "phx_reply", {status: "ok", response: {}}],
    ["1", "2", "room:a", "phx_reply", {status: "ok", response: {long}}],
    [null, null, "room:a", "new_msg", {long}],
    ["1", "4", "room:a", "phx_reply", {status: "ok", response: {n: 1}}],
  ])
}

const steps = {
  async "both ways"() {
    const {answers, extensions, received, sent} = await converse({perMessageDeflate: {threshold: 0}}, conversation)
    check(answers)
    assert.equal(extensions, "permessage-deflate")
    assert.ok(received < long.length / 10 && sent < long.length / 10, `${received} bytes came and ${sent} went`)
  },
  async "with all parameters"() {
    const {answers, extensions} = await converse({perMessageDeflate: {threshold: 0, serverNoContextTakeover: true, clientNoContextTakeover: true, clientMaxWindowBits: 10}}, conversation)
    check(answers)
    assert.equal(extensions, "permessage-deflate")
  },
  async "a client without it"() {
    const {answers, extensions, received} = await converse({perMessageDeflate: false}, conversation)
    check(answers)
    assert.equal(extensions, "")
    assert.ok(received > 2 * long.length)
  },
  async "bytes"() {
    const data = Buffer.alloc(5000, "ab")
    const head = Buffer.from([0, 1, 1, 6, 4, ...Buffer.from("12room:aecho")])
    const {answers} = await converse({perMessageDeflate: {threshold: 0}}, [conversation[0], Buffer.concat([head, data])])
    assert.deepEqual(answers[1], Buffer.concat([Buffer.from([1, 1, 1, 6, 2, ...Buffer.from("12room:aok")]), data]))
  },
}

async function main() {
  for (const [name, step] of Object.entries(steps)) {
    await step()
    console.log("ok " + name)
  }
}

main().catch((err) => { console.error(err); process.exit(1) })
