package app_test

import "testing"

// Params are made when a list reads them: each list has to find them, the first time and later.
func TestWhatATopicCapturedIsSeenByAllLists(t *testing.T) {
	h := serve(t, rooms(`
      - topic: "{kind}:{id}"
        join:
          - require: params.id != 'secret'
          - reply: ${params}
        after_join: [{push: {event: in, payload: "${params}"}}]
        handle_in:
          all: [{reply: {params: "${params}", id: "${params.id}", size: "${len(params)}", no: "${has(params, 'no')}"}}]
          nested: [{when: event == 'nested', do: [{reply: {id: "${params.id}"}}], else: []}]
          keep: [{assign: {kept: "${params}"}}, {reply: {kept: "${kept}"}}]
          plain: [reply]
        handle_out: {msg: [{push: {payload: {kind: "${params.kind}", from: "${payload.from}"}}}]}
        leave: [{broadcast: {topic: "room:2", event: left, payload: "${params}"}}]
`))
	all := `{"status":"ok","response":{"params":{"id":"1","kind":"room"},"id":"1","size":2,"no":false}}`
	a := h.dial("/socket/websocket?user=ann").join("room:1", `{}`, `{"status":"ok","response":{"id":"1","kind":"room"}}`)
	a.play(`< ["1",null,"room:1","in",{"id":"1","kind":"room"}]`)
	for range 2 {
		a.ask("room:1", "all", `{}`, all)
		a.ask("room:1", "plain", `{}`, `{"status":"ok","response":{}}`)
		a.ask("room:1", "nested", `{}`, `{"status":"ok","response":{"id":"1"}}`)
		a.ask("room:1", "keep", `{}`, `{"status":"ok","response":{"kept":{"id":"1","kind":"room"}}}`)
	}
	send(t, h, "msg", `{"from":7}`)
	a.play(`< ["1",null,"room:1","msg",{"kind":"room","from":7}]`)
	b := h.dial("/socket/websocket?user=bob").join("room:2", `{}`, `{"status":"ok","response":{"id":"2","kind":"room"}}`)
	b.play(`< ["1",null,"room:2","in",{"id":"2","kind":"room"}]`)
	b.join("room:secret", `{}`, `{"status":"error","response":{"reason":"unauthorized"}}`)
	a.play(`> ["1","9","room:1","phx_leave",{}]`, `< ["1","9","room:1","phx_reply",{"status":"ok","response":{}}]`)
	b.play(`< [null,null,"room:2","left",{"id":"1","kind":"room"}]`)
}
