// Rows that belong to who asks.
import { PostgrestClient } from "@supabase/postgrest-js";
import { changed, ok, refused } from "./kit.mjs";

const as = (user, ask) => (db) => ask(new PostgrestClient(db.url + "/mine", { headers: { "X-User": user }, retry: false }).from("notes"));
const ann = (ask) => as("1", ask);
const bob = (ask) => as("2", ask);
const texts = (...list) => list.map((text) => ({ text }));
const once = (q, text) => q.insert({ text }).setHeader("Idempotency-Key", "k1");

export const mine = [
  ["an insert belongs to who makes it", ann((q) => q.insert({ text: "a1" }).select("text,user_id,user(name)").single()), ok({ text: "a1", user_id: 1, user: { name: "Ann" } }, { status: 201 })],
  ["rows come back when the entry says so", ann((q) => q.insert({ text: "a2" })), ok([{ id: 2, text: "a2", user_id: 1 }], { status: 201 })],
  ["another's insert", bob((q) => q.insert([{ text: "b1" }, { text: "b2" }]).select("text")), ok(texts("b1", "b2"), { status: 201 })],
  ["nobody names an owner", bob((q) => q.insert({ text: "b3", user_id: 1 })), refused(422, "invalid", { message: "some fields are not valid", errors: { user_id: ["cannot be set"] } })],
  ["each reads what is his", ann((q) => q.select("text", { count: "exact" }).order("text")), ok(texts("a1", "a2"), { count: 2 })],
  ["another's row is not there", bob((q) => q.select().eq("text", "a1").single()), refused(406, "PGRST116", { message: "Cannot coerce the result to a single JSON object", details: "The result contains 0 rows" })],
  ["another's row is not changed", bob((q) => q.update({ text: "x" }, { count: "exact" }).eq("text", "a1")), ok([], { count: 0 })],
  ["another's row is not deleted", bob((q) => q.delete({ count: "exact" }).eq("text", "a1").select("text")), ok([], { count: 0 })],
  ["what another has taken", bob((q) => q.upsert({ text: "a1" }, { onConflict: "text" })), refused(409, "23505", { message: undefined, details: undefined })],
  ["one's own is merged", bob((q) => q.upsert({ text: "b1" }, { onConflict: "text" }).select("text")), ok(texts("b1"))],
  ["a filter does not lead out", bob((q) => q.select("text").or("user_id.eq.1,user_id.eq.2").order("text")), ok(texts("b1", "b2"))],
  ["nobody", as("", (q) => q.select()), refused(403, "42501", { message: undefined })],
  ["a row that is deleted", ann((q) => q.delete().eq("text", "a2").select("text")), ok(texts("a2"))],
  ["is gone", ann((q) => q.select("text").order("text")), ok(texts("a1"))],
  ["an insert with a key", ann((q) => once(q, "k").select("text")), ok(texts("k"), { status: 201 })],
  ["the same again", ann((q) => once(q, "k").select("text")), ok(texts("k"), { status: 201 })],
  ["was made once", ann((q) => q.select("text", { head: true, count: "exact" }).eq("text", "k")), ok(null, { count: 1 })],
  ["the key with another content", ann((q) => once(q, "other")), refused(422, "idempotency_key", { message: undefined, hint: undefined })],
  ["a delete that leaves nothing", ann((q) => q.delete().eq("text", "none").setHeader("Prefer", "return=minimal")), changed()],
];
