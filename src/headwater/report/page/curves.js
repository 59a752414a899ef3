// Curves over time with a cursor: sensors, and sources.

const MARGIN = { left: 52, right: 8, top: 6, bottom: 18 };

function niceStep(range, most) {
  const rough = range / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * [1, 2, 5, 10].find((factor) => factor * power >= rough);
}

class Curves {
  // series: [{values, color, width}] over times; span: what the time axis covers; shaded: baseline and window.
  constructor(canvas, { times, series, unit, height, span, baseline, window: searched, signed, onTime }) {
    Object.assign(this, { canvas, times, series, unit, height, span, baseline, searched });
    let largest = 0, least = 0;
    for (const { values } of series) {
      for (const value of values) { largest = Math.max(largest, value); least = Math.min(least, value); }
    }
    this.top = largest || 1;
    this.bottom = signed ? Math.min(least, -1e-12) : 0;
    canvas.addEventListener("pointerdown", (event) => { canvas.setPointerCapture(event.pointerId); onTime(this.timeAt(event)); });
    canvas.addEventListener("pointermove", (event) => { if (event.buttons) onTime(this.timeAt(event)); });
  }

  timeAt(event) {
    const box = this.canvas.getBoundingClientRect();
    const share = (event.clientX - box.left - MARGIN.left) / (box.width - MARGIN.left - MARGIN.right);
    return this.span[0] + share * (this.span[1] - this.span[0]);
  }

  // The curves do not change with time, so that they are drawn once and kept as a picture.
  drawStill() {
    const { context, width, height } = fitted(this.canvas, this.height);
    this.x = (time) => MARGIN.left + (time - this.span[0]) / (this.span[1] - this.span[0] || 1) * (width - MARGIN.left - MARGIN.right);
    this.y = (value) => MARGIN.top + (this.top - value) / (this.top - this.bottom) * (height - MARGIN.top - MARGIN.bottom);
    this.shadeSpan(context, this.baseline, height, "line", 0.6);
    this.shadeSpan(context, this.searched, height, "blue", 0.08);
    this.axes(context, width, height);
    context.lineJoin = "round";
    for (const { values, color, width: thick } of this.series) {
      context.strokeStyle = color;
      context.lineWidth = thick;
      context.beginPath();
      values.forEach((value, index) => context.lineTo(this.x(this.times[index]), this.y(value)));
      context.stroke();
    }
    this.still = document.createElement("canvas");
    this.still.width = this.canvas.width;
    this.still.height = this.canvas.height;
    this.still.getContext("2d").drawImage(this.canvas, 0, 0);
  }

  shadeSpan(context, span, height, color, alpha) {
    if (!span) return;
    context.globalAlpha = alpha;
    context.fillStyle = ink(color);
    context.fillRect(this.x(span[0]), MARGIN.top, Math.max(this.x(span[1]) - this.x(span[0]), 1), height - MARGIN.top - MARGIN.bottom);
    context.globalAlpha = 1;
  }

  axes(context, width, height) {
    context.font = "11px system-ui, sans-serif";
    context.fillStyle = ink("soft");
    context.strokeStyle = ink("line");
    context.lineWidth = 1;
    const step = niceStep(this.span[1] - this.span[0] || 1, Math.max(width / 90, 2));
    context.textAlign = "center";
    context.textBaseline = "top";
    for (let time = Math.ceil(this.span[0] / step) * step; time <= this.span[1] + 1e-9; time += step) {
      context.fillText(`${Math.round(time)}`, this.x(time), height - MARGIN.bottom + 3);
      if (Math.abs(time) < 1e-9) this.line(context, this.x(0), MARGIN.top, this.x(0), height - MARGIN.bottom);
    }
    context.textAlign = "right";
    context.textBaseline = "middle";
    for (const value of this.bottom < 0 ? [this.top, 0, this.bottom] : [this.top, 0]) {
      context.fillText(short(value), MARGIN.left - 5, this.y(value) + (value === this.top ? 5 : value ? -4 : 0));
    }
    context.fillText(this.unit, MARGIN.left - 5, this.y(this.top) + 19);
    context.fillText("ms", width - 2, height - MARGIN.bottom - 6);
    this.line(context, MARGIN.left, this.y(0), width - MARGIN.right, this.y(0));
  }

  line(context, x0, y0, x1, y1) {
    context.beginPath();
    context.moveTo(x0, y0);
    context.lineTo(x1, y1);
    context.stroke();
  }

  draw(time) {
    if (!this.still || this.drawnWidth !== this.canvas.clientWidth) {
      this.drawStill();
      this.drawnWidth = this.canvas.clientWidth;
    }
    const ratio = window.devicePixelRatio || 1;
    const context = this.canvas.getContext("2d");
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    context.drawImage(this.still, 0, 0);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.strokeStyle = ink("blue");
    context.lineWidth = 1.5;
    this.line(context, this.x(time), MARGIN.top, this.x(time), this.height - MARGIN.bottom);
  }
}
