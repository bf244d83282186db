// The page: views of one run. The address behind # says which, so that each has a bookmark and "back" works.

import { bytes, chip, duration, el, icon, number, replace, say, stateOf, time, words } from "./dom.js";
import { chart, graphOf, stageTable } from "./draw.js";
import { ask, listen, Pictures, Screen } from "./live.js";

const OLD = 2.5;  // seconds after which a picture is no longer called new
const KEPT = 200;
const LAYERS = { boxes: "Boxes", labels: "Labels", trails: "Trails", zones: "Zones", masks: "Masks" };

const byId = (id) => document.getElementById(id);
const main = byId("main");
const pictures = new Pictures();
const run = { sources: [], events: [], id: "", unseen: 0, away: false };
let view = { name: "", update() {}, event() {}, leave() {} };
const timers = new Set();

const find = (name) => run.sources.find((source) => source.name === name);
const toCamera = (name) => `#/camera/${encodeURIComponent(name)}`;
const ratioOf = (source) => (source.width && source.height ? Math.max(0.5, Math.min(source.width / source.height, 2.4)) : 16 / 9);

// Call now and then until the view is left.
function every(seconds, act) {
  const again = () => Promise.resolve(act()).catch(() => {});
  again();
  timers.add(setInterval(() => { if (!document.hidden) again(); }, seconds * 1000));
}

// -- screens ---------------------------------------------------------------------------------------------

// A picture with what has become of its source: grey, with the reason and its age, where it is not new.
class Monitor {
  constructor(source) {
    this.name = source.name;
    this.canvas = el("canvas", { width: 640, height: Math.round(640 / ratioOf(source)), role: "img" });
    this.screen = new Screen(source.name, this.canvas);
    this.title = el("strong");
    this.cause = el("span");
    this.age = el("span", { class: "age" });
    this.veil = el("div", { class: "veil", hidden: true }, el("div", {}, this.title, this.cause, this.age));
    this.node = el("div", { class: "monitor", style: { "--ratio": ratioOf(source) } }, this.canvas, this.veil);
  }

  // What to call the source now: a picture that does not come is told, whatever the source says.
  stateOf(source) {
    const age = this.screen.age;
    if (run.away && (age === null || age > OLD)) return "old";
    return source.arriving && age !== null && age > OLD && this.screen.visible ? "old" : source.state;
  }

  update(source) {
    const state = this.stateOf(source), age = this.screen.age;
    const fresh = source.arriving && state !== "old" && age !== null;
    this.node.classList.toggle("stale", !fresh && age !== null);
    this.veil.hidden = fresh;
    const shape = this.screen.shown ? this.canvas : source;  // a graph may turn its pictures
    this.node.style.setProperty("--ratio", ratioOf(shape));
    const waiting = source.arriving && age === null;
    say(this.title, waiting ? "Waiting for a picture" : stateOf(state)[0]);
    say(this.cause, state === "old" ? "" : source.error || source.cause);
    say(this.age, age === null ? "" : `last picture ${duration(age)} ago`);
    this.canvas.setAttribute("aria-label", `${this.name}: ${stateOf(state)[0]}${fresh ? "" : `, ${source.cause}`}`);
    return state;
  }
}

function tile(source) {
  const monitor = new Monitor(source);
  const place = el("span", { class: "chip-place" });
  const rate = el("span", { class: "rate" });
  const node = el("a", { class: "tile", href: toCamera(source.name), "data-source": source.name }, monitor.node,
    el("span", { class: "legend" }, el("span", { class: "name", text: source.name }), rate, place));
  let shown = "";
  const update = (now) => {
    const state = monitor.update(now);
    if (state !== shown) replace(place, chip(shown = state));
    const done = now.share === null ? "" : `${Math.floor(now.share * 100)} % · `;
    say(rate, now.arriving && now.fps ? done + `${now.fps.toFixed(now.fps < 9.95 ? 1 : 0)} fps` : "");
  };
  update(source);
  return { node, monitor, update };
}

// -- events ----------------------------------------------------------------------------------------------

function titleOf(event) {
  return event.name ? `${words(event.kind)} · ${event.name}` : words(event.kind);
}

function factsOf(event) {
  const who = [event.class, event.track === null ? "" : `#${event.track}`].filter(Boolean).join(" ");
  const more = ["direction", "reason", "text"].map((key) => event.data?.[key]).filter((v) => typeof v === "string");
  return [event.source, who, ...more].filter(Boolean).join(" · ");
}

function snapshotOf(event) {
  if (!event.snapshot) return el("span", { class: "snap none" }, icon("ended"));
  return el("span", { class: "snap" }, el("img", { src: event.snapshot, alt: "", loading: "lazy", decoding: "async" }));
}

function card(event) {
  return el("li", {}, el("button", { class: "event", "data-event": event.id, onclick: () => enlarge(event) }, snapshotOf(event),
    el("span", { class: "what" }, el("span", { class: "title", text: titleOf(event) }), el("span", { class: "dim", text: factsOf(event) }),
      el("time", { class: "dim", datetime: event.time, text: time(event.wall) }))));
}

function enlarge(event) {
  const facts = { Camera: event.source, Time: time(event.wall), Class: event.class, Track: event.track === null ? "" : `#${event.track}`,
    ...Object.fromEntries(Object.entries(event.data).map(([key, value]) => [words(key), typeof value === "object" ? JSON.stringify(value) : String(value)])) };
  const dialog = el("dialog", { class: "sheet", "aria-label": titleOf(event), onclose: () => dialog.remove(), onclick: (e) => { if (e.target === dialog) dialog.close(); } },
    el("form", { method: "dialog" }, el("h2", { text: titleOf(event) }), el("button", { class: "close", "aria-label": "Close" }, icon("lost"))),
    event.snapshot ? el("img", { src: event.snapshot, alt: `Snapshot: ${titleOf(event)}` }) : null,
    el("dl", {}, Object.entries(facts).filter(([, value]) => value).map(([key, value]) => el("div", {}, el("dt", { text: key }), el("dd", { text: value })))),
    el("p", {}, el("a", { href: toCamera(event.source), onclick: () => dialog.close(), text: `Look at ${event.source}` })));
  document.body.append(dialog);
  dialog.showModal();
}

// A list that new events come into from above; at most so many.
function eventList(most, wanted = () => true) {
  const node = el("ol", { class: "events" });
  const none = el("p", { class: "none", text: "Nothing has happened yet." });
  const add = (event) => {
    if (!wanted(event)) return;
    none.remove();
    node.prepend(card(event));
    while (node.children.length > most) node.lastChild.remove();
  };
  for (const event of run.events.filter(wanted).slice(-most)) add(event);
  return { node: el("div", {}, node.children.length ? null : none, node), add };
}

// -- views -----------------------------------------------------------------------------------------------

function grid() {
  let tiles = new Map();
  const place = el("section", { class: "grid", "aria-label": "Cameras" });
  const list = eventList(40);
  const build = () => {
    tiles = new Map(run.sources.map((source) => [source.name, tile(source)]));
    const ratios = run.sources.map(ratioOf).sort((a, b) => a - b);  // most pictures fill their place
    place.style.setProperty("--tile", String(Math.max(1.2, Math.min(ratios[ratios.length >> 1] || 16 / 9, 1.8))));
    place.className = `grid n${Math.min(run.sources.length, 10)}`;
    replace(place, [...tiles.values()].map((t) => t.node), tiles.size ? null : el("p", { class: "none", text: "No cameras yet." }));
    const first = [...tiles.values()][0];
    const width = first ? Math.min(960, Math.ceil(first.node.clientWidth * Math.min(devicePixelRatio, 2) * 0.8)) : 640;
    pictures.show([...tiles.values()].map((t) => t.monitor.screen), { width: Math.max(320, width) });
  };
  replace(main, el("div", { class: "with-rail" }, place, el("aside", { class: "rail", "aria-label": "Latest events" }, el("h2", { text: "Latest events" }), list.node)));
  build();
  place.addEventListener("keydown", (event) => move(event, [...tiles.values()].map((t) => t.node)));
  return {
    update() {
      if (run.sources.length !== tiles.size || run.sources.some((source) => !tiles.has(source.name))) build();
      for (const source of run.sources) tiles.get(source.name).update(source);
    },
    event: list.add,
  };
}

// Arrow keys: to the neighbour that lies there.
function move(event, nodes) {
  const at = nodes.indexOf(document.activeElement);
  const columns = nodes.filter((node) => node.offsetTop === nodes[0].offsetTop).length;
  const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[event.key];
  if (at < 0 || !step) return;
  event.preventDefault();
  nodes[Math.max(0, Math.min(nodes.length - 1, at + step))].focus();
}

function toggle(text, pressed, act) {
  return el("button", { class: "toggle", "aria-pressed": String(pressed), onclick: act, text });
}

function camera(name) {
  const source = find(name);
  if (!source) return missing(name);
  const monitor = new Monitor(source);
  const head = { chip: el("span"), cause: el("span", { class: "dim" }) };
  const facts = el("dl", { class: "facts" }), counts = el("div"), table = el("div"), past = el("ol", { class: "past" });
  const list = eventList(30, (event) => event.source === name);
  const tools = el("div", { class: "tools", role: "group", "aria-label": "What is drawn on the picture" });
  let layers = null;
  const look = (wanted) => {
    layers = wanted;
    const chosen = layers === null ? (source.drawn ? [] : source.usual) : layers;
    replace(tools,
      source.drawn ? toggle("As the graph draws it", layers === null, () => look(null)) : null,
      source.layers.map((layer) => toggle(LAYERS[layer] || layer, chosen.includes(layer),
        () => look(chosen.includes(layer) ? chosen.filter((l) => l !== layer) : [...chosen, layer]))),
      source.layers.length ? toggle("Plain picture", layers !== null && !layers.length, () => look([])) : null);
    const width = Math.ceil(monitor.node.clientWidth * Math.min(devicePixelRatio, 2) * 0.9);
    pictures.show([monitor.screen], { width: Math.max(480, Math.min(1920, width)), layers });
  };
  replace(main,
    el("div", { class: "head" }, el("a", { class: "back", href: "#/", "aria-label": "Back to all cameras", text: "All cameras" }),
      el("h1", { text: name }), head.chip, head.cause),
    el("div", { class: "single" }, el("div", {}, monitor.node, tools),
      el("aside", { class: "side" }, el("section", {}, facts), el("section", {}, el("h2", { text: "Counts" }), counts),
        el("section", {}, el("h2", { text: "Events" }), list.node))),
    el("section", { class: "panel" }, el("h2", { text: "Stages" }), table),
    el("section", { class: "panel" }, el("h2", { text: "What it has been" }), past));
  look(null);
  let shown = "";
  const update = () => {
    const now = find(name);
    if (!now) return;
    const state = monitor.update(now);
    if (state !== shown) replace(head.chip, chip(shown = state));
    say(head.cause, now.error || now.cause);
    const age = monitor.screen.age;
    fill(facts, { Picture: now.width ? `${now.width} × ${now.height}` : "–", Rate: `${now.fps.toFixed(1)} of ${now.decoded_fps.toFixed(1)} fps`,
      Age: age === null ? "–" : age < OLD ? `${Math.round(age * 1000)} ms` : duration(age), Frames: number(now.frames.done),
      Dropped: number(now.frames.dropped), Failed: number(now.frames.failed), Returns: number(now.reconnects), From: now.uri || now.kind });
  };
  update();
  every(1, async () => {
    const details = await ask(`/api/v1/sources/${encodeURIComponent(name)}`);
    const kept = table.querySelector(".scroll")?.scrollLeft || 0;  // a phone that has been swiped stays there
    replace(table, stageTable(details.stages));
    table.querySelector(".scroll").scrollLeft = kept;
    replace(counts, details.counts.length ? details.counts.map(countRow) : el("p", { class: "none", text: "Nothing is counted here." }));
    replace(past, details.history.slice(0, 20).map(pastRow));
  });
  return { update, event: list.add, source: name };
}

function fill(list, facts) {
  const texts = Object.entries(facts);
  if (list.children.length !== texts.length) replace(list, texts.map(([key]) => el("div", {}, el("dt", { text: key }), el("dd"))));
  texts.forEach(([, value], i) => say(list.children[i].lastChild, value));
}

function countRow({ place, values }) {
  return el("div", { class: "count" }, el("h3", { text: place }),
    el("dl", {}, Object.entries(values).map(([label, value]) => el("div", {}, el("dd", { text: number(value) }), el("dt", { text: label.replaceAll("_", " ") })))));
}

function pastRow({ state, cause, wall, source }) {
  return el("li", {}, el("time", { class: "dim", text: time(wall) }), source ? el("a", { href: toCamera(source), text: source }) : null,
    chip(state), el("span", { text: cause }));
}

function missing(name) {
  replace(main, el("div", { class: "head" }, el("a", { class: "back", href: "#/", text: "All cameras" }), el("h1", { text: "No such camera" })),
    el("p", { text: `There is no camera '${name}' in this run.` }));
  return {};
}

function pick(label, values, act) {
  return el("label", { class: "pick" }, el("span", { text: label }),
    el("select", { onchange: (event) => act(event.target.value) }, el("option", { value: "", text: "All" }), values.map((value) => el("option", { value, text: words(value) }))));
}

function events() {
  const wanted = { source: "", kind: "" };
  const place = el("div", { class: "wall" });
  let list;
  const build = () => {
    list = eventList(KEPT, (event) => (!wanted.source || event.source === wanted.source) && (!wanted.kind || event.kind === wanted.kind));
    replace(place, list.node);
  };
  const kinds = [...new Set(run.events.map((event) => event.kind))].sort();
  replace(main, el("div", { class: "head" }, el("h1", { text: "Events" }),
    el("div", { class: "picks" },
      el("label", { class: "pick" }, el("span", { text: "Camera" }), el("select", { onchange: (e) => { wanted.source = e.target.value; build(); } },
        el("option", { value: "", text: "All" }), run.sources.map((source) => el("option", { value: source.name, text: source.name })))),
      pick("Kind", kinds, (value) => { wanted.kind = value; build(); }))), place);
  build();
  return { event: (event) => list.add(event) };
}

function counts() {
  const place = el("div", { class: "charts" });
  replace(main, el("div", { class: "head" }, el("h1", { text: "Counts" }), el("span", { class: "dim", text: "the last hour at most" })), place);
  every(2, async () => {
    const history = await ask("/api/v1/counts?points=300");
    const groups = new Map();
    const width = Math.max(260, Math.min(640, (place.querySelector(".chart") || place).clientWidth - (place.children.length ? 0 : 40)));
    for (const series of history.series) {
      const key = JSON.stringify([series.source, series.stage, series.place]);
      if (!groups.has(key)) groups.set(key, { ...series, lines: [] });
      groups.get(key).lines.push(series);
    }
    const order = new Map(run.sources.map((source, i) => [source.name, i]));
    const sorted = [...groups.values()].sort((a, b) => (order.get(a.source) ?? 99) - (order.get(b.source) ?? 99));
    replace(place, sorted.map((group) => el("section", { class: "panel plot" },
      el("div", { class: "plot-head" }, el("h2", { text: group.place }), el("a", { class: "dim", href: toCamera(group.source), text: group.source })),
      el("ul", { class: "key" }, group.lines.map((line, n) => el("li", { class: `tone${n % 6}` }, el("b", { text: number(line.values.at(-1)) }), el("span", { text: line.label.replaceAll("_", " ") })))),
      chart(group.lines, history.end, history.step, width))),
    groups.size ? null : el("p", { class: "none", text: "No stage counts anything yet." }));
  });
  return {};
}

function graph(wanted) {
  const tabs = el("div", { class: "tools", role: "group", "aria-label": "Camera" });
  const drawing = el("div", { class: "scroll flow-place", tabindex: "0", role: "region", "aria-label": "The graph" });
  const table = el("div"), machine = el("dl", { class: "facts wide" }), advice = el("p", { class: "dim" });
  replace(main, el("div", { class: "head" }, el("h1", { text: "Graph" }), tabs), el("section", { class: "panel" }, drawing, advice),
    el("section", { class: "panel" }, el("h2", { text: "Stages" }), table), el("section", { class: "panel" }, el("h2", { text: "This process" }), machine));
  let drawn, name = wanted || run.sources[0]?.name;
  const build = async () => {
    const { graphs } = await ask("/api/v1/graph");
    const names = graphs.flatMap((g) => g.sources);
    if (!names.includes(name)) name = names[0];
    replace(tabs, names.length > 1 ? names.map((n) => toggle(n, n === name, () => { name = n; build(); })) : null);
    const found = graphs.find((g) => g.sources.includes(name));
    drawn = found ? graphOf(found, name) : null;
    replace(drawing, drawn?.node);
    await refresh();
  };
  const refresh = async () => {
    const metrics = await ask("/api/v1/metrics");
    const figures = metrics.sources.find((s) => s.source === name);
    if (figures) {
      drawn?.update(figures);
      const kept = table.querySelector(".scroll")?.scrollLeft || 0;
      replace(table, stageTable(figures.stages));
      table.querySelector(".scroll").scrollLeft = kept;
    }
    fill(machine, { "Runs for": duration(metrics.elapsed_s), "Processor time": duration(metrics.process.cpu_s), Memory: bytes(metrics.process.memory_bytes),
      "Open files": number(metrics.process.open_files), Threads: number(metrics.process.threads), "Pictures looked at": number(metrics.page.looks) });
  };
  build().catch(() => {});
  every(1, refresh);
  every(5, async () => say(advice, (await ask("/api/v1/state")).advice));
  return {};
}

function log() {
  const notes = el("div"), past = el("ol", { class: "past" });
  replace(main, el("div", { class: "head" }, el("h1", { text: "Log" })),
    el("section", { class: "panel" }, el("h2", { text: "Notices" }), notes), el("section", { class: "panel" }, el("h2", { text: "Cameras" }), past));
  every(2, async () => {
    const { recent } = await ask("/api/v1/notices");
    replace(notes, recent.length ? el("ol", { class: "past" }, recent.map((n) => el("li", {}, el("time", { class: "dim", text: time(n.wall) }),
      n.source ? el("a", { href: toCamera(n.source), text: n.source }) : null, el("b", { text: words(n.kind) }),
      el("span", { text: [n.stage, n.message].filter(Boolean).join(": ") })))) : el("p", { class: "none", text: "Nothing to report." }));
    const all = await Promise.all(run.sources.slice(0, 16).map((s) => ask(`/api/v1/sources/${encodeURIComponent(s.name)}`)));
    const rows = all.flatMap((details) => details.history.map((row) => ({ ...row, source: details.name })));
    replace(past, rows.sort((a, b) => b.wall - a.wall).slice(0, 80).map(pastRow));
  });
  return {};
}

const VIEWS = { "": grid, camera, events, counts, graph, log };

function route(event) {
  const [name, argument] = location.hash.replace(/^#\/?/, "").split("/");
  const from = view.source;
  for (const timer of timers) clearInterval(timer);
  timers.clear();
  pictures.show([], { width: 640 });
  const make = VIEWS[name] || grid;
  view = { update() {}, event() {}, ...make(argument ? decodeURIComponent(argument) : undefined) };
  const here = name === "camera" || !VIEWS[name] ? "" : name;
  for (const link of byId("nav").querySelectorAll("a")) {
    const active = link.getAttribute("href") === `#/${here}`;
    if (active) link.setAttribute("aria-current", "page"); else link.removeAttribute("aria-current");
  }
  if (name === "events") seen();
  document.title = [argument && decodeURIComponent(argument), name && words(name), "vidstream"].filter(Boolean)[0] + (name ? " · vidstream" : "");
  scrollTo(0, 0);
  if (!event) return;
  // the keyboard goes on where the eye is: with the camera one comes from, or at the top of what is new
  const back = !name && from ? main.querySelector(`[data-source="${CSS.escape(from)}"]`) : null;
  (back || main).focus({ preventScroll: !back });
}

function seen() {
  run.unseen = 0;
  byId("unseen").hidden = true;
}

// -- what comes ------------------------------------------------------------------------------------------

const announced = new Map();

function announce(source) {
  const before = announced.get(source.name);
  announced.set(source.name, source.state);
  if (before !== undefined && before !== source.state) {
    say(byId("said"), `${source.name}: ${stateOf(source.state)[0]}${source.cause ? `, ${source.cause}` : ""}`);
  }
}

function summary() {
  const fine = run.sources.filter((source) => source.arriving).length, all = run.sources.length;
  const ended = run.sources.filter((source) => source.state === "ended" && !source.error).length;
  const node = byId("summary");
  node.className = `summary ${run.away ? "bad" : fine + ended === all ? "good" : "bad"}`;
  const text = run.away ? "No answer" : !all ? "" : fine === all ? `${all} live` : ended === all ? "All ended" : `${fine} of ${all} live`;
  if (node.textContent !== text) replace(node, icon(run.away || fine + ended < all ? "bad" : "live"), el("span", { text }));
}

let begun = false;

listen({
  open() { run.away = byId("away").hidden = false; byId("away").hidden = true; },
  away() { run.away = true; byId("away").hidden = false; summary(); },
  state(now) {
    if (run.id && now.run !== run.id) run.events = [];  // another run has taken its place: its events come now
    run.id = now.run;
    run.sources = now.sources;
    run.away = false;
    byId("away").hidden = true;
    run.sources.forEach(announce);
    summary();
    if (!begun) { begun = true; route(); }
    view.update();
  },
  event(event) {
    run.events.push(event);
    if (run.events.length > KEPT) run.events.shift();
    if (begun) view.event(event);
    if (begun && location.hash.replace(/^#\/?/, "") !== "events") {
      run.unseen += 1;
      byId("unseen").hidden = false;
      say(byId("unseen"), run.unseen > 99 ? "99+" : String(run.unseen));
    }
  },
});

setInterval(() => { if (begun) view.update(); }, 500);
addEventListener("hashchange", route);
byId("skip").addEventListener("click", () => main.focus());

addEventListener("keydown", (event) => {
  if (event.target.closest("dialog, select, input") || event.altKey || event.ctrlKey || event.metaKey) return;
  if (event.key === "Escape" && location.hash.replace(/^#\/?/, "")) location.hash = "#/";
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step || !view.source || event.target.closest(".scroll")) return;
  const at = run.sources.findIndex((source) => source.name === view.source);
  const next = run.sources[(at + step + run.sources.length) % run.sources.length];
  location.hash = toCamera(next.name);
});
