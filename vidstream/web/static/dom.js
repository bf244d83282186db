// Elements from data. Text is always set as text: a name that looks like markup stays a name.

const SVG = "http://www.w3.org/2000/svg";

function fill(node, props, children) {
  for (const [key, value] of Object.entries(props || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key === "text") node.textContent = value;
    else if (key === "style") for (const [name, part] of Object.entries(value)) node.style.setProperty(name, part);
    else node.setAttribute(key, value === true ? "" : value);
  }
  for (const child of children.flat(Infinity)) if (child !== null && child !== undefined && child !== false) node.append(child);
  return node;
}

export const el = (tag, props, ...children) => fill(document.createElement(tag), props, children);
export const svg = (tag, props, ...children) => fill(document.createElementNS(SVG, tag), props, children);

export function replace(node, ...children) {
  node.replaceChildren(...children.flat().filter((child) => child));
}

// Sets a text only where it differs: nothing is laid out anew, and no screen reader starts over.
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });

export function time(wall) {
  const date = new Date(wall * 1000);
  const text = clock.format(date);
  return Date.now() - date < 43200000 ? text : `${day.format(date)}, ${text}`;
}

export function duration(seconds) {
  const whole = Math.floor(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  if (whole < 172800) return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
  return `${Math.floor(whole / 86400)} days`;
}

export const words = (kind) => {
  const text = kind.replace(/[_-]+/g, " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
};

export function number(value) {
  if (value === null || value === undefined) return "–";
  if (Number.isInteger(value)) return value.toLocaleString("en").replace(/,/g, "\u202f");
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toFixed(Math.abs(value) >= 10 ? 1 : 2);
}

export function milliseconds(value) {
  return value >= 100 ? `${value.toFixed(0)} ms` : value >= 1 ? `${value.toFixed(1)} ms` : `${value.toFixed(2)} ms`;
}

export function bytes(value) {
  if (value === null) return "–";
  return value > 1e9 ? `${(value / 1e9).toFixed(2)} GB` : `${(value / 1e6).toFixed(0)} MB`;
}

const PATHS = {
  live: '',
  connecting: 'M8 3a5 5 0 1 1-4.6 3',
  stalled: 'M6 4.5v7M10 4.5v7',
  lost: 'M4.5 4.5l7 7M11.5 4.5l-7 7',
  locked: 'M4.5 7.5h7v5h-7zM6 7.5V6a2 2 0 0 1 4 0v1.5',
  bad: 'M8 3l5.5 9.5h-11zM8 6.8v2.7M8 11.2v.1',
  ended: 'M5 5h6v6H5z',
  old: 'M8 3a5 5 0 1 1-.01 0M8 5.5V8l1.8 1.2',
};

const STATES = {
  "live": ["Live", "live", "good"],
  "format-changed": ["Live", "live", "good"],
  "connecting": ["Connecting", "connecting", "wait"],
  "stalled": ["Stalled", "stalled", "warn"],
  "lost": ["Lost", "lost", "bad"],
  "auth-failed": ["Login refused", "locked", "bad"],
  "bad-data": ["Unreadable", "bad", "bad"],
  "ended": ["Ended", "ended", "off"],
  "old": ["No new picture", "old", "warn"],
};

export const stateOf = (name) => STATES[name] || [words(name), "old", "warn"];

export function icon(name) {
  const inside = name === "live" ? svg("circle", { cx: 8, cy: 8, r: 3.6, fill: "currentColor" })
    : svg("path", { d: PATHS[name], fill: "none", stroke: "currentColor", "stroke-width": 1.8, "stroke-linecap": "round", "stroke-linejoin": "round" });
  return svg("svg", { viewBox: "0 0 16 16", class: "icon", "aria-hidden": "true" }, inside);
}

export function chip(state) {
  const [text, picture, tone] = stateOf(state);
  return el("span", { class: `chip ${tone}`, "data-state": state }, icon(picture), el("span", { text }));
}
