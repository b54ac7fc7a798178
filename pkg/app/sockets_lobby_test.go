package app_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/app/apptest"
)

// lobby is a Phoenix application's channels: a lobby with presence, rooms that ask for a
// token of their own, blocked people, and a topic for each user.
const lobby = `
stores: {main: {url: "${env.DATABASE_URL}"}}
schemas:
  user: {table: users, fields: {name: {type: string, required: true}}}
  block: {table: blocks, fields: {user_id: {references: user}, blocked_id: {type: bigint}}}
  message: {table: messages, fields: {topic: {type: string, required: true}, user_id: {references: user}, body: {type: text}}}
pipelines:
  member_name:
    - query_one: select name from users where id = ${user_id}
      as: member
    - query: select blocked_id from blocks where user_id = ${user_id}
      as: block_rows
    - assign: {blocked: "${map(block_rows, .blocked_id)}"}
sockets:
  - path: /setup
    connect: []
    channels:
      - topic: setup
        join: []
        handle_in:
          user: [{insert: {schema: user, values: {name: "${payload.name}"}}, as: u}, {sign_token: {token: user, data: "${u.id}"}, as: t}, {reply: {token: "${t}"}}]
          block: [{insert: {schema: block, values: {user_id: "${payload.by}", blocked_id: "${payload.whom}"}}}, reply]
  - path: /socket
    connect:
      - verify_token: {token: user, from: [{param: token}]}
        as: user_id
    id: user_socket:${user_id}
    channels:
      - topic: room:lobby
        join:
          - pipe_through: member_name
        after_join:
          - track: {key: "${user_id}", meta: {username: "${member.name}", status: online}}
        handle_in: &room_events
          new_msg:
            - validate: {fields: {body: {type: string, required: true}}}
            - insert: {schema: message, values: {topic: "${topic}", user_id: "${user_id}", body: "${payload.body}"}}
            - broadcast: {payload: {user_id: "${user_id}", body: "${payload.body}"}}
          get_history:
            - query: select * from messages where topic = ${topic} order by id desc limit 50
              as: messages
            - reply: {messages: "${messages}"}
          update_status:
            - validate: {fields: {status: {type: string, required: true}}}
            - update_presence: {meta: {status: "${payload.status}"}}
        handle_out: &room_filter
          new_msg:
            - require: payload.user_id not in blocked
            - push
      - topic: room:{room_id}
        join:
          - verify_token: {token: user, from: [{payload: token}]}
            as: member_id
            else: {reply_error: {reason: unauthorized}}
          - pipe_through: member_name
          - reply: {message: Welcome!}
        after_join:
          - push: {event: presence_state, payload: {online: "${presence_list(topic)}"}}
        handle_in: *room_events
        handle_out: *room_filter
      - topic: user:{id}
        join:
          - require: params.id == string(user_id)
`

func TestLobby(t *testing.T) {
	for _, db := range apptest.Databases() {
		t.Run(db.Name, func(t *testing.T) {
			h := serveWith(t, db.URL(t), lobby)
			setup := h.dial("/setup/websocket").join("setup", "{}", okReply)
			token := func(name string) string {
				setup.play(`> ["1","2","setup","user",{"name":"` + name + `"}]`)
				_, text, _ := strings.Cut(setup.receive(), `"token":"`)
				text, _, _ = strings.Cut(text, `"`)
				return text
			}
			annToken, bobToken := token("Ann"), token("Bob")
			setup.ask("setup", "block", `{"by":2,"whom":1}`, okReply) // Bob hears nothing of Ann
			ann, bob := h.dial("/socket/websocket?token="+annToken), h.dial("/socket/websocket?token="+bobToken)

			ann.join("room:lobby", "{}", okReply)
			present(t, ann, "presence_diff", "1")
			present(t, ann, "presence_state", "1")
			bob.join("room:lobby", "{}", okReply)
			present(t, bob, "presence_diff", "2")
			present(t, bob, "presence_state", "1", "2")
			present(t, ann, "presence_diff", "2")

			ann.play(`> ["1",null,"room:lobby","new_msg",{"body":"hé😀"}]`, `< ["1",null,"room:lobby","new_msg",{"user_id":1,"body":"hé😀"}]`)
			ann.ask("room:lobby", "new_msg", `{"body":" "}`, `{"status":"error","response":{"reason":"invalid","errors":{"body":["can't be blank"]}}}`)
			bob.ask("room:lobby", "get_history", "{}", `{"status":"ok","response":{"messages":[{"id":1,"topic":"room:lobby","user_id":1,"body":"hé😀"}]}}`)
			bob.play(`> ["1",null,"room:lobby","new_msg",{"body":"b"}]`, `< ["1",null,"room:lobby","new_msg",{"user_id":2,"body":"b"}]`)
			ann.play(`< ["1",null,"room:lobby","new_msg",{"user_id":2,"body":"b"}]`)

			ann.play(`> ["1",null,"room:lobby","update_status",{"status":"away"}]`)
			for _, c := range []*client{ann, bob} {
				if got := present(t, c, "presence_diff", "1"); !strings.Contains(got, `"status":"away"`) || strings.Contains(strings.Split(got, `"leaves"`)[0], "username") {
					t.Errorf("an update replaces the meta: %s", got)
				}
			}

			ann.join("room:9", `{"token":"no"}`, unauthorized)
			ann.join("room:9", "{}", unauthorized)
			ann.join("room:9", `{"token":"`+bobToken+`"}`, `{"status":"ok","response":{"message":"Welcome!"}}`).play(`< ["1",null,"room:9","presence_state",{"online":{}}]`)
			ann.ask("room:9", "update_status", `{"status":"x"}`, `{"status":"error","response":{"reason":"not_found"}}`) // nobody is tracked there
			ann.join("user:1", "{}", okReply).join("user:2", "{}", unauthorized)

			if n, err := h.hub.Disconnect("user_socket:1"); n != 1 || err != nil {
				t.Errorf("%d connections of user 1: %v", n, err)
			}
			if code := ann.closeCode(); code != 1001 {
				t.Errorf("close code %d, want 1001", code)
			}
			if got := present(t, bob, "presence_diff", "1"); !strings.Contains(got, `"joins":{}`) {
				t.Errorf("the leave of Ann: %s", got)
			}
		})
	}
}

// present receives a message of presence that names these keys and no others.
func present(t *testing.T, c *client, event string, keys ...string) string {
	t.Helper()
	text := c.receive()
	var parts [5]json.RawMessage
	if err := json.Unmarshal([]byte(text), &parts); err != nil || string(parts[3]) != `"`+event+`"` {
		t.Fatalf("received %s, want %s", text, event)
	}
	found := map[string]bool{}
	halves := map[string]map[string]any{"": nil}
	if event == "presence_diff" {
		_ = json.Unmarshal(parts[4], &halves)
	} else {
		state := map[string]any{}
		_ = json.Unmarshal(parts[4], &state)
		halves[""] = state
	}
	for _, half := range halves {
		for key := range half {
			found[key] = true
		}
	}
	for _, key := range keys {
		if !found[key] {
			t.Errorf("%s is not in %s", key, text)
		}
		delete(found, key)
	}
	if len(found) > 0 {
		t.Errorf("also present: %v in %s", found, text)
	}
	return text
}
