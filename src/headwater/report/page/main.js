// The page: what is chosen (time, estimate, threshold, place), and everything that follows it.

const element = (id) => document.getElementById(id);

class Page {
  constructor(content, numbers) {
    Object.assign(this, { content, numbers, brain: null });
    this.frames = numbers.array(content.frames);
    this.colors = { magnitude: numbers.array(content.colors.magnitude), signed: numbers.array(content.colors.signed) };
    this.groups = content.groups.map((group) => ({
      ...group, values: numbers.scaled(group.measured), n: group.names.length,
      models: group.modelled.map((one) => one && numbers.scaled(one)),
    }));
    const [peak] = content.peaks;
    this.frame = content.first;
    this.estimate = content.firstEstimate;
    this.threshold = content.hiddenBelow;
    this.place = content.firstPlace || (peak ? peak.at : null) || content.lattice.first.map((low, axis) => low + content.lattice.step * content.lattice.shape[axis] / 2);
  }

  get time() { return this.frames[this.frame]; }

  // Largest value of the colours: of the whole window, or of the time point.
  get largest() {
    const all = this.numbers.array(this.content.estimates[this.estimate].values.largest);
    return (element("each").checked ? all[this.frame] : Math.max(...all)) || 1;
  }

  column(values, n) {
    const width = values.length / n;
    return Float32Array.from({ length: n }, (_, row) => values[row * width + this.frame]);
  }

  start() {
    document.documentElement.classList.add("js");
    this.controls();
    this.slices();
    this.curves();
    this.maps();
    this.changed();
    addEventListener("resize", () => this.changed());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { this.forget(); this.changed(); });
    this.openBrain();
  }

  controls() {
    const { content } = this;
    this.veiled = !content.found;
    element("noise-note").hidden = content.found;
    element("show-noise").addEventListener("click", () => {
      this.veiled = false;
      element("noise-note").textContent = "Nothing stands out of the noise: what is coloured here may be noise.";
      this.changed();
    });
    const slider = element("time");
    slider.max = this.frames.length - 1;
    slider.addEventListener("input", () => this.goTo(Number(slider.value)));
    const threshold = element("threshold");
    threshold.value = Math.round(100 * this.threshold);
    threshold.addEventListener("input", () => { this.threshold = threshold.value / 100; this.changed(); });
    element("each").addEventListener("change", () => this.changed());
    element("play").addEventListener("click", () => this.play());
    this.choices(element("estimates"), content.estimates.map((one) => one.title), (number) => { this.estimate = number; this.changed(); }, this.estimate);
    const peaks = content.found ? content.peaks : [];
    element("peak-buttons").hidden = !peaks.length;
    peaks.forEach((peak, number) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = `${number + 1}`;
      button.title = `${peak.name || "peak"}, ${Math.round(this.frames[peak.frame])} ms`;
      button.addEventListener("click", () => { this.place = peak.at; if (this.brain) this.brain.face(peak.at); this.goTo(peak.frame); });
      element("peak-buttons").append(button);
    });
  }

  // Buttons of which one is pressed.
  choices(parent, names, choose, first = 0) {
    const buttons = names.map((name, number) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = name;
      button.setAttribute("aria-pressed", number === first);
      button.addEventListener("click", () => {
        buttons.forEach((other) => other.setAttribute("aria-pressed", other === button));
        choose(number);
      });
      parent.append(button);
      return button;
    });
  }

  play() {
    const button = element("play");
    if (this.playing) { clearInterval(this.playing); this.playing = null; button.textContent = "▶"; button.setAttribute("aria-label", "Play"); return; }
    button.textContent = "❚❚";
    button.setAttribute("aria-label", "Pause");
    this.playing = setInterval(() => this.goTo((this.frame + 1) % this.frames.length), 150);
  }

  goTo(frame) {
    this.frame = frame;
    this.changed();
  }

  goToTime(time) {
    let nearest = 0;
    this.frames.forEach((one, frame) => { if (Math.abs(one - time) < Math.abs(this.frames[nearest] - time)) nearest = frame; });
    this.goTo(nearest);
  }

  slices() {
    const { content, numbers } = this;
    const grey = content.anatomy;
    this.anatomy = grey && new Volume(grey, numbers.array(grey.values));
    const { lattice } = content;
    this.mix = numbers.mixer(lattice.mixing);
    this.voxels = numbers.array(lattice.voxels);
    this.lattice = new Volume(lattice, new Float32Array(lattice.shape.reduce((product, n) => product * n, 1)));
    const bounds = this.anatomy || this.lattice;
    const move = (at) => {
      this.place = at.map((part, axis) => Math.min(Math.max(part, bounds.first[axis]), bounds.last[axis]));
      this.changed();
    };
    this.planes = PLANES.map((plane) => new Slice(plane, bounds, element("slices"), move));
    const drawn = grey ? `Grey: ${grey.name}.` : "Nothing is known of the anatomy, so that only the estimate is drawn.";
    const ring = this.rings().length ? " Dashed circle: holds the source behind the peak with a probability of 90 %." : "";
    element("slices-note").textContent = `${drawn}${ring} Click to move the cross hair; arrow keys work too. ${content.frameName}.`;
  }

  rings() {
    return this.content.found ? this.content.peaks.slice(0, 1).filter((peak) => peak.radius !== null) : [];
  }

  curves() {
    const { content, numbers } = this;
    const times = numbers.array(content.times), span = [times[0], times[times.length - 1]];
    const common = { span, baseline: content.baseline, window: [this.frames[0], this.frames[this.frames.length - 1]],
      onTime: (time) => this.goToTime(time) };
    this.drawings = [];
    if (times.length < 2) return;
    this.plots = () => {
      element("curves").replaceChildren();
      this.drawings = this.groups.map((group) => {
        const values = numbers.scaled(group.curves);
        const rows = group.colors.map((color, row) => ({ color, width: 0.6, values: values.subarray(row * times.length, (row + 1) * times.length) }));
        const series = [...rows, { color: ink("ink"), width: 1.8, values: numbers.scaled(group.power) }];
        const said = `${group.title}, from left (blue) to right (red); thick: ${group.powerName}.`;
        return new Curves(this.panel(said, []), { ...common, times, series, unit: group.unit, height: 120, signed: true });
      });
      this.sourceCurves(common);
    };
    this.plots();
  }

  sourceCurves(common) {
    const { content, numbers } = this;
    const shown = content.peaks.slice(0, 3);
    if (!shown.length || this.frames.length < 2) return;
    const values = numbers.scaled(content.courses[this.estimate]), n = this.frames.length;
    const series = shown.map((peak, row) => ({ color: `rgb(${peak.color})`, width: 2, values: values.subarray(row * n, (row + 1) * n) }));
    const { title, unit } = content.estimates[this.estimate];
    const keys = shown.map((peak, row) => [peak.color, `${row + 1}. ${peak.name || "peak"}`]);
    const canvas = this.panel(`Strongest sources, ${title}.`, keys);
    this.drawings.push(new Curves(canvas, { ...common, times: this.frames, series, unit, height: 100, signed: false }));
    this.plotted = this.estimate;
  }

  panel(said, keys) {
    const panel = document.createElement("div"), text = document.createElement("p"), canvas = document.createElement("canvas");
    panel.className = "curve";
    text.textContent = said;
    for (const [color, name] of keys) {
      const key = document.createElement("span");
      key.className = "key";
      key.style.backgroundColor = `rgb(${color})`;
      text.append(key, name);
    }
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `${said} Grey: baseline; blue: the window that was searched; line: the time shown.`);
    panel.append(text, canvas);
    element("curves").append(panel);
    return canvas;
  }

  maps() {
    this.heads = this.groups.filter((group) => group.map).map((group) => {
      const row = document.createElement("div");
      row.className = "map";
      const labels = ["measured", "modelled", "residual"];
      const drawn = labels.map((label) => {
        const figure = document.createElement("figure"), canvas = document.createElement("canvas"), caption = document.createElement("figcaption");
        canvas.setAttribute("role", "img");
        canvas.setAttribute("aria-label", `Head from above, nose up: ${group.title}, ${label}`);
        caption.textContent = label;
        figure.append(canvas, caption);
        row.append(figure);
        return new HeadMap(canvas, this.numbers, group.map);
      });
      const note = document.createElement("p");
      row.append(note);
      element("maps").append(row);
      return { group, drawn, note, row };
    });
  }

  // Maps without unit predict no data: then those of eLORETA are shown.
  model(group) {
    const number = group.models[this.estimate] ? this.estimate : group.models.findIndex((one) => one);
    return number < 0 ? null : { values: group.models[number], title: this.content.estimates[number].title };
  }

  sensorScale(group) {
    const values = element("each").checked ? this.column(group.values, group.n) : group.values;
    return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0) || 1;
  }

  drawMaps() {
    for (const { group, drawn, note } of this.heads) {
      const largest = this.sensorScale(group), model = this.model(group);
      const measured = this.column(group.values, group.n);
      drawn[0].draw(measured, largest, this.colors);
      note.textContent = `${group.title}. ${group.map.magnitude ? "White: 0; " : "Blue to red: ±"}${short(largest)} ${group.unit}.`;
      drawn.slice(1).forEach((one) => { one.canvas.parentElement.hidden = !model; });
      if (!model) continue;
      const modelled = this.column(model.values, group.n);
      note.textContent += ` Modelled by ${model.title}.`;
      drawn[1].draw(modelled, largest, this.colors);
      drawn[2].draw(measured.map((value, sensor) => value - modelled[sensor]), largest, this.colors);
    }
  }

  async openBrain() {
    const note = element("brain-note"), panel = element("brain-panel");
    const fail = (said) => { note.textContent = said; panel.querySelector(".brain-frame").hidden = true; };
    if (!textOf("headwater-niivue")) {
      fail("The brain that can be turned needs nilearn when the report is written: pip install \"headwater[report]\".");
      return;
    }
    if (!document.createElement("canvas").getContext("webgl2")) {
      fail("This browser has no WebGL 2, so that the brain cannot be turned; the pictures below show it from all sides.");
      return;
    }
    try {
      this.brain = await Brain.open(element("brain"), this.numbers, this.content.meshes);
    } catch (error) {
      console.error(error);
      fail("The brain could not be drawn here; the pictures below show it from all sides.");
      return;
    }
    note.textContent = "Turn it with the mouse or a finger.";
    const show = (mode) => { this.brain.show(mode); this.changed(); };
    const { modes } = this.brain, buttons = element("brain-buttons");
    this.choices(buttons, modes, (number) => show(modes[number]));
    for (const [name, angles] of Object.entries(VIEWS)) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = name;
      button.addEventListener("click", () => this.brain.look(angles));
      buttons.append(button);
    }
    this.brain.face(this.place);
    show(modes[0]);
    document.documentElement.dataset.brain = "drawn";
  }

  forget() {
    this.drawings.forEach((drawing) => { drawing.still = null; });
    if (this.plots) this.plots();
  }

  changed() {
    if (this.waiting) return;
    this.waiting = requestAnimationFrame(() => { this.waiting = null; this.draw(); });
  }

  draw() {
    const { content, numbers, time, largest } = this;
    const threshold = this.veiled ? Infinity : this.threshold;
    const estimate = content.estimates[this.estimate];
    const values = numbers.frame(estimate.values, this.frame);
    this.mix(values).forEach((value, row) => { this.lattice.values[this.voxels[row]] = value; });
    const look = { table: this.colors.magnitude, largest, threshold, fade: content.fadeOver };
    for (const plane of this.planes) {
      plane.draw({ ...look, at: this.place, anatomy: this.anatomy, values: this.lattice, rings: this.rings() });
    }
    drawColorBar(element("colorbar"), look.table, largest, threshold, content.fadeOver, estimate.unit);
    if (this.plots && this.plotted !== this.estimate) this.plots();
    this.drawings.forEach((drawing) => drawing.draw(time));
    this.drawMaps();
    this.say(time, estimate);
    if (!this.brain) return;
    const measured = Object.fromEntries(this.groups.map((group) => [
      group.kind, { values: this.column(group.values, group.n), largest: this.sensorScale(group) }]));
    this.brain.draw({ ...look, values, signed: this.colors.signed, measured });
  }

  say(time, estimate) {
    const at = this.place.map((part) => Math.round(part));
    const here = this.lattice.at(...this.place);
    element("here").textContent = `x = ${at[0]}, y = ${at[1]}, z = ${at[2]} mm: ${short(here)} ${estimate.unit}`;
    const goodness = estimate.goodness && this.numbers.array(estimate.goodness)[this.frame];
    const fit = goodness === null ? "" : `, ${Math.max(Math.round(100 * goodness), 0)} % explained by ${estimate.title}`;
    element("now").textContent = `${time.toFixed(Math.abs(time) < 10 ? 1 : 0)} ms${fit}`;
    const slider = element("time");
    slider.value = this.frame;
    slider.setAttribute("aria-valuetext", element("now").textContent);
    element("threshold-value").textContent = `${Math.round(100 * this.threshold)} %`;
  }
}

unpacked("headwater-arrays").then((buffer) => {
  new Page(JSON.parse(textOf("headwater-content")), new Numbers(buffer)).start();
});
