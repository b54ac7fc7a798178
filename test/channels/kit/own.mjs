// A gateway of a case's own, for what cannot be done to one that others use.
import { spawn } from "node:child_process";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until, within } from "./run.mjs";

// An Own is a running process: its host, and what becomes of it.
class Own {
  log = "";

  // write replaces the manifest at once: a reader never sees half of it. Where a process
  // listens cannot change while it runs; one that comes after it listens where it did.
  async write(manifest, listen = "127.0.0.1:0") {
    const file = join(this.dir, "app.yaml");
    await writeFile(file + ".new", manifest.replace("LISTEN", listen));
    await rename(file + ".new", file);
  }

  async start() {
    this.process = spawn(process.env.GATEWAY_BINARY, ["serve", "--watch", "app.yaml"], { cwd: this.dir, stdio: ["ignore", "pipe", "pipe"] });
    this.process.stderr.on("data", (data) => (this.log += data));
    this.ended = new Promise((yes) => this.process.on("exit", yes));
    const served = new Promise((yes) => {
      let out = "";
      this.process.stdout.on("data", (data) => {
        const at = / on http:\/\/([^ ]+:\d+)\n/.exec((out += data));
        if (at) yes(at[1]);
      });
    });
    const failed = this.ended.then(() => Promise.reject(new Error("the gateway ended:\n" + this.log)));
    failed.catch(() => {}); // when it ends later it was meant to
    this.host = await within("the gateway to serve", Promise.race([served, failed]));
  }

  // reload writes another manifest, and returns when the log says so.
  async reload(manifest, says = '"msg":"reloaded"') {
    const before = this.log.length;
    await this.write(manifest);
    await until("the log says " + says, () => this.log.slice(before).includes(says));
  }

  stop = () => this.process.kill("SIGTERM");
}

// serve starts a gateway, whose manifest says LISTEN where it is to listen.
export async function serve(t, manifest) {
  const own = new Own();
  own.dir = await mkdtemp(join(tmpdir(), "channels-"));
  t.after(async () => {
    own.process?.kill("SIGKILL");
    await own.ended;
    await rm(own.dir, { recursive: true });
  });
  await own.write(manifest);
  await own.start();
  return own;
}
