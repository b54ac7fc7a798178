// The client of npm as it is. It is given a transport, which is one of its options, and a
// fetch, which it takes from its surroundings; both only choose the node.
import { LongPoll, Presence, Socket } from "phoenix";
import WebSocket from "ws";
import { anywhere, moved } from "./places.mjs";
import { patience, until, within } from "./run.mjs";

const fetch = globalThis.fetch;
globalThis.fetch = (url, options) => fetch(moved(url), options);

export class Frames extends WebSocket {
  constructor(url, protocols) {
    super(moved(url), protocols);
  }
}

export { LongPoll, Presence };

// connect opens a socket as the user of the case.
export function connect(t, params = {}, { host = anywhere, path = "/socket", ...options } = {}) {
  const given = typeof params === "function" ? params : { user: t.user, ...params };
  const socket = new Socket(`ws://${host}${path}`, { transport: t.polls ? LongPoll : Frames, timeout: patience, params: given, reconnectAfterMs: () => 20, rejoinAfterMs: () => 20, ...options });
  socket.closes = [];
  socket.opens = 0;
  socket.onClose((event) => socket.closes.push(event.code));
  socket.onOpen(() => socket.opens++);
  t.after(() => new Promise((yes) => socket.disconnect(yes)));
  socket.connect();
  return socket;
}

// outcome of a push: [status, response]; "timeout" has no response.
export function outcome(push) {
  const { event } = push;
  return within("the outcome of " + event, new Promise((yes) => {
    for (const status of ["ok", "error", "timeout"]) push.receive(status, (response) => yes(status === "timeout" ? [status] : [status, response]));
  }), patience + 5000); // the client tells a timeout of its own
}

// enter joins a topic. The channel notes what comes: channel.heard has [event, payload] of
// those that are no replies, channel.joins counts the joins that were let in.
export async function enter(socket, topic, params = {}) {
  const channel = listen(socket, topic, params);
  const [status, response] = await outcome(channel.join());
  if (status !== "ok") throw new Error(`the join of ${topic} gave ${status} ${JSON.stringify(response)}`);
  channel.welcome = response;
  return channel;
}

export function listen(socket, topic, params = {}) {
  const channel = socket.channel(topic, params);
  channel.heard = [];
  channel.joins = 0;
  channel.onMessage = (event, payload) => {
    if (event && !event.startsWith("chan_reply_") && event !== "phx_reply") channel.heard.push([event, payload]);
    return payload;
  };
  channel.joinPush.receive("ok", () => channel.joins++);
  return channel;
}

// events that a channel heard, by name or all.
export const heard = (channel, event) => channel.heard.filter(([name]) => name === event).map(([, payload]) => payload);

export const next = (channel, event) => within(`${event} on ${channel.topic}`, new Promise((yes) => {
  const ref = channel.on(event, (payload) => {
    channel.off(event, ref);
    yes(payload);
  });
}));

// left leaves, and returns when the server says so: the client itself does not wait for that.
export async function left(channel) {
  const closed = within("phx_close of " + channel.topic, new Promise((yes) => {
    channel.socket.onMessage(({ topic, event }) => topic === channel.topic && event === "phx_close" && yes());
  }));
  channel.leave();
  await closed;
}

// settled returns when what was sent before on the topic has been handled and arrived.
export const settled = (channel) => outcome(channel.push("echo", {}));

export const reopened = (socket, opens = 2) => until("the socket is open again", () => socket.opens >= opens && socket.isConnected());

export const rejoined = (channel, joins = 2) => until("the channel is joined again", () => channel.joins >= joins && channel.isJoined());
