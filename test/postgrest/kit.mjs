// Cases are lists of [name, what to ask of the client, what it must give].
import { STATUS_CODES } from "node:http";
import { inspect, isDeepStrictEqual } from "node:util";
import { PostgrestClient } from "@supabase/postgrest-js";

// ok is an answer without an error: its data, and what else differs from 200 without a count.
export const ok = (data, more) => ({ success: true, error: null, data, count: null, status: 200, ...more });

// written is the answer to a write that asks for nothing back.
export const created = (more) => ok(null, { status: 201, ...more });
export const changed = (more) => ok(null, { status: 204, ...more });

// refused is an answer with an error. Details and hint are null where they are not given; a
// member that is undefined may be anything.
export const refused = (status, code, error) => ({ success: false, data: null, count: null, status, error: { details: null, hint: null, ...error, code } });

// thrown is an error that the client throws; all of the members given must be its.
export const thrown = (error) => ({ thrown: error });

async function answer(ask, db) {
  try {
    return await ask(db);
  } catch (error) {
    return { thrown: error };
  }
}

// words are those of RFC 7233, where Node has the shorter ones of RFC 9110.
const words = { 416: "Requested Range Not Satisfiable" };

// pick takes the members of an answer that a case speaks of: those that are not undefined.
function pick(from, want) {
  const names = Object.keys(want).filter((name) => want[name] !== undefined);
  return from && Object.fromEntries(names.map((name) => [name, from[name]]));
}

function part(got, want) {
  const whole = { ...pick(got, want) };
  for (const name of ["error", "thrown"]) {
    if (want[name] && got[name]) whole[name] = pick(got[name], want[name]);
  }
  return whole;
}

// judge runs cases one after another, and writes a line for each that holds; what one that
// does not hold gave goes to stderr.
export async function judge(url, cases) {
  const db = new PostgrestClient(url, { retry: false });
  const names = new Set();
  for (const [name, ask, want] of cases) {
    if (names.has(name)) throw new Error("two cases are named " + name);
    names.add(name);
    const all = want.thrown ? want : { statusText: words[want.status] ?? STATUS_CODES[want.status], ...want };
    const raw = await answer(ask, db);
    if (isDeepStrictEqual(part(raw, all), part(all, all))) console.log("ok " + name);
    else console.error(`${name}\n  got  ${show(raw)}\n  want ${show(all)}`);
  }
}


const show = (value) => inspect(value, { depth: 9, breakLength: Infinity });
