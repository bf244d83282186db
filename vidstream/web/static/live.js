// What comes from the run: answers, events, and pictures, all of a page's pictures over one connection.

export async function ask(path, options) {
  const answer = await fetch(path, { ...options, headers: { Accept: "application/json", ...(options?.headers || {}) } });
  if (answer.status === 401) location.reload();  // the login has ended: the form is behind this address, too
  const value = await answer.json();
  if (!answer.ok) throw new Error(value?.error?.message || answer.statusText);
  return value;
}

export function listen({ event, state, open, away }) {
  let source;
  let last = "";
  const connect = () => {
    source = new EventSource("/api/v1/stream");
    source.onopen = open;
    source.addEventListener("event", (message) => {
      if (message.lastEventId === last) return;
      last = message.lastEventId;
      event(JSON.parse(message.data));
    });
    source.addEventListener("state", (message) => state(JSON.parse(message.data)));
    source.onerror = () => {
      away();
      if (source.readyState !== EventSource.CLOSED) return;  // it tries again by itself
      source.close();
      setTimeout(async () => {
        await ask("/api/v1/state").catch(() => {});
        connect();
      }, 2000);
    };
  };
  connect();
}

const END = [13, 10, 13, 10];

function headEnd(data) {
  for (let i = 0; i + 3 < data.length; i += 1) {
    if (data[i] === END[0] && data[i + 1] === END[1] && data[i + 2] === END[2] && data[i + 3] === END[3]) return i;
  }
  return -1;
}

// Gives each part of an endless multipart answer: { source, frame, age, data }.
export class Parts {
  constructor(give) {
    this.give = give;
    this.data = new Uint8Array(0);
  }

  add(chunk) {
    const joined = new Uint8Array(this.data.length + chunk.length);
    joined.set(this.data);
    joined.set(chunk, this.data.length);
    this.data = joined;
    while (this.take());
  }

  take() {
    const end = headEnd(this.data);
    if (end < 0) return false;
    const head = new TextDecoder().decode(this.data.subarray(0, end));
    const field = (name) => new RegExp(`^${name}: *(.*)$`, "im").exec(head)?.[1]?.trim();
    const length = Number(field("Content-Length") || 0);
    const start = end + 4;
    if (!length) {
      this.data = this.data.slice(start);
      return true;
    }
    if (this.data.length < start + length) return false;
    const age = field("X-Age");
    this.give({
      source: field("X-Source"),
      frame: Number(field("X-Frame")),
      age: age ? Number(age) : null,
      data: this.data.slice(start, start + length),
    });
    this.data = this.data.slice(start + length);
    return true;
  }
}

// One connection with the pictures of all screens that can be seen; none while the tab is hidden.
export class Pictures {
  constructor() {
    this.screens = new Map();
    this.wanted = "";
    this.timer = 0;
    this.stopped = null;
    document.addEventListener("visibilitychange", () => this.refresh());
    this.seen = new IntersectionObserver((entries) => {
      for (const entry of entries) {
        const screen = [...this.screens.values()].find((s) => s.canvas === entry.target);
        if (screen) screen.visible = entry.isIntersecting;
      }
      this.refresh();
    }, { rootMargin: "120px" });
  }

  show(screens, { width, layers = null }) {
    for (const screen of this.screens.values()) this.seen.unobserve(screen.canvas);
    this.screens = new Map(screens.map((screen) => [screen.source, screen]));
    this.width = width;
    this.layers = layers;
    for (const screen of this.screens.values()) this.seen.observe(screen.canvas);
    this.refresh();
  }

  path() {
    const names = [...this.screens.values()].filter((s) => s.visible).map((s) => s.source);
    if (document.hidden || !names.length) return "";
    const query = new URLSearchParams({ sources: names.join(","), width: String(this.width) });
    if (this.layers !== null) query.set("layers", this.layers.join(","));
    return `/api/v1/pictures?${query}`;
  }

  refresh() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      const path = this.path();
      if (path === this.wanted) return;
      this.wanted = path;
      this.stopped?.abort();
      if (path) this.read(path);
    }, 150);
  }

  async read(path) {
    const stopped = this.stopped = new AbortController();
    while (!stopped.signal.aborted) {
      try {
        const answer = await fetch(path, { signal: stopped.signal });
        if (answer.status === 401) location.reload();
        if (answer.ok) await this.consume(answer.body.getReader());
      } catch {
        // hung up on, by either side
      }
      if (!stopped.signal.aborted) await new Promise((done) => setTimeout(done, 1000));
    }
  }

  async consume(reader) {
    const parts = new Parts((part) => this.screens.get(part.source)?.take(part));
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      parts.add(value);
    }
  }
}

// A canvas that shows the newest picture of a source, and knows how old that is.
export class Screen {
  constructor(source, canvas) {
    this.source = source;
    this.canvas = canvas;
    this.visible = false;
    this.taken = null;  // when the shown picture was taken, on this page's clock
    this.busy = false;
    this.next = null;
    this.shown = 0;
  }

  get age() {
    return this.taken === null ? null : (performance.now() - this.taken) / 1000;
  }

  take(part) {
    this.next = { ...part, arrived: performance.now() };
    if (!this.busy) this.decode();
  }

  async decode() {
    this.busy = true;
    while (this.next) {
      const part = this.next;
      this.next = null;
      try {
        const picture = await createImageBitmap(new Blob([part.data], { type: "image/jpeg" }));
        if (this.canvas.width !== picture.width || this.canvas.height !== picture.height) {
          this.canvas.width = picture.width;
          this.canvas.height = picture.height;
        }
        this.canvas.getContext("2d").drawImage(picture, 0, 0);
        picture.close();
        this.taken = part.arrived - (part.age || 0) * 1000;
        this.shown += 1;
        this.canvas.dataset.frame = part.frame;
      } catch {
        // not a picture: the next one will be
      }
    }
    this.busy = false;
  }
}
