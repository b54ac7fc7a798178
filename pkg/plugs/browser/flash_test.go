package browser_test

import (
	"slices"
	"testing"
)

// The rules are those of Phoenix.Controller.fetch_flash and put_flash.
func TestFlash(t *testing.T) {
	const fetch = "- fetch_session\n- fetch_flash\n"
	const show, away = "- show: ${flash}\n", "- redirect: {external: 'https://a.example'}\n"
	put := func(kind, text string) string { return "- put_flash: {" + kind + ": " + text + "}\n" }
	tests := []struct {
		name  string
		lists []string
		want  []string // bodies of the requests
	}{
		{"there is none", []string{show}, []string{"{}"}},
		{"a message shows in the answer that it is put in", []string{put("info", "a") + show}, []string{`{"info":"a"}`}},
		{"and not again", []string{put("info", "a") + show, show}, []string{`{"info":"a"}`, `{}`}},
		{"past a redirect it shows once", []string{put("info", "a") + away, show, show}, []string{``, `{"info":"a"}`, `{}`}},
		{"past two redirects too", []string{put("info", "a") + away, away, show, show}, []string{``, ``, `{"info":"a"}`, `{}`}},
		{"messages of both requests show", []string{put("info", "a") + away, put("error", "b") + show, show}, []string{``, `{"error":"b","info":"a"}`, `{}`}},
		{"a later message of a kind counts", []string{put("info", "a") + away, put("info", "b") + show}, []string{``, `{"info":"b"}`}},
		{"with values in it", []string{"- assign: {n: 3}\n" + put("info", "'${n} things'") + show}, []string{`{"info":"3 things"}`}},
		{"a request that fetches no flash leaves it", []string{put("info", "a") + away, "no flash", show}, []string{``, `{}`, `{"info":"a"}`}},
		{"what is cleared with the session still shows", []string{put("info", "bye") + "- clear_session\n" + away, show}, []string{``, `{"info":"bye"}`}},
		{"other values of the session stay", []string{"- put_session: {a: 1}\n" + put("info", "a") + away, show, "- show: ${session}\n"}, []string{``, `{"info":"a"}`, `{"a":1}`}},
		{"a member that is not there is nil", []string{"- show: ${flash.info}\n"}, []string{`null`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newClient(t)
			var got []string
			for _, list := range tt.lists {
				if list == "no flash" {
					got = append(got, c.get("- fetch_session\n- show: ${session}\n").Body)
					continue
				}
				got = append(got, c.get(fetch+list).Body)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

// A flash that was shown and is the session's only content takes the cookie with it.
func TestFlashLeavesNoCookie(t *testing.T) {
	c := newClient(t)
	c.get("- fetch_session\n- fetch_flash\n- put_flash: {info: a}\n- redirect: {external: 'https://a.example'}\n")
	if c.cookies["_shop_key"] == "" {
		t.Fatal("the message was not kept")
	}
	c.get("- fetch_session\n- fetch_flash\n- show: ${flash}\n")
	if len(c.cookies) != 0 {
		t.Errorf("cookies %v", c.cookies)
	}
}
