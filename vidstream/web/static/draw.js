// Drawings from data: the graph with what its stages cost, and numbers over time.

import { el, milliseconds, number, svg, time } from "./dom.js";

const WIDE = 196, HIGH = 84, GAP_X = 40, GAP_Y = 46, EDGE = 16;
const RAIL = 20, RAILS = 16;  // how far beside the boxes long arrows run, and how far from each other

// Where boxes stand, and beside them the rails on which arrows over several rows run.
function places(graph) {
  const across = new Map();
  for (const box of graph.boxes) across.set(box.row, Math.max(across.get(box.row) || 0, box.column + 1));
  const inner = Math.max(...across.values()) * (WIDE + GAP_X) - GAP_X;
  const found = new Map();
  for (const box of graph.boxes) {
    const row = across.get(box.row) * (WIDE + GAP_X) - GAP_X;
    found.set(box.id, { x: (inner - row) / 2 + box.column * (WIDE + GAP_X), y: EDGE + box.row * (HIGH + GAP_Y), row: box.row });
  }
  const sides = { left: [], right: [] };
  for (const arrow of graph.arrows) {
    const a = found.get(arrow.start), b = found.get(arrow.end);
    if (b.row - a.row > 1) sides[b.x < a.x ? "left" : "right"].push(arrow);
  }
  const rails = new Map();
  for (const [side, arrows] of Object.entries(sides)) {
    const longest = [...arrows].sort((a, b) => span(found, a) - span(found, b));
    longest.forEach((arrow, n) => rails.set(arrow, railOf(found, arrow, side, n)));
  }
  const least = Math.min(0, ...[...rails.values()].map((x) => x - 24)) - EDGE;
  const most = Math.max(inner, ...[...rails.values()].map((x) => x + 24)) + EDGE;
  return { found, rails, least, width: most - least, height: 2 * EDGE + across.size * (HIGH + GAP_Y) - GAP_Y };
}

const span = (found, arrow) => found.get(arrow.end).row - found.get(arrow.start).row;

function railOf(found, arrow, side, n) {
  const from = found.get(arrow.start), to = found.get(arrow.end);
  const between = [...found.values()].filter((box) => box.row >= from.row && box.row < to.row);
  return side === "left" ? Math.min(...between.map((b) => b.x)) - RAIL - n * RAILS : Math.max(...between.map((b) => b.x + WIDE)) + RAIL + n * RAILS;
}

function arrowOf(arrow, where, rail) {
  const a = where.get(arrow.start), b = where.get(arrow.end);
  const x1 = a.x + WIDE / 2, y1 = a.y + HIGH, x2 = b.x + WIDE / 2, y2 = b.y - 3;
  const middle = (y1 + y2) / 2;
  const out = rail === undefined ? 0 : Math.sign(rail - x1) * 34;
  const d = rail === undefined ? `M${x1} ${y1}C${x1} ${middle} ${x2} ${middle} ${x2} ${y2}`
    : `M${x1 + out} ${y1}C${x1 + out} ${y1 + GAP_Y * 0.6} ${rail} ${y1 + GAP_Y * 0.1} ${rail} ${y1 + GAP_Y}V${y2 - GAP_Y}C${rail} ${y2 - GAP_Y * 0.1} ${x2 + out} ${y2 - GAP_Y * 0.6} ${x2 + out} ${y2}`;
  const line = svg("path", { d, class: arrow.dashed ? "arrow dashed" : "arrow", "marker-end": "url(#tip)" });
  // beside each other, labels would cover each other: those on rails stand just below their beginning
  const at = rail === undefined ? { x: (x1 + x2) / 2, y: middle + 4 } : { x: rail, y: y1 + GAP_Y + 14 };
  return { line, label: svg("text", { ...at, class: "port", "text-anchor": "middle", text: arrow.label }) };
}

function cut(text, letters) {
  return text.length > letters ? `${text.slice(0, letters - 1)}…` : text;
}

function boxOf(box, place, source) {
  const at = (dy, cls, text, props = {}) => svg("text", { x: 14, y: dy, class: cls, text, ...props });
  const parts = {
    time: at(62, "figure", ""),
    load: svg("rect", { x: 14, y: 72, height: 4, width: 0, rx: 2, class: "load" }),
    queue: at(26, "queue", "", { x: WIDE - 14, "text-anchor": "end" }),
    drops: at(62, "drops", "", { x: WIDE - 14, "text-anchor": "end" }),
  };
  const use = box.remarks ? `${box.use} · ${box.remarks}` : box.use;
  parts.node = svg("g", { transform: `translate(${place.x} ${place.y})`, class: `box ${box.role}`, "data-stage": box.id },
    svg("title", { text: `${box.id}: ${use}` }),
    svg("rect", { width: WIDE, height: HIGH, rx: 12, class: "back" }),
    at(26, "id", cut(box.role === "source" ? source : box.id, 17)),
    at(43, "use", cut(use, 28)), parts.time,
    svg("rect", { x: 14, y: 72, height: 4, width: WIDE - 28, rx: 2, class: "rail" }), parts.load, parts.queue, parts.drops);
  return parts;
}

// Gives { node, update(figures of one source) }.
export function graphOf(graph, source) {
  const { found, rails, least, width, height } = places(graph);
  const arrows = graph.arrows.map((arrow) => arrowOf(arrow, found, rails.get(arrow)));
  const boxes = new Map(graph.boxes.map((box) => [box.id, boxOf(box, found.get(box.id), source)]));
  const tip = svg("marker", { id: "tip", viewBox: "0 0 8 8", refX: 6, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto" },
    svg("path", { d: "M0 0L8 4L0 8z", class: "tip" }));
  const node = svg("svg", { viewBox: `${least} 0 ${width} ${height}`, width, class: width < 480 ? "flow narrow" : "flow", role: "img", "aria-label": `Graph of ${source}; the table below holds its figures` },
    svg("defs", {}, tip), arrows.map((a) => a.line), [...boxes.values()].map((b) => b.node), arrows.map((a) => a.label));
  const update = (figures) => {
    const first = boxes.get("source");
    if (first) {
      first.time.textContent = `${figures.decoded_fps.toFixed(1)} fps`;
      first.drops.textContent = figures.dropped_at_source ? `${number(figures.dropped_at_source)} dropped` : "";
      first.load.setAttribute("width", 0);
    }
    for (const row of figures.stages) {
      const box = boxes.get(row.stage);
      if (!box) continue;
      box.time.textContent = row.runs ? milliseconds(row.p50_ms) : "not run yet";
      box.load.setAttribute("width", (Math.min(1, row.busy_now) * (WIDE - 28)).toFixed(1));
      box.load.setAttribute("class", row.busy_now > 0.9 ? "load full" : "load");
      box.queue.textContent = row.queue ? `${row.queue} waiting` : "";
      const lost = row.dropped + row.failed;
      box.drops.textContent = lost ? `${number(lost)} ${row.failed ? "lost" : "dropped"}` : `${Math.round(row.busy_now * 100)} %`;
    }
  };
  return { node, update };
}

export function stageTable(rows) {
  const head = ["Stage", "Kind", "p50", "p95", "Busy", "Runs", "Per s", "Waiting", "Dropped", "Failed"];
  return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Stages" }, el("table", {},
    el("thead", {}, el("tr", {}, head.map((text, i) => el("th", { scope: "col", class: i > 1 ? "num" : null, text })))),
    el("tbody", {}, rows.map((row) => el("tr", {},
      el("th", { scope: "row", text: row.stage }), el("td", { class: "dim", text: row.use }),
      [milliseconds(row.p50_ms), milliseconds(row.p95_ms), `${Math.round(row.busy_now * 100)} %`, number(row.runs), row.runs_now.toFixed(1),
        row.queue === null ? "" : `${row.queue} / ${row.queue_peak}`, number(row.dropped), number(row.failed)]
        .map((text) => el("td", { class: "num", text })))))));
}

const CHART_H = 150, LEFT = 40, BOTTOM = 22, TOP = 8;

function roundUp(value) {
  if (value <= 4) return 4;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 4, 5, 8, 10].map((n) => n * power).find((n) => n >= value);
}

function lineOf(values, x, y) {
  let path = "", pen = false;
  values.forEach((value, i) => {
    if (value === null) { pen = false; return; }
    path += `${pen ? "L" : "M"}${x(i).toFixed(1)} ${y(value).toFixed(1)}`;
    pen = true;
  });
  return path;
}

// Numbers over time; `lines` are [{ label, values }], all of one length, the newest value last.
export function chart(lines, end, step, width) {
  const length = Math.max(2, ...lines.map((line) => line.values.length));
  const top = roundUp(Math.max(1, ...lines.flatMap((line) => line.values.filter((v) => v !== null))));
  const x = (i) => LEFT + (i / (length - 1)) * (width - LEFT - 8);
  const y = (value) => TOP + (1 - value / top) * (CHART_H - TOP - BOTTOM);
  const grid = [0, top / 2, top].map((value) => [
    svg("line", { x1: LEFT, x2: width - 8, y1: y(value), y2: y(value), class: value ? "grid" : "axis" }),
    svg("text", { x: LEFT - 8, y: y(value) + 4, class: "tick", "text-anchor": "end", text: number(value) })]);
  const ticks = [0, 0.5, 1].map((share) => svg("text", {
    x: x(share * (length - 1)), y: CHART_H - 4, class: "tick", "text-anchor": share === 0 ? "start" : share === 1 ? "end" : "middle",
    text: time(end - (1 - share) * (length - 1) * step) }));
  // lines of different length end together
  const drawn = lines.map((line, n) => svg("path", {
    d: lineOf([...Array(length - line.values.length).fill(null), ...line.values], x, y), class: `line tone${n % 6}` }));
  const said = lines.map((line) => `${line.label} ${number(line.values.at(-1))}`).join(", ");
  return svg("svg", { viewBox: `0 0 ${width} ${CHART_H}`, class: "chart", role: "img", "aria-label": `Over time; now ${said}` }, grid, ticks, drawn);
}
