// Where the gateway is. With several addresses in GATEWAY_URLS each new connection and each
// request of HTTP, single polls too, goes to the next one: no sentence of the protocol may
// depend on which node has whom.
const bases = (process.env.GATEWAY_URLS ?? "http://127.0.0.1:4000").split(",");
let turn = 0;

export const nodes = bases.length;
export const base = () => bases[turn++ % nodes];

// anywhere is the host of addresses that mean the next node.
export const anywhere = "gateway";

// moved gives an address on the next node; one of a process of a case's own stays.
export function moved(url) {
  const { hostname, pathname, search, protocol } = new URL(url);
  if (hostname !== anywhere) return url;
  return base().replace(/^http/, protocol.startsWith("ws") ? "ws" : "http") + pathname + search;
}
