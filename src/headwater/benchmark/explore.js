// The page of a benchmark: a chart over the series of cases, and one of all solvers in the chosen case.

const COLORS = ["c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7"];

class Explorer {
  constructor(content) {
    this.content = content;
    this.box = document.getElementById("charts");
    this.axes = [...new Set(content.cases.map((one) => one.axis).filter(Boolean))];
    const competing = content.solvers.filter((one) => one.competes);
    this.colors = new Map(content.solvers.map((one) => [one.name, "soft"]));
    competing.forEach((one, index) => this.colors.set(one.name, COLORS[index % COLORS.length]));
    if (content.reference) this.colors.set(content.reference, "ink");
    this.shown = new Set(content.first);
    this.toolbar();
    if (this.axes.length) {
      this.line = this.part("line-chart");
      legend(this.box, content.solvers.map(({ name }) => ({ name, color: this.colors.get(name) })), this.shown, () => this.lines());
    }
    this.rows = this.part("row-chart");
    this.changed();
  }

  part(id) {
    const made = document.createElement("div");
    made.id = id;
    this.box.append(made);
    return made;
  }

  toolbar() {
    const bar = document.createElement("div");
    bar.className = "toolbar";
    const { metrics, cases } = this.content;
    this.metricChoice = choice(bar, "Score", metrics.map((one) => one.label), () => this.changed());
    if (this.axes.length) this.axisChoice = choice(bar, "Over", this.axes, () => this.lines());
    this.caseChoice = choice(bar, "Case", cases.map((one) => one.title), () => this.bars());
    this.box.before(bar);
    this.meaning = document.createElement("p");
    this.meaning.className = "note";
    this.box.before(this.meaning);
  }

  get metric() { return this.content.metrics[this.metricChoice.value || 0]; }

  score(name, method) { return ((this.content.scores[name] || {})[this.metric.name] || {})[method] || null; }

  changed() {
    const { meaning, higher } = this.metric;
    this.meaning.textContent = `${meaning} ${higher ? "Higher" : "Lower"} is better.`;
    if (this.axes.length) this.lines();
    this.bars();
  }

  lines() {
    const axis = this.axes[this.axisChoice.value || 0];
    const cases = this.content.cases.filter((one) => one.axis === axis).sort((one, other) => one.at - other.at);
    const at = cases.map((one) => one.at);
    const series = this.content.solvers.filter(({ name }) => this.shown.has(name)).map(({ name, competes }) => {
      const scores = cases.map((one) => this.score(one.name, name));
      const column = (key) => scores.map((score) => score && score[key]);
      return { name, color: this.colors.get(name), dash: !competes, x: at, y: column("estimate"), low: column("low"), high: column("high") };
    }).filter((one) => one.y.some((value) => value !== null));
    this.line.replaceChildren();
    const { label, log, higher } = this.metric;
    this.lineChart = new LineChart(this.line, { series, x: { label: axis, name: axis.split(" (")[0], ticks: at }, y: { label, log, higher }, label: `${label} of the chosen solvers over ${axis}` });
  }

  bars() {
    const chosen = this.content.cases[this.caseChoice.value || 0];
    const { label, log, higher } = this.metric;
    const rows = this.content.solvers.map(({ name, competes }) => ({ name, competes, strong: name === this.content.reference, color: competes ? (name === this.content.reference ? "ink" : "c0") : "soft", ...this.score(chosen.name, name) })).filter((row) => "estimate" in row);
    rows.sort((one, other) => other.competes - one.competes || (higher ? other.estimate - one.estimate : one.estimate - other.estimate));
    const chance = this.score(chosen.name, "Random");
    this.rows.replaceChildren();
    const heading = document.createElement("h3");
    heading.textContent = `${chosen.title}: all solvers, best on top`;
    this.rows.append(heading);
    if (rows.length) this.rowChart = new RowChart(this.rows, { rows, level: chance && chance.estimate, x: { label, log }, label: `${label} of all solvers: ${chosen.title}` });
    else this.rows.append("This score does not apply to this case.");
  }
}

document.documentElement.classList.add("js");
startTables();
const benchmarkContent = document.getElementById("benchmark-content");
if (benchmarkContent) new Explorer(JSON.parse(benchmarkContent.textContent));
