// What Postgres alone has: its types and their operators, full-text search, functions.
import { PostgrestClient } from "@supabase/postgrest-js";
import { ok, refused } from "./kit.mjs";

const found = (name, filter, ...ids) => [name, (db) => filter(db.from("things").select("id")).order("id"), ok(ids.map((id) => ({ id })))];

const types = [
  ["types of Postgres", (db) => db.from("things").select("span,days,nums,labels,data,at,n,raw,big,key").eq("id", 1).single(),
    ok({ span: "[1,5)", days: "[2024-01-01,2024-01-10)", nums: [1, 2], labels: ["a", "b c"], data: { a: { b: [1, 2] }, c: "x" }, at: "2024-01-01T10:00:00.5+00:00", n: 1.5, raw: "\\x0aff", big: 9007199254740991, key: "00000000-0000-0000-0000-000000000001" })],
  found("contains of an array of numbers", (q) => q.contains("nums", [1]), 1),
  found("contains of an array of texts", (q) => q.contains("labels", ["a"]), 1),
  found("contains of jsonb", (q) => q.contains("data", { c: "x" }), 1),
  found("contains of a range", (q) => q.contains("span", "[2,3)"), 1),
  found("containedBy of an array of numbers", (q) => q.containedBy("nums", [1, 2, 3]), 1, 2),
  found("containedBy of jsonb", (q) => q.containedBy("data", { c: "y", d: 1 }), 2),
  found("containedBy of a range", (q) => q.containedBy("span", "[0,6)"), 1),
  found("overlaps of an array of numbers", (q) => q.overlaps("nums", [2, 3]), 1, 2),
  found("overlaps of a range", (q) => q.overlaps("days", "[2024-01-05,2024-01-06)"), 1),
  found("rangeGt", (q) => q.rangeGt("span", "[0,2)"), 2),
  found("rangeGte", (q) => q.rangeGte("span", "[5,6)"), 2),
  found("rangeLt", (q) => q.rangeLt("span", "[5,6)"), 1),
  found("rangeLte", (q) => q.rangeLte("span", "[1,5)"), 1),
  found("rangeAdjacent", (q) => q.rangeAdjacent("span", "[9,12)"), 2),
  found("textSearch", (q) => q.textSearch("words", "fat & cat"), 1),
  found("textSearch with a language", (q) => q.textSearch("words", "'cat'", { config: "english" }), 1),
  found("textSearch, plain", (q) => q.textSearch("words", "fat cats", { type: "plain", config: "english" }), 1),
  found("textSearch, phrase", (q) => q.textSearch("words", "cats ate", { type: "phrase", config: "english" }), 1),
  found("textSearch, websearch", (q) => q.textSearch("words", "dog -cat", { type: "websearch", config: "english" }), 2),
  found("textSearch of a text", (q) => q.textSearch("name", "second"), 2),
  found("not textSearch", (q) => q.not("words", "fts", "cat"), 2),
  found("json in json", (q) => q.eq("data->a->b->>0", "1"), 1),
  found("a number in jsonb", (q) => q.gt("data->a->b->1", 1), 1),
  ["an operator that the type has not", (db) => db.from("things").select("id").textSearch("span", "x"), refused(404, "42883", { message: undefined, hint: undefined })],
  ["a time zone", (db) => db.from("things").select("at").eq("id", 2).setHeader("Prefer", "timezone=America/Los_Angeles").single(), ok({ at: "2024-02-01T02:00:00-08:00" })],
  ["count planned", (db) => db.from("things").select("id", { count: "planned", head: true }), ok(null, { count: 3 })],
  ["insert of Postgres' types", (db) => db.from("things").insert({ id: 4, span: "[1,2]", nums: [7, 8], labels: ["x,y", null], data: { a: [] }, at: "2024-01-01T12:00:00+02:00", n: "3.25", raw: "\\x01", key: "00000000-0000-0000-0000-000000000004" }).select("span,nums,labels,data,at,n,raw,key").single(),
    ok({ span: "[1,3)", nums: [7, 8], labels: ["x,y", null], data: { a: [] }, at: "2024-01-01T10:00:00+00:00", n: 3.25, raw: "\\x01", key: "00000000-0000-0000-0000-000000000004" }, { status: 201 })],
  ["count estimated", (db) => db.from("things").select("id", { count: "estimated" }).order("id"), ok([{ id: 1 }, { id: 2 }, { id: 3 }, { id: 4 }], { count: 4 })],
];

const views = [
  ["insert into a view", (db) => db.from("ranked_langs").insert({ name: "view", rank: 50 }).select().single(), ok({ name: "view", rank: 50 }, { status: 201 })],
  ["update of a view", (db) => db.from("ranked_langs").update({ rank: 51 }).eq("name", "view").select("rank"), ok([{ rank: 51 }])],
  ["delete from a view", (db) => db.from("ranked_langs").delete().eq("name", "view").select("name"), ok([{ name: "view" }])],
];

const taken = [
  ["insert what is taken, in Postgres' words", (db) => db.from("langs").insert({ name: "go" }), refused(409, "23505", { message: 'duplicate key value violates unique constraint "langs_pkey"', details: "Key (name)=(go) already exists." })],
];

const langs = (...names) => names.map((name) => ({ name }));
const unknown = (call) => ({ message: `Could not find the function public.${call} in the schema cache`, details: undefined, hint: undefined });
const past = { message: "Query result exceeds max-affected preference constraint", details: "The query affects 1 rows" };

const functions = [
  ["rpc", (db) => db.rpc("add_them", { a: 1, b: 2 }), ok(3)],
  ["rpc, a default", (db) => db.rpc("add_them", { a: 1 }), ok(11)],
  ["rpc by get", (db) => db.rpc("add_them", { a: 1, b: 2 }, { get: true }), ok(3)],
  ["rpc, a text", (db) => db.rpc("say", { name: "Ann & 'Bob'" }), ok("Hello Ann & 'Bob'")],
  ["rpc by get, a text", (db) => db.rpc("say", { name: "a=b&c d+e" }, { get: true }), ok("Hello a=b&c d+e")],
  ["rpc by get leaves out undefined", (db) => db.rpc("add_them", { a: 1, b: undefined }, { get: true }), ok(11)],
  ["rpc, void", (db) => db.rpc("nothing"), ok(null, { status: 204 })],
  ["rpc, head", (db) => db.rpc("find_langs", {}, { head: true, count: "exact" }), ok(null, { count: 3 })],
  ["rpc, null", (db) => db.rpc("add_them", { a: null, b: 2 }), ok(null)],
  ["rpc, an array", (db) => db.rpc("total", { numbers: [1, 2, 3] }), ok(6)],
  ["rpc by get, an array", (db) => db.rpc("total", { numbers: [1, 2, 3] }, { get: true }), ok(6)],
  ["rpc, json", (db) => db.rpc("echo", { a: [1, { b: null }] }), ok({ a: [1, { b: null }] })],
  ["rpc, a set of numbers", (db) => db.rpc("numbers", { upto: 3 }), ok([1, 2, 3])],
  ["rpc, rows", (db) => db.rpc("find_langs"), ok([{ name: "go", rank: 1, note: "fast" }, { name: "lua", rank: 2, note: null }, { name: "c", rank: 3, note: "old" }])],
  ["rpc, rows that are selected", (db) => db.rpc("find_langs", { low: 2 }).select("name"), ok(langs("lua", "c"))],
  ["rpc, rows that are filtered and ordered", (db) => db.rpc("find_langs").select("name").neq("name", "lua").order("name"), ok(langs("c", "go"))],
  ["rpc, or", (db) => db.rpc("find_langs").select("name").or("name.eq.go,rank.eq.3").order("rank"), ok(langs("go", "c"))],
  ["rpc, rows and limit", (db) => db.rpc("find_langs").select("name").order("rank", { ascending: false }).limit(1), ok(langs("c"))],
  ["rpc, rows, range and count", (db) => db.rpc("find_langs", {}, { count: "exact" }).select("name").order("rank").range(1, 1), ok(langs("lua"), { status: 206, count: 3 })],
  ["rpc by get, rows", (db) => db.rpc("find_langs", { low: 3 }, { get: true }).select("name"), ok(langs("c"))],
  ["rpc, single", (db) => db.rpc("find_langs").eq("name", "go").single(), ok({ name: "go", rank: 1, note: "fast" })],
  ["rpc, single of many", (db) => db.rpc("find_langs").single(), refused(406, "PGRST116", { message: "Cannot coerce the result to a single JSON object", details: "The result contains 3 rows" })],
  ["rpc, maybeSingle of none", (db) => db.rpc("find_langs", { low: 50 }).maybeSingle(), ok(null)],
  ["rpc, csv", (db) => db.rpc("find_langs").select("name,rank").lt("rank", 3).csv(), ok("name,rank\ngo,1\nlua,2")],
  ["rpc, stripNulls", (db) => db.rpc("find_langs").eq("name", "lua").stripNulls(), ok([{ name: "lua", rank: 2 }])],
  ["rpc, one row", (db) => db.rpc("one_lang", { lang: "go" }), ok({ name: "go", rank: 1, note: "fast" })],
  ["rpc, a table of its own", (db) => db.rpc("pairs").select("b").eq("a", 2), ok([{ b: "y" }])],
  ["rpc, out parameters", (db) => db.rpc("duo"), ok({ a: 1, b: "x" })],
  ["rpc that writes", (db) => db.rpc("note", { lang: "lua", text: "small" }).select("note"), ok([{ note: "small" }])],
  ["rpc that writes, rolled back", (db) => db.rpc("note", { lang: "lua", text: "gone" }).select("note").rollback(), ok([{ note: "gone" }])],
  ["rpc that writes, past maxAffected", (db) => db.rpc("note", { lang: "lua", text: "gone" }).maxAffected(0), refused(400, "PGRST124", past)],
  ["and nothing of both is kept", (db) => db.from("langs").select("note").eq("name", "lua").single(), ok({ note: "small" })],
  ["rpc that writes, by get", (db) => db.rpc("note", { lang: "lua", text: "x" }, { get: true }), refused(405, "25006", { message: "cannot execute UPDATE in a read-only transaction" })],
  ["rpc that raises", (db) => db.rpc("fails", { code: "P0001" }), refused(400, "P0001", { message: "it fails", details: "why", hint: "what to do" })],
  ["rpc that raises a status", (db) => db.rpc("fails", { code: "PT402" }), refused(402, "PT402", { message: "it fails", details: "why", hint: "what to do" })],
  ["rpc that raises what is forbidden", (db) => db.rpc("fails", { code: "23514" }), refused(400, "23514", { message: "it fails", details: "why", hint: "what to do" })],
  ["rpc of what is not there", (db) => db.rpc("nope"), refused(404, "PGRST202", unknown("nope without parameters"))],
  ["rpc with arguments that it has not", (db) => db.rpc("add_them", { x: 1 }), refused(404, "PGRST202", unknown("add_them(x)"))],
  ["rpc, an argument of a wrong type", (db) => db.rpc("add_them", { a: "one" }), refused(400, "22P02", { message: 'invalid input syntax for type integer: "one"' })],
  ["rpc, in another schema", (db) => db.schema("other").rpc("nothing"), refused(406, "PGRST106", { message: "Invalid schema: other", hint: "Only the following schemas are exposed: public" })],
  ["rpc, aborted by the client's own timeout", async (db) => {
    const { error, status } = await new PostgrestClient(db.url, { retry: false, timeout: 100 }).rpc("waits", { seconds: 1 });
    return { status, hint: error.hint };
  }, { status: 0, statusText: undefined, hint: "Request was aborted (timeout or manual cancellation)" }],
];

export const postgres = [...types, ...views, ...taken, ...functions];
