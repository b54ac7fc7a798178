// Cases are lists of [name, run, where it cannot run]. Each is a sentence of the protocol, and
// has a user and topics of its own, so that all run side by side.
import { nodes } from "./places.mjs";

export const patience = 30_000; // ms that anything is waited for
const longest = 120_000; // ms of a case
const width = 16; // cases at a time

let made = 0;

// A Case is given to run: `this case` has names that no other has, and ends what it began.
export class Case {
  constructor(polls) {
    this.polls = polls;
    this.user = this.unique();
    this.endings = [];
  }

  unique(kind) {
    const name = `${process.pid}x${made++}`;
    return kind === undefined ? name : `${kind}:${name}`;
  }

  after(end) {
    this.endings.push(end);
  }

  async end() {
    for (const end of this.endings.reverse()) await end();
  }
}

// within settles with p, or fails with what was awaited.
export function within(what, p, ms = patience) {
  let timer;
  const late = new Promise((_, no) => {
    timer = setTimeout(() => no(new Error("waited in vain for " + what)), ms);
  });
  return Promise.race([p, late]).finally(() => clearTimeout(timer));
}

export async function until(what, ok, ms = patience) {
  const end = Date.now() + ms;
  while (!(await ok())) {
    if (Date.now() > end) throw new Error("waited in vain until " + what);
    await new Promise((yes) => setTimeout(yes, 5));
  }
}

// why a case is not run here; "" when it is.
function reason(test, polls) {
  if (polls && test.notOverPolls) return "not over long poll: " + test.notOverPolls;
  if (test.own && !process.env.GATEWAY_BINARY) return "it starts a gateway of its own: GATEWAY_BINARY says which";
  if (nodes > 1 && test.own) return "one node only: it has a process of its own";
  if (nodes > 1 && test.oneNode) return "one node only: " + test.oneNode;
  return "";
}

async function judge({ name, run, polls, ...test }) {
  const why = reason(test, polls);
  if (why) return console.log(`# ${name} (${why})`);
  const t = new Case(polls);
  const begun = Date.now();
  try {
    await within("the end of the case", run(t), longest);
    console.log(`ok ${name}${process.env.TIMES ? ` ${Date.now() - begun}ms` : ""}`);
  } catch (error) {
    console.error(`not ok ${name}\n${error.stack}\n`);
    process.exitCode = 1;
  }
  await within("the case to clean up", t.end()).catch((error) => console.error(`${name}: ${error.stack}`));
}

// runAll runs cases side by side. Two of one name are a mistake.
export async function runAll(cases) {
  const names = new Set();
  for (const { name } of cases) {
    if (names.has(name)) throw new Error("two cases are named " + name);
    names.add(name);
  }
  const rest = [...cases];
  const worker = async () => {
    while (rest.length > 0) await judge(rest.shift());
  };
  await Promise.all(Array.from({ length: width }, worker));
}
