// node main.mjs [TEXT]: runs the cases whose names hold the text, all without one. A line on
// stdout for each that holds; what does not is on stderr, and the exit code is 1.
import { client_channel } from "./cases/client_channel.mjs";
import { client_socket } from "./cases/client_socket.mjs";
import { frames_bytes } from "./cases/frames_bytes.mjs";
import { frames_v1 } from "./cases/frames_v1.mjs";
import { frames_v2 } from "./cases/frames_v2.mjs";
import { handshake_cases } from "./cases/handshake.mjs";
import { bare, lifecycle } from "./cases/lifecycle.mjs";
import { longpoll } from "./cases/longpoll.mjs";
import { malformed } from "./cases/malformed.mjs";
import { history, presence, times } from "./cases/presence.mjs";
import { presence_frames } from "./cases/presence_frames.mjs";
import { runAll } from "./kit/run.mjs";

const only = process.argv[2] ?? "";

// both are run over each transport.
const both = { "socket": client_socket, "channel": client_channel, "V2": frames_v2, "V1": frames_v1, "presence": presence, "presence frames": presence_frames, "every": times, "history": history, "lifecycle": lifecycle };
const once = { "bytes": frames_bytes, "malformed": malformed, "handshake": handshake_cases, "polls": longpoll, "end": bare };

const named = (prefix, cases, polls) => cases.map(([name, run, where]) => ({ name: `${prefix}: ${name}`, run, polls, ...where }));
const all = [
  ...Object.entries(both).flatMap(([section, cases]) => [...named(`websocket, ${section}`, cases, false), ...named(`long poll, ${section}`, cases, true)]),
  ...Object.entries(once).flatMap(([section, cases]) => named(section, cases, false)),
];
await runAll(all.filter(({ name }) => name.includes(only)));
process.exit();
