// What SQLite has not, and how that is told.
import { refused } from "./kit.mjs";

const lacks = (name, filter, what) => [name + " is not there", (db) => filter(db.from("users").select("id")), refused(400, "0A000", { message: "SQLite has no " + what })];
const operator = (name, filter, what) => [name + " is not there", (db) => filter(db.from("users").select("id")), refused(404, "42883", { message: `operator does not exist: ${what} unknown`, hint: "No operator matches the given name and argument types. You might need to add explicit type casts." })];

const readonly = refused(405, undefined, { reason: "method_not_allowed", details: undefined, hint: undefined }); // views take no writes there

export const sqlite = [
  lacks("textSearch", (q) => q.textSearch("name", "cat"), "full-text search"),
  lacks("textSearch, plain", (q) => q.textSearch("name", "cat", { type: "plain" }), "full-text search"),
  lacks("textSearch, phrase", (q) => q.textSearch("name", "cat", { type: "phrase" }), "full-text search"),
  lacks("textSearch, websearch", (q) => q.textSearch("name", "cat", { type: "websearch", config: "english" }), "full-text search"),
  operator("rangeGt", (q) => q.rangeGt("age", "[1,2)"), "integer >>"),
  operator("rangeGte", (q) => q.rangeGte("age", "[1,2)"), "integer &>"),
  operator("rangeLt", (q) => q.rangeLt("age", "[1,2)"), "integer <<"),
  operator("rangeLte", (q) => q.rangeLte("age", "[1,2)"), "integer &<"),
  operator("rangeAdjacent", (q) => q.rangeAdjacent("age", "[1,2)"), "integer -|-"),
  operator("contains", (q) => q.contains("name", ["a"]), "character varying @>"),
  operator("containedBy", (q) => q.containedBy("name", ["a"]), "character varying <@"),
  operator("overlaps", (q) => q.overlaps("name", ["a"]), "character varying &&"),
  ["insert into a view", (db) => db.from("ranked_langs").insert({ name: "view", rank: 50 }), readonly],
  ["update of a view", (db) => db.from("ranked_langs").update({ rank: 51 }).eq("name", "go"), readonly],
  ["delete from a view", (db) => db.from("ranked_langs").delete().eq("name", "go"), readonly],
  ["rpc is not there", (db) => db.rpc("add", { a: 1 }), refused(404, undefined, { reason: "not_found", details: undefined, hint: undefined })],
];
