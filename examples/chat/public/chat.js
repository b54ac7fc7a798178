// The page of the chat: sign up or log in, join a room, see who is there, talk.
"use strict";

const at = (id) => document.getElementById(id);

async function post(path, body, token) {
  const headers = { "content-type": "application/json" };
  if (token) headers.authorization = "Bearer " + token;
  const response = await fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
  const text = await response.text();
  return { ok: response.ok, status: response.status, body: text ? JSON.parse(text) : null };
}

function wordsOf(answer) {
  const errors = answer.body && answer.body.errors;
  if (errors) return Object.entries(errors).map(([field, list]) => field + " " + list.join(", ")).join("; ");
  return (answer.body && (answer.body.error || answer.body.detail || answer.body.title)) || "something went wrong";
}

async function enter(event) {
  event.preventDefault();
  const problem = at("problem");
  problem.textContent = "";
  const who = { email: at("email").value, password: at("password").value };
  if (event.submitter && event.submitter.value === "signup") {
    const made = await post("/api/users", who);
    if (!made.ok) { problem.textContent = wordsOf(made); return; }
  }
  const login = await post("/api/auth/login", who);
  if (!login.ok) { problem.textContent = wordsOf(login); return; }
  const room = at("room").value, token = login.body.token;
  const member = await post("/api/rooms/" + encodeURIComponent(room) + "/members", { name: at("name").value }, token);
  if (!member.ok) { problem.textContent = wordsOf(member); return; }
  join(room, token);
}

function join(room, token) {
  const socket = new Phoenix.Socket("/socket", { params: { token } });
  socket.connect();
  const channel = socket.channel("room:" + room, {});
  const presence = new Phoenix.Presence(channel);
  presence.onSync(() => showOnline(presence));
  channel.on("new_msg", show);
  channel.join()
    .receive("ok", () => {
      at("enter").hidden = true;
      at("chat").hidden = false;
      at("room-name").textContent = room;
      at("body").focus();
    })
    .receive("error", (reply) => { at("problem").textContent = "the room refused: " + reply.reason; socket.disconnect(); });
  at("say").addEventListener("submit", (event) => {
    event.preventDefault();
    channel.push("new_msg", { body: at("body").value })
      .receive("error", (reply) => show({ name: "!", body: reply.reason }));
    at("body").value = "";
  });
}

function show(message) {
  const line = document.createElement("li"), name = document.createElement("b"), time = document.createElement("time"), body = document.createElement("p");
  name.textContent = message.name;
  time.textContent = new Date(message.timestamp || Date.now()).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  body.textContent = message.body;
  line.className = message.name === at("name").value ? "mine" : "";
  line.append(name, time, body);
  at("messages").append(line);
  line.scrollIntoView({ block: "end" });
}

function showOnline(presence) {
  const names = presence.list((_id, { metas }) => metas[0].name).sort();
  at("online").replaceChildren(...names.map((name) => {
    const span = document.createElement("span");
    span.textContent = name;
    return span;
  }));
}

at("enter").addEventListener("submit", enter);
