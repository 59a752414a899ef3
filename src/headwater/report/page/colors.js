// Colours of values, and what a canvas needs to be sharp on every screen.

const ink = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

// Opacity of a share of the largest value: 0 below the threshold, rising smoothly to 1.
function opacity(share, threshold, fade) {
  const step = Math.min(Math.max((share - threshold) / fade, 0), 1);
  return step * step * (3 - 2 * step);
}

function shade(table, share) {
  const index = 3 * Math.min(Math.max(Math.round(255 * share), 0), 255);
  return [table[index], table[index + 1], table[index + 2]];
}

// Numbers as people read them, with three digits.
const short = (value) => Number(value.toPrecision(3)).toString().replace("-", "\u2212");

// Fit a canvas to the size at which it is shown; returns its context in CSS pixels, with width and height.
function fitted(canvas, height) {
  const ratio = window.devicePixelRatio || 1;
  const width = canvas.clientWidth || 300;
  const tall = height || canvas.clientHeight || 100;
  if (height) canvas.style.height = `${height}px`;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(tall * ratio);
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, tall);
  return { context, width, height: tall };
}

function drawColorBar(canvas, table, largest, threshold, fade, label) {
  const { context, width, height } = fitted(canvas);
  const bar = { left: 2, top: 2, width: width - 24, height: 10 };
  for (let x = 0; x < bar.width; x++) {
    const share = x / (bar.width - 1);
    context.globalAlpha = opacity(share, threshold, fade);
    context.fillStyle = `rgb(${shade(table, share)})`;
    context.fillRect(bar.left + x, bar.top, 1.5, bar.height);
  }
  context.globalAlpha = 1;
  context.strokeStyle = ink("soft");
  context.strokeRect(bar.left - 0.5, bar.top - 0.5, bar.width + 1, bar.height + 1);
  context.fillStyle = ink("ink");
  context.font = "11px system-ui, sans-serif";
  context.textBaseline = "top";
  context.fillText("0", bar.left, height - 18);
  context.textAlign = "right";
  context.fillText(`${short(largest)} ${label}`, width, height - 18);
}
