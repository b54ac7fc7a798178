// Reads: what is selected, in which order, how many rows and in which form.
import { ok, refused, thrown } from "./kit.mjs";

const names = (...list) => list.map((name) => ({ name }));
const ids = (...list) => list.map((id) => ({ id }));
const cannot = { message: "Cannot coerce the result to a single JSON object" };
const dune = { id: 1, title: "Dune", status: "published", stars: 5, price: 9.99, at: "2024-01-01T10:00:00+00:00", author_id: 1, editor_id: 2 };
const ann = { id: 1, name: "Ann", email: "ann@x.org", age: 31, active: true, joined: "2024-01-02", settings: { theme: "dark", n: [1, 2], deep: { a: null } }, labels: ["a", "b"], manager_id: null };

export const reads = [
  ["select", (db) => db.from("users").select().eq("id", 1), ok([ann])],
  ["select *", (db) => db.from("posts").select("*").eq("id", 1), ok([dune])],
  ["select columns", (db) => db.from("users").select("id, name").lt("id", 3), ok([{ id: 1, name: "Ann" }, { id: 2, name: "Bob" }])],
  ["select with an alias", (db) => db.from("users").select("who:name").eq("id", 1), ok([{ who: "Ann" }])],
  ["select with a quoted alias", (db) => db.from("users").select('"the name":name').eq("id", 1), ok([{ "the name": "Ann" }])],
  ["select with a cast", (db) => db.from("posts").select("id::text,stars::text").eq("id", 1), ok([{ id: "1", stars: "5" }])],
  ["select json", (db) => db.from("users").select("settings->theme,theme:settings->>theme,settings->n->0,settings->deep").eq("id", 1), ok([{ theme: "dark", n: 1, deep: { a: null } }], { data: undefined })],
  ["select a part of json as text", (db) => db.from("users").select("id,t:settings->>theme").lt("id", 4), ok([{ id: 1, t: "dark" }, { id: 2, t: "light" }, { id: 3, t: null }])],
  ["select an item of json", (db) => db.from("users").select("n:settings->n->1,last:settings->n->-1").eq("id", 1), ok([{ n: 2, last: 2 }])],
  ["select an unknown column", (db) => db.from("users").select("nope"), refused(400, "42703", { message: "column users.nope does not exist", hint: 'Perhaps you meant to reference the column "users.name".' })],
  ["select a hidden column", (db) => db.from("users").select("password_hash"), refused(400, "42703", { message: "column users.password_hash does not exist" })],
  ["select what cannot be read", (db) => db.from("users").select("id,(name"), refused(400, "PGRST100", { details: undefined })],
  ["from what is not there", (db) => db.from("nothing").select(), refused(404, undefined, { reason: "not_found", details: undefined, hint: undefined })],
  ["a view", (db) => db.from("ranked_langs").select().order("rank"), ok([{ name: "go", rank: 1 }, { name: "lua", rank: 2 }, { name: "c", rank: 3 }])],
  ["another schema", (db) => db.schema("other").from("users").select(), refused(406, "PGRST106", { message: "Invalid schema: other", hint: "Only the following schemas are exposed: public" })],
  ["the schema itself", (db) => db.schema("public").from("users").select("id").eq("id", 1), ok(ids(1))],

  ["select count, as a column", (db) => db.from("users").select("count"), ok([{ count: 5 }])],
  ["select a column twice", (db) => db.from("users").select("id,again:id").eq("id", 1), ok([{ id: 1, again: 1 }])],
  ["select nothing", (db) => db.from("users").select("").eq("id", 1), ok([ann])],
  ["order", (db) => db.from("users").select("name").order("name"), ok(names("Ann", "Bob", "Cy, (jr)", 'D"ee', "Eve"))],
  ["order descending", (db) => db.from("users").select("id").order("id", { ascending: false }), ok(ids(5, 4, 3, 2, 1))],
  ["order by two", (db) => db.from("users").select("id").order("age", { ascending: false, nullsFirst: false }).order("name", { ascending: false }), ok(ids(4, 2, 1, 5, 3))],
  ["order, nulls first", (db) => db.from("users").select("id").order("age", { nullsFirst: true }).order("id"), ok(ids(3, 5, 1, 2, 4))],
  ["order, nulls last", (db) => db.from("users").select("id").order("age", { nullsFirst: false }).order("id"), ok(ids(5, 1, 2, 4, 3))],
  ["order, nulls as the database has them", (db) => db.from("users").select("id").order("age").order("id"), ok(ids(5, 1, 2, 4, 3))],
  ["order by json", (db) => db.from("users").select("id").order("settings->>theme", { nullsFirst: false }).order("id"), ok(ids(1, 2, 3, 4, 5))],
  ["order by an unknown column", (db) => db.from("users").select("id").order("nope"), refused(400, "42703", { message: "column users.nope does not exist", hint: 'Perhaps you meant to reference the column "users.name".' })],

  ["limit", (db) => db.from("users").select("id").order("id").limit(2), ok(ids(1, 2))],
  ["limit of none", (db) => db.from("users").select("id").limit(0), ok([])],
  ["limit below none", (db) => db.from("users").select("id").limit(-1), refused(416, "PGRST103", { message: "Requested range not satisfiable", details: "Limit should be greater than or equal to zero." })],
  ["range", (db) => db.from("users").select("id").order("id").range(1, 2), ok(ids(2, 3))],
  ["range and count", (db) => db.from("users").select("id", { count: "exact" }).order("id").range(1, 2), ok(ids(2, 3), { status: 206, count: 5 })],
  ["range past the end", (db) => db.from("users").select("id").order("id").range(4, 10), ok(ids(5))],
  ["range beyond the end", (db) => db.from("users").select("id").range(50, 60), ok([])],
  ["range beyond the end, count", (db) => db.from("users").select("id", { count: "exact" }).range(50, 60), refused(416, "PGRST103", { message: "Requested range not satisfiable", details: "An offset of 50 was requested, but there are only 5 rows." })],
  ["count", (db) => db.from("users").select("id", { count: "exact" }).order("id"), ok(ids(1, 2, 3, 4, 5), { count: 5 })],
  ["count of some", (db) => db.from("users").select("id", { count: "exact" }).eq("age", 45).limit(1), ok(ids(2), { status: 206, count: 2 })],
  ["count and no rows", (db) => db.from("users").select("id", { count: "exact" }).limit(0), ok([], { status: 206, count: 5 })],
  ["count estimated of few", (db) => db.from("users").select("id", { count: "estimated" }).eq("id", 1), ok(ids(1), { count: 1, status: undefined, statusText: undefined })],
  ["count of none", (db) => db.from("users").select("id", { count: "exact" }).eq("age", 1), ok([], { count: 0 })],
  ["count alone", (db) => db.from("users").select("*", { head: true, count: "exact" }), ok(null, { count: 5 })],
  ["count alone of some", (db) => db.from("users").select("*", { head: true, count: "exact" }).gt("age", 40), ok(null, { count: 2 })],
  ["head without count", (db) => db.from("users").select("*", { head: true }), ok(null)],
  ["head of what is wrong", (db) => db.from("users").select("nope", { head: true }), { success: false, data: null, count: null, status: 400, error: { message: "" } }],
  ["head of what is not there", (db) => db.from("nothing").select("*", { head: true }), ok(null, { status: 204 })], // so the client reads an empty 404

  ["single", (db) => db.from("users").select("id,name").eq("id", 1).single(), ok({ id: 1, name: "Ann" })],
  ["single of none", (db) => db.from("users").select().eq("id", 99).single(), refused(406, "PGRST116", { ...cannot, details: "The result contains 0 rows" })],
  ["single of many", (db) => db.from("users").select().single(), refused(406, "PGRST116", { ...cannot, details: "The result contains 5 rows" })],
  ["single of many, limited", (db) => db.from("users").select("id").order("id").limit(1).single(), ok({ id: 1 })],
  ["single and count", (db) => db.from("users").select("id", { count: "exact" }).eq("id", 2).single(), ok({ id: 2 }, { count: 1 })],
  ["maybeSingle", (db) => db.from("users").select("id").eq("id", 1).maybeSingle(), ok({ id: 1 })],
  ["maybeSingle of none", (db) => db.from("users").select("id").eq("id", 99).maybeSingle(), ok(null)],
  ["maybeSingle of many", (db) => db.from("users").select("id").maybeSingle(), refused(406, "PGRST116", { message: "JSON object requested, multiple (or no) rows returned", details: "Results contain 5 rows, application/vnd.pgrst.object+json requires 1 row" })],
  ["csv", (db) => db.from("users").select("id,name,active,age").in("id", [2, 3, 4]).order("id").csv(), ok('id,name,active,age\n2,Bob,f,45\n3,"Cy, (jr)",t,\n4,"D""ee",t,45')],
  ["csv of none", (db) => db.from("users").select("id,name").eq("id", 99).csv(), ok("id,name\n")],
  ["stripNulls", (db) => db.from("users").select("id,age,manager_id").in("id", [1, 3]).order("id").stripNulls(), ok([{ id: 1, age: 31 }, { id: 3, manager_id: 1 }])],
  ["stripNulls of one", (db) => db.from("users").select("id,age").eq("id", 3).single().stripNulls(), ok({ id: 3 })],
  ["geojson is not served", (db) => db.from("users").select().geojson(), refused(406, "PGRST107", { message: "None of these media types are available: application/geo+json" })],
  ["explain is not served", (db) => db.from("users").select().explain(), refused(406, "PGRST107", { message: undefined })],

  ["explain as json is not served", (db) => db.from("users").select().explain({ format: "json", analyze: true }), refused(406, "PGRST107", { message: undefined })],
  ["csv without nulls is refused by the client", (db) => db.from("users").select().csv().stripNulls(), thrown({ message: "stripNulls() cannot be used with csv()" })],
  ["throwOnError of an answer", (db) => db.from("users").select("id").eq("id", 1).throwOnError(), ok(ids(1))],
  ["throwOnError of an error", (db) => db.from("users").select("nope").throwOnError(), thrown({ name: "PostgrestError", code: "42703", message: "column users.nope does not exist", details: null, hint: 'Perhaps you meant to reference the column "users.name".' })],
  ["aborted before", (db) => db.from("users").select().abortSignal(AbortSignal.abort()).then(({ error, status }) => ({ status, hint: error.hint })), { status: 0, statusText: undefined, hint: "Request was aborted (timeout or manual cancellation)" }],
  ["with a signal that is not used", (db) => db.from("users").select("id").eq("id", 1).abortSignal(new AbortController().signal), ok(ids(1))],
  ["a header of one's own", (db) => db.from("users").select("id").eq("id", 1).setHeader("X-Client-Info", "test"), ok(ids(1))],

  ["aggregate: count", (db) => db.from("posts").select("count()"), ok([{ count: 4 }])],
  ["aggregate: sums", (db) => db.from("posts").select("stars.sum(),most:stars.max(),least:stars.min(),mean:stars.avg()"), ok([{ sum: 12, most: 5, least: 3, mean: 4 }])],
  ["aggregate: groups", (db) => db.from("posts").select("status,stars.count()").order("status"), ok([{ status: "draft", count: 1 }, { status: "published", count: 2 }])],
  ["aggregate: a cast", (db) => db.from("posts").select("n:stars.sum()::text"), ok([{ n: "12" }])],
  ["aggregate: where it is not allowed", (db) => db.from("users").select("count()"), refused(400, "PGRST123", { message: "Use of aggregate functions is not allowed" })],
];
