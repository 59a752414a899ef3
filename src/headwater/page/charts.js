// Charts as SVG: axes, scales, a legend that hides and shows, words that say what the pointer is at.

const SVG = "http://www.w3.org/2000/svg";
const EDGE = { left: 62, right: 14, top: 10, bottom: 40 };
const MINUS = "\u2212";

const shortNumber = (value) => Number(value.toPrecision(3)).toLocaleString("en", { maximumFractionDigits: 12, useGrouping: Math.abs(value) >= 1e4 }).replace("-", MINUS);

function drawn(parent, kind, attributes, text) {
  const made = document.createElementNS(SVG, kind);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = text;
  parent.append(made);
  return made;
}

function niceTicks(low, high, most) {
  const rough = (high - low) / most || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough * 0.999);
  const ticks = [];
  for (let tick = Math.ceil(low / step - 1e-9) * step; tick <= high + 1e-9 * step; tick += step) ticks.push(Math.abs(tick) < 1e-9 * step ? 0 : tick);
  return ticks;
}

function decadeTicks(low, high) {
  const ticks = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) {
    for (const factor of [1, 2, 5]) ticks.push(factor * 10 ** power);
  }
  const inside = ticks.filter((tick) => tick >= low * 0.999 && tick <= high * 1.001);
  if (inside.length < 3) return niceTicks(low, high, 4).filter((tick) => tick > 0);
  return inside.length > 8 ? inside.filter((tick) => Number.isInteger(Math.log10(tick)) || Math.abs(Math.log10(tick) % 1) < 1e-9) : inside;
}

// From values to pixels; `log` for scales over decades.
function scaleOf(values, from, to, { log = false, ticks = null, most = 6, zero = false } = {}) {
  const seen = values.filter((value) => Number.isFinite(value) && (!log || value > 0));
  let low = seen.length ? Math.min(...seen) : log ? 1 : 0, high = seen.length ? Math.max(...seen) : log ? 10 : 1;
  if (log) {
    const room = Math.max(high / low, 1.5) ** 0.05;
    [low, high] = [low / room, high * room];
  } else {
    const room = (high - low || Math.abs(high) || 1) * 0.05;
    if (zero && low > 0 && low < 0.5 * high) low = room;
    [low, high] = [low - room, high + room];
  }
  const at = log ? Math.log : (value) => value;
  const span = at(high) - at(low) || 1;
  return {
    low, high,
    ticks: ticks || (log ? decadeTicks(low, high) : niceTicks(low, high, most)),
    at: (value) => from + (at(log ? Math.max(value, low) : value) - at(low)) / span * (to - from),
  };
}

// A frame for a chart: an SVG that is drawn again when its width changes, and a line of words below it.
class Chart {
  constructor(parent, height, label) {
    this.parent = parent;
    this.height = height;
    this.svg = drawn(parent, "svg", { role: "img", tabindex: "0", "aria-label": label, class: "chart" });
    this.words = document.createElement("p");
    this.words.className = "note said-here";
    this.words.setAttribute("role", "status");
    parent.append(this.words);
    this.observer = new ResizeObserver(() => { if (this.width !== this.svg.clientWidth) this.draw(); });
    this.observer.observe(this.svg);
  }

  begin(left = EDGE.left) {
    this.width = this.svg.clientWidth || 600;
    this.left = left;
    this.svg.replaceChildren();
    this.svg.style.height = `${this.height}px`;
    this.svg.setAttribute("viewBox", `0 0 ${this.width} ${this.height}`);
    this.right = this.width - EDGE.right;
    this.bottom = this.height - EDGE.bottom;
  }

  xAxis(scale, label, names = null) {
    for (const [index, tick] of scale.ticks.entries()) {
      const x = scale.at(tick);
      drawn(this.svg, "line", { x1: x, x2: x, y1: EDGE.top, y2: this.bottom, class: "grid" });
      drawn(this.svg, "text", { x, y: this.bottom + 15, "text-anchor": "middle" }, names ? names[index] : shortNumber(tick));
    }
    drawn(this.svg, "text", { x: (this.left + this.right) / 2, y: this.height - 6, "text-anchor": "middle", class: "label" }, label);
  }

  yAxis(scale, label) {
    for (const tick of scale.ticks) {
      const y = scale.at(tick);
      drawn(this.svg, "line", { x1: this.left, x2: this.right, y1: y, y2: y, class: "grid" });
      drawn(this.svg, "text", { x: this.left - 6, y: y + 4, "text-anchor": "end" }, shortNumber(tick));
    }
    const middle = (EDGE.top + this.bottom) / 2;
    drawn(this.svg, "text", { x: 13, y: middle, transform: `rotate(-90 13 ${middle})`, "text-anchor": "middle", class: "label" }, label);
  }
}

// Curves: series of {name, color, dash, faint, x, y, low, high}; a level {name, y} is a dashed line across.
class LineChart extends Chart {
  constructor(parent, { series, levels = [], x, y, label, height = 300 }) {
    super(parent, height, label);
    Object.assign(this, { series, levels, x, y, cursor: null });
    this.svg.addEventListener("pointermove", (event) => this.pointAt(event));
    this.svg.addEventListener("pointerdown", (event) => this.pointAt(event));
    this.svg.addEventListener("keydown", (event) => this.step(event));
    this.draw();
  }

  get places() { return [...new Set(this.series.flatMap((one) => one.x))].sort((one, other) => one - other); }

  draw() {
    this.begin();
    const values = this.series.flatMap((one) => [...one.y, ...(one.low || []), ...(one.high || [])]).concat(this.levels.map((one) => one.y));
    this.scaleX = scaleOf(this.places, this.left, this.right, { log: this.x.log, ticks: this.x.ticks, most: Math.max(this.width / 110, 2) });
    this.scaleY = scaleOf(values.filter((value) => value !== null), this.bottom, EDGE.top, { log: this.y.log, zero: true });
    this.xAxis(this.scaleX, this.x.label);
    this.yAxis(this.scaleY, this.y.label);
    for (const { y, color } of this.levels) {
      const at = this.scaleY.at(y);
      drawn(this.svg, "line", { x1: this.left, x2: this.right, y1: at, y2: at, class: "series dashed", style: `stroke: var(--${color || "ink"})` });
    }
    this.series.forEach((one) => this.curve(one));
    this.mark = drawn(this.svg, "line", { y1: EDGE.top, y2: this.bottom, class: "cursor", visibility: "hidden" });
    if (this.cursor !== null) this.say(this.cursor);
  }

  curve({ x, y, low, high, color, dash, faint, plain }) {
    const style = `stroke: var(--${color}); fill: var(--${color})`;
    const points = x.map((at, index) => [this.scaleX.at(at), y[index], index]).filter(([, value]) => value !== null);
    const path = points.map(([at, value], index) => `${index ? "L" : "M"}${at.toFixed(1)} ${this.scaleY.at(value).toFixed(1)}`).join("");
    drawn(this.svg, "path", { d: path, class: `series${dash ? " dashed" : ""}${faint ? " faint" : ""}`, style: `stroke: var(--${color})` });
    if (faint || plain || points.length > 60) return;
    for (const [at, value, index] of points) {
      if (low && low[index] !== null) drawn(this.svg, "line", { x1: at, x2: at, y1: this.scaleY.at(low[index]), y2: this.scaleY.at(high[index]), class: "interval", style });
      drawn(this.svg, "circle", { cx: at, cy: this.scaleY.at(value), r: 3.2, style });
    }
  }

  pointAt(event) {
    const x = event.clientX - this.svg.getBoundingClientRect().left;
    const places = this.places;
    if (!places.length) return;
    this.say(places.reduce((best, place) => Math.abs(this.scaleX.at(place) - x) < Math.abs(this.scaleX.at(best) - x) ? place : best));
  }

  step(event) {
    const move = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const places = this.places;
    if (!move || !places.length) return;
    event.preventDefault();
    const now = this.cursor === null ? (move > 0 ? -1 : places.length) : places.indexOf(this.cursor);
    this.say(places[Math.min(Math.max(now + move, 0), places.length - 1)]);
  }

  say(place) {
    this.cursor = place;
    const x = this.scaleX.at(place);
    this.mark.setAttribute("x1", x);
    this.mark.setAttribute("x2", x);
    this.mark.setAttribute("visibility", "visible");
    const found = this.series.map((one) => ({ one, index: one.x.indexOf(place) })).filter(({ one, index }) => index >= 0 && one.y[index] !== null);
    const order = this.y.higher ? -1 : 1;
    found.sort((a, b) => order * (a.one.y[a.index] - b.one.y[b.index]));
    const words = found.map(({ one, index }) => `${one.name} ${shortNumber(one.y[index])}${one.low && one.low[index] !== null ? ` [${shortNumber(one.low[index])}, ${shortNumber(one.high[index])}]` : ""}`);
    this.words.textContent = `${this.x.name || this.x.label} ${place.toLocaleString("en")}: ${[...words, ...this.levels.map((one) => `${one.name} ${shortNumber(one.y)}`)].join("; ")}`;
  }
}

// Scores side by side: rows of {name, color, estimate, low, high, quartiles}; one level for what chance gives.
class RowChart extends Chart {
  constructor(parent, { rows, level, x, label }) {
    super(parent, EDGE.top + EDGE.bottom + 21 * rows.length, label);
    Object.assign(this, { rows, level, x });
    this.draw();
  }

  draw() {
    const longest = Math.max(...this.rows.map((row) => row.name.length), 4);
    this.begin(Math.min(8 + 7.4 * longest, 190));
    const values = this.rows.flatMap((row) => [row.estimate, row.low, row.high, ...row.quartiles]).concat(this.level === null ? [] : [this.level]);
    const scale = scaleOf(values.filter((value) => value !== null), this.left + 6, this.right, { log: this.x.log, most: Math.max((this.width - this.left) / 90, 2), zero: true });
    this.xAxis(scale, this.x.label);
    if (this.level !== null) drawn(this.svg, "line", { x1: scale.at(this.level), x2: scale.at(this.level), y1: EDGE.top, y2: this.bottom, class: "series dashed", style: "stroke: var(--soft)" });
    this.rows.forEach((row, index) => this.row(row, EDGE.top + 21 * (index + 0.5), scale));
  }

  row({ name, color, estimate, low, high, quartiles, strong, n }, y, scale) {
    const style = `stroke: var(--${color}); fill: var(--${color})`;
    const group = drawn(this.svg, "g", { class: "row" });
    drawn(group, "rect", { x: 0, width: this.width, y: y - 10.5, height: 21, class: "stripe" });
    drawn(group, "text", { x: this.left - 8, y: y + 4, "text-anchor": "end", class: strong ? "strong" : "" }, name);
    const [lower, upper] = quartiles;
    if (lower !== null) drawn(group, "line", { x1: scale.at(lower), x2: scale.at(upper), y1: y, y2: y, class: "quartiles", style });
    if (low !== null) drawn(group, "line", { x1: scale.at(low), x2: scale.at(high), y1: y, y2: y, class: "interval", style });
    drawn(group, "circle", { cx: scale.at(estimate), cy: y, r: 4, style });
    const words = `${name}: ${shortNumber(estimate)}${low === null ? "" : ` [${shortNumber(low)}, ${shortNumber(high)}]`}; half of the samples between ${shortNumber(lower)} and ${shortNumber(upper)}; n = ${n}`;
    group.addEventListener("pointerenter", () => { this.words.textContent = words; });
    group.addEventListener("pointerdown", () => { this.words.textContent = words; });
  }
}

// Buttons that show and hide; `changed` is called with nothing.
function legend(parent, entries, shown, changed) {
  const box = document.createElement("div");
  box.className = "legend";
  box.setAttribute("role", "group");
  box.setAttribute("aria-label", "Shown in the chart");
  for (const { name, color } of entries) {
    const button = document.createElement("button");
    button.type = "button";
    const key = document.createElement("i");
    key.style.background = `var(--${color})`;
    button.append(key, name);
    button.setAttribute("aria-pressed", shown.has(name));
    button.addEventListener("click", () => {
      if (!shown.delete(name)) shown.add(name);
      button.setAttribute("aria-pressed", shown.has(name));
      changed();
    });
    box.append(button);
  }
  parent.append(box);
}

// A labelled list to choose from; returns the element.
function choice(parent, label, options, changed) {
  const box = document.createElement("label");
  const select = document.createElement("select");
  box.append(`${label} `, select);
  options.forEach((name, index) => select.append(new Option(name, index)));
  select.addEventListener("change", changed);
  if (options.length > 1) parent.append(box);
  return select;
}
