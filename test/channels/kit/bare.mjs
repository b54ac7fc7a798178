// A websocket without a library: bytes out, frames in.
import net from "node:net";
import { base } from "./places.mjs";
import { within } from "./run.mjs";

// frame makes one of a client, with a mask. first is its first byte: 0x81 is a whole text.
export function frame(first, payload = Buffer.alloc(0), { mask = Buffer.from([1, 2, 3, 4]), length } = {}) {
  const data = Buffer.from(payload);
  const size = length ?? data.length;
  const head = size < 126 ? Buffer.from([first, 0x80 | size]) : size < 65536 ? Buffer.from([first, 0xfe, size >> 8, size & 255]) : Buffer.alloc(10);
  if (size >= 65536) {
    head.set([first, 0xff]);
    head.writeBigUInt64BE(BigInt(size), 2);
  }
  return Buffer.concat([head, mask, data.map((byte, i) => byte ^ mask[i & 3])]);
}

export const text = (data) => frame(0x81, data);

class Bare {
  frames = []; // [opcode, payload]
  rest = Buffer.alloc(0);
  waiting = [];

  constructor(socket) {
    this.socket = socket;
    socket.on("data", (data) => this.take(data));
    socket.on("error", () => {});
    this.ended = new Promise((yes) => socket.on("close", yes));
  }

  take(data) {
    this.rest = Buffer.concat([this.rest, data]);
    for (;;) {
      if (!this.answer) {
        const end = this.rest.indexOf("\r\n\r\n");
        if (end < 0) return;
        this.answer = this.rest.subarray(0, end).toString();
        this.rest = this.rest.subarray(end + 4);
        this.opened();
      }
      if (this.rest.length < 2) return;
      const short = this.rest[1] & 127;
      const head = short < 126 ? 2 : short === 126 ? 4 : 10;
      if (this.rest.length < head) return;
      const size = short < 126 ? short : short === 126 ? this.rest.readUInt16BE(2) : Number(this.rest.readBigUInt64BE(2));
      if (this.rest.length < head + size) return;
      this.arrived([this.rest[0], this.rest.subarray(head, head + size)]);
      this.rest = this.rest.subarray(head + size);
    }
  }

  arrived(frame) {
    const first = this.waiting.shift();
    if (first) first(frame);
    else this.frames.push(frame);
  }

  // receive gives a frame: [first byte, payload].
  receive() {
    if (this.frames.length > 0) return Promise.resolve(this.frames.shift());
    return within("a frame", new Promise((yes) => this.waiting.push(yes)));
  }

  async receiveText() {
    const [first, payload] = await this.receive();
    if (first !== 0x81) throw new Error(`a frame of ${first.toString(16)} ${payload.toString("hex")}`);
    return payload.toString();
  }

  // closeCode is that of the next close frame; 1005 when it has none.
  async closeCode() {
    for (;;) {
      const [first, payload] = await this.receive();
      if ((first & 15) === 8) return payload.length < 2 ? 1005 : payload.readUInt16BE(0);
    }
  }
}

// dial opens a websocket. headers are added to those of the handshake, as lines.
export async function dial(t, { path = "/socket", vsn = "2.0.0", headers = "" } = {}) {
  const { hostname, port } = new URL(base());
  const bare = new Bare(net.connect(port, hostname));
  const opened = new Promise((yes) => (bare.opened = yes));
  t.after(() => bare.socket.destroy());
  bare.socket.write(`GET ${path}/websocket?user=${t.user}&vsn=${vsn} HTTP/1.1\r\nHost: ${hostname}:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n${headers}\r\n`);
  await within("the handshake", Promise.race([opened, bare.ended]));
  if (!bare.answer?.startsWith("HTTP/1.1 101 ")) throw new Error("the handshake was answered " + bare.answer);
  return bare;
}
