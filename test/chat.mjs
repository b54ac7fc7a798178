// Two people on the page of examples/chat, each in a browser context of their own:
//
//   node chat.mjs CHROMIUM URL MANIFEST SCREENSHOT
//
// Each step that holds is one line "ok STEP" on stdout. At "edited" it waits for a line on
// stdin, which says that the gateway has read the manifest again. Any other end is a
// failure, told on stderr.
import { readFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const [executablePath, url, manifest, screenshot] = process.argv.slice(2);
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

const ok = (step) => console.log("ok " + step);

function same(what, got, want) {
  if (JSON.stringify(got) !== JSON.stringify(want)) {
    throw new Error(what + ": got " + JSON.stringify(got) + ", want " + JSON.stringify(want));
  }
}

// open gives a page on which everything that must not happen is counted.
async function open(browser, name) {
  const context = await browser.newContext({ viewport: { width: 720, height: 640 } });
  const page = await context.newPage();
  const seen = { sockets: 0, closed: 0, navigations: 0, errors: [] };
  page.on("websocket", (socket) => {
    seen.sockets++;
    socket.on("close", () => seen.closed++);
  });
  page.on("framenavigated", () => seen.navigations++);
  page.on("pageerror", (error) => seen.errors.push(String(error)));
  page.on("console", (message) => { if (message.type() === "error") seen.errors.push(message.text()); });
  page.setDefaultTimeout(45_000);
  await page.goto(url);
  return { name, page, seen };
}

async function signUp({ page, name }) {
  await page.fill("#email", name.toLowerCase() + "@example.com");
  await page.fill("#password", "correct horse battery");
  await page.fill("#name", name);
  await page.click("#signup");
  await page.waitForSelector("#chat", { state: "visible" });
  await page.waitForSelector("#enter", { state: "hidden" });
}

async function say({ page }, text) {
  await page.fill("#body", text);
  await page.press("#body", "Enter");
}

// reads waits until the last message of the page is by this name and says this.
async function reads({ page }, name, text) {
  await page.waitForFunction(([name, text]) => {
    const last = document.querySelector("#messages li:last-child");
    return last && last.querySelector("b").textContent === name && last.lastChild.textContent === text;
  }, [name, text]);
}

async function sees({ page }, names) {
  await page.waitForFunction((names) => {
    const shown = [...document.querySelectorAll("#online span")].map((span) => span.textContent);
    return shown.join() === names.join();
  }, names);
}

const browser = await chromium.launch({
  executablePath,
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
try {
  const ann = await open(browser, "Ann");
  const bob = await open(browser, "Bob");
  await signUp(ann);
  await sees(ann, ["Ann"]);
  await signUp(bob);
  ok("both sign up and join");

  await sees(ann, ["Ann", "Bob"]);
  await sees(bob, ["Ann", "Bob"]);
  ok("each sees both online");

  await say(ann, "Good morning!");
  await reads(ann, "Ann", "Good morning!");
  await reads(bob, "Ann", "Good morning!");
  await say(bob, "Hello <b>Ann</b>, how are you?");
  await reads(ann, "Bob", "Hello <b>Ann</b>, how are you?");
  await reads(bob, "Bob", "Hello <b>Ann</b>, how are you?");
  ok("both read each other's messages");

  const before = readFileSync(manifest, "utf8");
  const edited = before.replace('name: "${member.name}", body: "${payload.body}"', 'name: "${member.name}", body: "${upper(payload.body)}"');
  if (edited === before) throw new Error("the line to edit is not in " + manifest);
  writeFileSync(manifest, edited);
  console.log("edited");
  await lines.next();
  await say(ann, "louder please");
  await reads(ann, "Ann", "LOUDER PLEASE");
  await reads(bob, "Ann", "LOUDER PLEASE");
  for (const { seen, name } of [ann, bob]) {
    same(name, seen, { sockets: 1, closed: 0, navigations: 1, errors: [] });
  }
  ok("an edit changes the next message, on the same websocket");

  await bob.page.screenshot({ path: screenshot });
  await bob.page.close();
  await sees(ann, ["Ann"]);
  ok("closing a tab shows the leave");
  same("Ann", ann.seen, { sockets: 1, closed: 0, navigations: 1, errors: [] });
} finally {
  await browser.close();
}
process.exit(0);
