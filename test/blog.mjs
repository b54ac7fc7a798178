// Two people on the pages of examples/blog, each in a browser context of their own:
//
//   node blog.mjs CHROMIUM URL FOLDER SCREENSHOTS
//
// FOLDER is the copy of the example that is served, whose files the last steps edit;
// pictures of the pages go into SCREENSHOTS. Each step that holds is one line "ok STEP" on
// stdout. Any other end is a failure, told on stderr.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";

const [executablePath, url, folder, screenshots] = process.argv.slice(2);

const ok = (step) => console.log("ok " + step);

function same(what, got, want) {
  if (JSON.stringify(got) !== JSON.stringify(want)) {
    throw new Error(what + ": got " + JSON.stringify(got) + ", want " + JSON.stringify(want));
  }
}

// open gives a page on which everything that must not happen is noted.
async function open(browser) {
  const context = await browser.newContext({ viewport: { width: 1100, height: 900 }, colorScheme: "light" });
  const page = await context.newPage();
  page.faults = [];
  page.loads = 0;
  page.on("pageerror", (error) => page.faults.push(String(error)));
  page.on("console", (m) => {
    const refused = /the server responded with a status of (401|403|404|422) /.test(m.text()); // the steps ask for these
    if (m.type() === "error" && !refused) page.faults.push(m.text());
  });
  page.on("domcontentloaded", () => page.loads++);
  page.setDefaultTimeout(45_000);
  return page;
}

const at = (page) => new URL(page.url()).pathname + new URL(page.url()).hash;
const flash = (page) => page.locator(".flash").allTextContents();
const error = (page, field) => page.locator(`#${field}-errors .error`).allTextContents();

// press clicks what sends a form or follows a link, and gives the status of the page after.
async function press(page, selector) {
  const [response] = await Promise.all([page.waitForResponse((r) => r.request().isNavigationRequest() && (r.status() < 300 || r.status() > 399)), page.click(selector)]);
  await page.waitForLoadState("load");
  return response.status();
}

async function visit(page, path) {
  return (await page.goto(url + path, { waitUntil: "load" })).status();
}

async function signUp(page, name) {
  await visit(page, "/sign-up");
  await page.fill("#name", name);
  await page.fill("#email", name.toLowerCase() + "@example.com");
  await page.fill("#password", "correct horse battery");
  same("status of the sign-up", await press(page, "main button"), 200);
}

// picture draws a landscape and gives it as a file.
async function picture(page, name, hue) {
  const data = await page.evaluate((hue) => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 1200, height: 750 });
    const c = canvas.getContext("2d");
    const sky = c.createLinearGradient(0, 0, 0, 750);
    sky.addColorStop(0, `hsl(${hue} 60% 74%)`);
    sky.addColorStop(1, `hsl(${hue + 40} 70% 92%)`);
    c.fillStyle = sky;
    c.fillRect(0, 0, 1200, 750);
    c.fillStyle = `hsl(${hue + 30} 80% 96%)`;
    c.beginPath(); c.arc(860, 230, 80, 0, 7); c.fill();
    for (let layer = 0; layer < 4; layer++) {
      c.fillStyle = `hsl(${hue - 20} ${30 + layer * 4}% ${60 - layer * 13}%)`;
      c.beginPath(); c.moveTo(0, 750);
      for (let x = 0; x <= 1200; x += 10) c.lineTo(x, 380 + layer * 85 + 60 * Math.sin(x / (170 - layer * 20) + layer * 2));
      c.lineTo(1200, 750); c.fill();
    }
    return canvas.toDataURL("image/png").split(",")[1];
  }, hue);
  return { name, mimeType: "image/png", buffer: Buffer.from(data, "base64") };
}

async function write(page, title, body, status, cover) {
  await visit(page, "/posts/new");
  await page.fill("#title", title);
  await page.fill("#body", body);
  await page.selectOption("#status", status);
  if (cover) await page.setInputFiles("#cover", cover);
  same("status of a new post", await press(page, "main form .actions button"), 200);
}

// shoot takes pictures of a page: wide and narrow, light and dark. It must not be wider than
// the window.
async function shoot(page, name) {
  await page.evaluate(() => scrollTo(0, 0));
  for (const [size, width, height] of [["desktop", 1100, 900], ["phone", 390, 844]]) {
    await page.setViewportSize({ width, height });
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme });
      await page.screenshot({ path: join(screenshots, `${name}-${size}-${colorScheme}.png`) });
    }
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    if (wide > width) throw new Error(`${name} is ${wide} pixels wide on a ${size}`);
  }
  await page.setViewportSize({ width: 1100, height: 900 });
  await page.emulateMedia({ colorScheme: "light" });
}

// edit changes a file of the application, and gives back what undoes it.
function edit(path, change) {
  const file = join(folder, path);
  const before = readFileSync(file, "utf8");
  const after = change(before);
  if (after === before) throw new Error("the edit changes nothing in " + path);
  writeFileSync(file, after);
  return () => writeFileSync(file, before);
}

const browser = await chromium.launch({
  executablePath,
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
try {
  const ann = await open(browser);
  await visit(ann, "/sign-up");
  await ann.fill("#email", "ann@example.com");
  await ann.fill("#password", "short");
  same("status", await press(ann, "main button"), 422);
  same("error of the name", await error(ann, "name"), ["can't be blank"]);
  same("error of the password", await error(ann, "password"), ["should be at least 12 character(s)"]);
  same("values kept", [await ann.inputValue("#email"), await ann.inputValue("#password")], ["ann@example.com", ""]);
  await signUp(ann, "Ann");
  same("flash", await flash(ann), ["Welcome, Ann!"]);
  await ann.reload();
  same("flash, later", await flash(ann), []);
  ok("signs up, after errors at their fields");

  await visit(ann, "/posts/new");
  await ann.fill("#body", "The first morning.\n\nFog over the river, & <2> swans.");
  await ann.selectOption("#status", "published");
  same("status", await press(ann, "main form .actions button"), 422);
  same("error of the title", await error(ann, "title"), ["can't be blank"]);
  same("values kept", [await ann.inputValue("#body"), await ann.inputValue("#status")], ["The first morning.\n\nFog over the river, & <2> swans.", "published"]);
  await shoot(ann, "errors");
  await ann.fill("#title", "Fog");
  same("status", await press(ann, "main form .actions button"), 200);
  same("page", [at(ann), await flash(ann)], ["/posts/1", ["Post created successfully."]]);
  same("text", await ann.locator(".prose").textContent(), "The first morning.\n\nFog over the river, & <2> swans.");
  await ann.reload();
  same("flash, later", await flash(ann), []);
  ok("writes a post, after an error that keeps what was written");

  await press(ann, "text=Edit this post");
  same("form", [at(ann), await ann.inputValue("#title"), await ann.inputValue("#status")], ["/posts/1/edit", "Fog", "published"]);
  await ann.setInputFiles("#cover", { name: "fog.png", mimeType: "image/png", buffer: Buffer.from("not a picture") });
  same("status", await press(ann, "main form .actions button"), 422);
  same("error of the cover", await error(ann, "cover"), ["is not of a type that is taken"]);
  await ann.fill("#title", "Fog over the river");
  await ann.setInputFiles("#cover", await picture(ann, "fog.png", 200));
  same("status", await press(ann, "main form .actions button"), 200);
  same("page", [at(ann), await flash(ann), await ann.textContent("h1")], ["/posts/1", ["Post updated successfully."], "Fog over the river"]);
  same("width of the picture", await ann.locator("img.cover").evaluate((img) => img.decode().then(() => img.naturalWidth)), 1200);
  ok("edits it, and adds a picture");

  await press(ann, "#comments button");
  same("error of the comment", await error(ann, "body"), ["can't be blank"]);
  await ann.fill("#body", "<script>alert(1)</script> & a lovely morning");
  same("status", await press(ann, "#comments form.stack button"), 200);
  same("page", [at(ann), await flash(ann)], ["/posts/1#comments", ["Your comment is there."]]);
  same("comment", await ann.locator(".comment .prose").allTextContents(), ["<script>alert(1)</script> & a lovely morning"]);
  ok("comments, and what is written stays text");

  await visit(ann, "/posts/1/edit");
  await ann.evaluate(() => document.querySelectorAll("input[name=_csrf_token]").forEach((input) => input.remove()));
  await ann.fill("#title", "Changed by nobody");
  same("status", await press(ann, "main form .actions button"), 403);
  await visit(ann, "/posts/1");
  same("title", await ann.textContent("h1"), "Fog over the river");
  ok("a form without its token is refused");

  await write(ann, "Tools that outlast their makers", "A good knife, a plain text file, a bicycle. What they share is that anyone can see how they work, and mend them.\n\nI have been keeping a list of such things. It is shorter than I thought, and most of it is older than I am.", "published", await picture(ann, "tools.png", 25));
  await write(ann, "Notes for a quieter summer", "Nothing to read yet.", "draft");
  const bob = await open(browser);
  await signUp(bob, "Bob");
  same("posts", await bob.locator("h2").allTextContents(), ["Tools that outlast their makers", "Fog over the river"]);
  await visit(bob, "/posts/1");
  same("links", await bob.locator("text=Edit this post").count(), 0);
  same("status of the other's form", await visit(bob, "/posts/1/edit"), 404);
  same("the page of the error", [await bob.textContent("h1"), await bob.locator("header .brand").count()], ["This page is not here", 1]);
  await shoot(bob, "missing");
  same("status of a draft", await visit(bob, "/posts/3"), 404);
  await visit(bob, "/posts/new");
  const stolen = await bob.evaluate(async () => {
    const token = document.querySelector("input[name=_csrf_token]").value;
    const send = (method) => fetch("/posts/1", { method, headers: { "x-csrf-token": token }, body: new URLSearchParams({ title: "Mine now" }) });
    return [(await send("PUT")).status, (await send("DELETE")).status];
  });
  same("status of a change", stolen, [404, 404]);
  await visit(bob, "/posts/1");
  same("title", await bob.textContent("h1"), "Fog over the river");
  ok("nobody edits another's post, or reads a draft");

  await bob.fill("#body", "I know that river.");
  await press(bob, "#comments form.stack button");
  await shoot(bob, "post");
  await visit(bob, "/");
  await shoot(bob, "home");
  await visit(ann, "/posts");
  await shoot(ann, "yours");
  ann.once("dialog", (dialog) => dialog.dismiss());
  await ann.click("li:has-text('quieter') button");
  same("posts", await ann.locator(".row-title").allTextContents(), ["Fog over the river", "Tools that outlast their makers", "Notes for a quieter summer"]);
  ann.once("dialog", (dialog) => dialog.accept());
  same("status", await press(ann, "li:has-text('quieter') button"), 200);
  same("page", [at(ann), await flash(ann)], ["/posts", ["Post deleted successfully."]]);
  same("posts", await ann.locator(".row-title").allTextContents(), ["Fog over the river", "Tools that outlast their makers"]);
  ok("deletes a post, when asked twice");

  await press(ann, "text=Sign out");
  same("flash", await flash(ann), ["You are signed out."]);
  await visit(ann, "/posts/new");
  same("page", [at(ann), await flash(ann)], ["/sign-in", ["Please sign in first."]]);
  await ann.fill("#email", "ann@example.com");
  await ann.fill("#password", "a wrong horse");
  same("status", await press(ann, "main button"), 401);
  same("flash", await flash(ann), ["The email or the password is not right."]);
  same("values kept", [await ann.inputValue("#email"), await ann.inputValue("#password")], ["ann@example.com", ""]);
  await shoot(ann, "signin");
  await ann.fill("#password", "correct horse battery");
  await press(ann, "main button");
  same("page", [at(ann), await flash(ann)], ["/", ["Welcome back, Ann!"]]);
  ok("signs out and in");

  // What is edited is seen without a click.
  await visit(bob, "/");
  let undo = edit("templates/home.html", (text) => text.replace("{{truncate .body 180}}", "{{truncate .body 20}}"));
  await bob.waitForFunction(() => [...document.querySelectorAll(".card p:last-child")].some((p) => p.textContent.includes("A good knife, a plai…")));
  undo();
  await bob.waitForFunction(() => !document.body.textContent.includes("A good knife, a plai…"));
  await bob.waitForLoadState("load");
  const loads = bob.loads;
  undo = edit("public/blog.css", (text) => text + "\nbody { border-top: 7px solid; }\n");
  await bob.waitForFunction(() => getComputedStyle(document.body).borderTopWidth === "7px");
  undo();
  await bob.waitForFunction(() => getComputedStyle(document.body).borderTopWidth === "0px");
  same("loads for a stylesheet", bob.loads, loads);
  ok("an edit of a template or stylesheet shows by itself");

  undo = edit("templates/home.html", (text) => text.replace("{{.title}}", "{{.titel}}{{nobody}}"));
  await bob.waitForFunction(() => document.querySelector("gateway-faults")?.textContent.includes("home.html"));
  await bob.screenshot({ path: join(screenshots, "faults.png") });
  undo();
  await bob.waitForFunction(() => !document.querySelector("gateway-faults") && document.querySelectorAll("h2").length === 2);
  ok("a broken template shows its fault over the page, until it is mended");

  same("what Ann's browser complained of", ann.faults, []);
  same("what Bob's browser complained of", bob.faults, []);
  ok("no script failed, and the policy blocked nothing");
} finally {
  await browser.close();
}
process.exit(0);
