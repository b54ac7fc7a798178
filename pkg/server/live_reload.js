// Reloads this page when a file of the application changes, and shows the faults of its
// manifest. In development alone.
(() => {
  let id, box;

  // Styles by properties and text by textContent: a strict policy allows both.
  const add = (parent, text, style) => {
    const e = parent.appendChild(document.createElement("div"));
    e.textContent = text;
    Object.assign(e.style, style);
    return e;
  };

  const show = (faults) => {
    if (box) box.remove();
    box = null;
    if (!faults || !faults.length) return;
    box = document.body.appendChild(document.createElement("gateway-faults"));
    Object.assign(box.style, {
      position: "fixed", inset: "0", zIndex: "2147483647", overflow: "auto", padding: "2rem",
      background: "rgba(20,20,24,.94)", color: "#eee", font: "14px/1.5 ui-monospace,monospace", display: "block",
    });
    add(box, "The manifest has faults; the one before is still served.", { fontSize: "18px", marginBottom: "1rem" });
    for (const f of faults) {
      add(box, (f.at ? f.at + ": " : "") + f.message, { color: "#ff9d9d", marginTop: "1rem" });
      if (f.excerpt) add(box, f.excerpt, { whiteSpace: "pre" });
    }
    add(box, "Close", { marginTop: "1.5rem", cursor: "pointer", textDecoration: "underline" }).onclick = () => show();
  };

  const restyle = (names) => {
    for (const link of document.querySelectorAll('link[rel~="stylesheet"]')) {
      const url = new URL(link.href, location.href);
      if (url.origin !== location.origin || !names.includes(decodeURIComponent(url.pathname.split("/").pop()))) continue;
      url.searchParams.set("live_reload", Date.now());
      link.href = url.href;
    }
  };

  // A hidden page lets go of its connection: browsers allow few to one host.
  let events;
  const listen = () => {
    if (events) events.close();
    events = null;
    if (document.hidden) return;
    events = new EventSource("/gateway/live_reload");
    events.onmessage = (message) => {
      const event = JSON.parse(message.data);
      if (event.reload || (id && id !== event.id && !event.css)) {
        events.close();
        location.reload();
        return;
      }
      id = event.id;
      if (event.css) restyle(event.css);
      show(event.faults);
    };
  };
  document.addEventListener("visibilitychange", listen);
  addEventListener("pagehide", () => events && events.close());
  addEventListener("pageshow", (e) => { if (e.persisted) location.reload(); });
  listen();
})();
