// The handshake, its headers and origins, and what connect gets to know: sections 2, 3 and 9.
import assert from "node:assert/strict";
import { dial, text } from "../kit/bare.mjs";
import { ask, handshake } from "../kit/http.mjs";
import { base } from "../kit/places.mjs";
import { begin, open, talk } from "../kit/wire.mjs";

const v2 = "?vsn=2.0.0";
const at = (path, query = v2) => `${path}/websocket${query}`;
const token = (text, alphabet = "base64") => "base64url.bearer.phx." + Buffer.from(text, "latin1").toString(alphabet).replaceAll("=", "");

// answers gives a case about the status of a handshake, whose answer has no body but at 404.
const answers = (name, status, path, headers, method) => [name, async (t) => {
  const answer = await handshake(path.replace("USER", t.user), headers, method);
  assert.equal(answer.status, status);
  if (status === 403) assert.equal(answer.text, "");
}];

const handshakes = [
  answers("a GET with the upgrade headers opens", 101, at("/socket")),
  ...["POST", "PUT", "DELETE"].map((method) => answers(`${method} is 400`, 400, at("/socket"), { upgrade: undefined, connection: undefined }, method)),
  answers("a GET without upgrade headers is 400", 400, at("/socket"), { upgrade: undefined, connection: undefined }),
  answers("an upgrade to something else is 400", 400, at("/socket"), { upgrade: "h2c" }),
  answers("no Sec-WebSocket-Key is 400", 400, at("/socket"), { "sec-websocket-key": undefined }),
  answers("a Sec-WebSocket-Key of another length is 400", 400, at("/socket"), { "sec-websocket-key": "AAAA" }),
  answers("another Sec-WebSocket-Version is 400", 400, at("/socket"), { "sec-websocket-version": "12" }),
  answers("Connection: keep-alive, Upgrade opens", 101, at("/socket"), { connection: "keep-alive, Upgrade" }),
  answers("upgrade headers in other letters open", 101, at("/socket"), { connection: "upgrade", upgrade: "WebSocket" }),
  answers("an unknown path is 404", 404, at("/nowhere")),
  answers("a socket without long poll has none", 404, "/frames/longpoll" + v2),
  answers("a socket without websocket has none", 404, at("/polls")),
  answers("the mount alone is 404", 404, "/socket" + v2),
  ["Sec-WebSocket-Accept is that of RFC 6455", async () => {
    const { headers } = await handshake(at("/socket"), { "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==" });
    assert.equal(headers["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  }],
  ...["", "?vsn=1.0.0", "?vsn=1.0.9", "?vsn=2.0.0", "?vsn=2.0.9"].map((query) => answers(`vsn is served: ${query || "none"}`, 101, at("/socket", query))),
  ...["2.1.0", "3.0.0", "abc", "2.0", "2", "", "0.9.0", "2.0.0.0", "-2.0.0"].map((vsn) => answers(`vsn refuses: "${vsn}"`, 403, at("/socket", "?vsn=" + vsn))),
  answers("a connection that connect refuses is 403 with an empty body", 403, at("/socket", v2 + "&refuse=yes")),
  answers("a refusal may have another status", 429, at("/socket", v2 + "&full=yes")),
  answers("the params of a nested query are read", 101, at("/socket", v2 + "&a[b]=1&a[c][]=2")),
  ["path parameters go over the query", async (t) => {
    const w = await open(t, t.unique("who"), { path: "/tenants/acme/socket", query: "&tenant=evil" });
    await w.play('> ["1","1","T","phx_join",{}]', '< ["1","1","T","phx_reply",{"status":"ok","response":{"tenant":"acme"}}]');
  }],
];

// offers gives a case about the subprotocols that are offered and the one that is answered.
const offers = (name, path, offered, status, answered) => [name, async () => {
  const { status: got, headers } = await handshake(at(path), { "sec-websocket-protocol": offered });
  assert.deepEqual([got, headers["sec-websocket-protocol"]], [status, answered]);
}];

// knows gives a case about the token that connect sees.
const knows = (name, offered, want) => [name, async (t) => {
  const bare = await dial(t, { path: "/token", headers: `Sec-WebSocket-Protocol: ${offered}\r\n` });
  bare.socket.write(text('["1","1","who:1","phx_join",{}]'));
  assert.deepEqual(JSON.parse(await bare.receiveText())[4], { status: "ok", response: { token: want } });
}];

const protocols = [
  offers("with tokens on, phoenix is answered", "/token", "phoenix", 101, "phoenix"),
  offers("with tokens on, phoenix is answered beside a token", "/token", `phoenix, ${token("abc")}`, 101, "phoenix"),
  offers("the token may come first", "/token", `${token("abc")}, phoenix`, 101, "phoenix"),
  offers("a token alone opens, and nothing is answered", "/token", token("abc"), 101, undefined),
  offers("with tokens on, none offered opens", "/token", undefined, 101, undefined),
  offers("with tokens on, another protocol alone is 403", "/token", "mqtt", 403, undefined),
  offers("with tokens on, another protocol beside a token is 403", "/token", `mqtt, ${token("abc")}`, 403, undefined),
  offers("with tokens on, phoenix among others is answered", "/token", "mqtt, phoenix", 101, "phoenix"),
  offers("a token that cannot be decoded is 403", "/token", "phoenix, base64url.bearer.phx.a*b", 403, undefined),
  offers("a token of a length that no base64 has is 403", "/token", "phoenix, base64url.bearer.phx.abcde", 403, undefined),
  offers("a token that connect does not like is 403", "/token", `phoenix, ${token("bad")}`, 403, undefined),
  offers("with tokens off, protocols are ignored and not answered", "/socket", "phoenix, mqtt", 101, undefined),
  offers("with tokens off, a token is ignored", "/socket", `phoenix, ${token("abc")}`, 101, undefined),
  knows("a token arrives", `phoenix, ${token("eyJ.x_y-z")}`, "eyJ.x_y-z"),
  knows("a token in the standard alphabet arrives, + and / too", `phoenix, ${token("~~~???>>>")}`, "~~~???>>>"),
  knows("padding does not hurt", `phoenix, ${token("a")}==`, "a"),
  knows("an empty token is one", `phoenix, ${token("")}`, ""),
  knows("without a token it is nil", "phoenix", null),
  knows("a token in the alphabet of URLs arrives", `phoenix, ${token("~~~???>>>", "base64url")}`, "~~~???>>>"),
];

const info = async (t, options) => {
  const w = await talk(t, "info", { path: "/info", ...options });
  await w.send('["1","1","info","phx_join",{}]');
  const { response } = JSON.parse(await w.receive())[4];
  delete response.x["x-request-id"]; // the gateway's own, where the client gave none
  return response;
};

// session logs in and gives the cookie and the CSRF token.
async function session(id) {
  const answer = await ask("GET", "/login/" + id);
  return { cookie: answer.headers["set-cookie"][0].split(";")[0], csrf: answer.text };
}

const seen = [
  ["the peer's address and port", async (t) => {
    const { peer } = await info(t);
    assert.equal(peer.address, "127.0.0.1");
    assert.ok(peer.port > 0 && peer.port < 65536);
  }],
  ["the user agent", async (t) => assert.equal((await info(t, { headers: { "user-agent": "tester/1" } })).agent, "tester/1")],
  ["x- headers, and no others", async (t) => {
    const { x } = await info(t, { headers: { "X-One": "1", "x-two": "b", "accept-language": "de", cookie: "a=b", authorization: "Bearer x" } });
    assert.deepEqual(x, { "x-one": "1", "x-two": "b" });
  }],
  ["the request's URI", async (t) => {
    const { uri } = await info(t, { query: "&a=b" });
    assert.deepEqual([uri.scheme, uri.host, uri.path, uri.query], ["http", "127.0.0.1", "/info/websocket", `user=${t.user}&vsn=2.0.0&a=b`]);
  }],
  ["the trace headers", async (t) => {
    const { trace } = await info(t, { headers: { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", tracestate: "a=b" } });
    assert.deepEqual(trace, { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", tracestate: "a=b" });
  }],
  ["what was not sent is nil", async (t) => {
    const { trace, session, x } = await info(t);
    assert.deepEqual([trace, session, x], [{ traceparent: null, tracestate: null }, null, {}]);
  }],
  ["the session, with its CSRF token", async (t) => {
    const { cookie, csrf } = await session("7");
    assert.equal((await info(t, { query: "&_csrf_token=" + encodeURIComponent(csrf), headers: { cookie } })).session.user_id, "7");
  }],
  ["without a CSRF token the session is absent, and the connection is not refused", async (t) => {
    const { cookie } = await session("7");
    assert.equal((await info(t, { headers: { cookie } })).session, null);
  }],
  ["with another session's CSRF token the session is absent", async (t) => {
    const [{ cookie }, { csrf }] = [await session("7"), await session("8")];
    assert.equal((await info(t, { query: "&_csrf_token=" + encodeURIComponent(csrf), headers: { cookie } })).session, null);
  }],
  ["a forged session is absent", async (t) => {
    const { cookie, csrf } = await session("7");
    assert.equal((await info(t, { query: "&_csrf_token=" + encodeURIComponent(csrf), headers: { cookie: cookie + "x" } })).session, null);
  }],
  ["with origin checking off the session is not trusted without a CSRF token", async (t) => {
    const { cookie, csrf } = await session("7");
    const headers = { cookie, origin: "http://evil.example" };
    assert.equal((await info(t, { path: "/anywhere", headers })).session, null);
    assert.equal((await info(t, { path: "/anywhere", headers, query: "&_csrf_token=" + encodeURIComponent(csrf) })).session.user_id, "7");
  }],
  ["over long poll the peer and the URI are seen too", async (t) => {
    const w = await begin(t, "info", { path: "/info" });
    w.poll();
    await w.send('["1","1","info","phx_join",{}]');
    const { peer, uri } = JSON.parse(await w.receive())[4].response;
    assert.deepEqual([peer.address, uri.path], ["127.0.0.1", "/info/longpoll"]);
  }],
  ...["cookies", "headers", "body"].map((name) => answers(`${name} are withheld from connect`, 403, at("/withheld", v2 + "&name=" + name), { cookie: "a=b", "x-a": "b" })),
];

// origins: what each mode says of a page's origin. "HOST" and "PORT" are the gateway's.
const lists = {
  "the host that the request names": ["/socket", [["http://HOST:PORT", true], ["http://HOST", true], ["https://HOST:9", true], ["http://evil.example", false], ["http://xHOST", false], ["http://HOST.evil.example", false], ["null", false], ["", false], ["x", false]]],
  "a list": ["/listed", [["https://a.example", true], ["https://a.example:443", true], ["http://a.example", false], ["https://a.example:444", false], ["https://x.a.example", false],
    ["http://b.example:8080", true], ["https://b.example:8080", true], ["http://b.example", false], ["http://b.example:8081", false],
    ["https://c.example", true], ["https://x.c.example", true], ["http://x.y.c.example:99", true], ["https://xc.example", false], ["https://c.example.evil", false], ["http://HOST:PORT", false]]],
  "off": ["/anywhere", [["http://evil.example", true], ["null", true]]],
};

const origins = Object.entries(lists).flatMap(([mode, [path, rows]]) => rows.flatMap(([origin, allowed]) => {
  const from = () => {
    const { hostname, port } = new URL(base());
    return { origin: origin.replace("HOST", hostname).replace("PORT", port) };
  };
  const what = `${mode}: "${origin}" is ${allowed ? "let in" : "refused"}`;
  return [
    ["origin, " + what, async () => assert.equal((await handshake(at(path), from())).status, allowed ? 101 : 403)],
    ["origin over long poll, " + what, async () => assert.deepEqual((await ask("GET", `${path}/longpoll${v2}`, from())).body.status, allowed ? 410 : 403)],
  ];
}));

export const handshake_cases = [
  ...handshakes,
  ...protocols,
  ...seen.map(([name, run]) => ["connect info: " + name, run]),
  ...origins,
  ["no Origin header is let in by a list", async () => assert.equal((await handshake(at("/listed"))).status, 101)],
  ["with two Origin headers it is refused", async () => assert.equal((await handshake(at("/listed"), { origin: ["https://a.example", "https://a.example"] })).status, 403)],
  ["a refused origin of a POST over long poll is 403", async (t) => {
    const w = await begin(t, t.unique("room"), { path: "/listed" });
    const { body } = await ask("POST", `${w.url}&token=${encodeURIComponent(w.token)}`, { origin: "http://evil.example", "content-type": "application/x-ndjson" }, '[null,"1","phoenix","heartbeat",{}]');
    assert.deepEqual(body, { status: 403 });
  }],
];
