// Reads stories from stdin, each with the events that one client got and the facts that it must
// show, and plays them to the npm client's Presence. Exits 1 where it shows something else.
"use strict"
const assert = require("node:assert/strict")
const {Presence} = require("../../channels/testdata/client/node_modules/phoenix")

const stories = JSON.parse(require("node:fs").readFileSync(0, "utf8"))
for (const [i, story] of stories.entries()) {
  const handlers = {}
  const channel = {on: (event, handler) => { handlers[event] = handler }, joinRef: () => "1"}
  const presence = new Presence(channel)
  for (const {event, payload} of story.events || []) handlers[event](payload)
  const facts = []
  presence.list((key, {metas}) => {
    for (const meta of metas) facts.push(`${key} ${meta.phx_ref} ${meta.n}`)
  })
  // A client that got no state yet shows nothing.
  assert.deepEqual(facts.sort(), (story.facts || []).sort(), "client " + i)
}
