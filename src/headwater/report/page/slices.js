// Three linked slices: anatomy in grey, the estimate in colour, the region of the peak as a circle.

const PIXEL_MM = 1;

// Through which axis one looks, and which axes point right and up (with their sign); as the static pictures do.
const PLANES = [
  { name: "Sagittal", through: 0, right: [1, -1], up: 2, ends: ["A", "P"] },
  { name: "Coronal", through: 1, right: [0, 1], up: 2, ends: ["L", "R"] },
  { name: "Axial", through: 2, right: [0, 1], up: 1, ends: ["L", "R"] },
];

class Volume {
  constructor({ first, step, shape }, values) { Object.assign(this, { first, step, shape, values }); }

  get last() { return this.first.map((low, axis) => low + this.step * (this.shape[axis] - 1)); }

  // Trilinear interpolation; 0 outside.
  at(x, y, z) {
    const [nx, ny, nz] = this.shape;
    const i = (x - this.first[0]) / this.step, j = (y - this.first[1]) / this.step, k = (z - this.first[2]) / this.step;
    const i0 = Math.floor(i), j0 = Math.floor(j), k0 = Math.floor(k);
    if (i0 < 0 || j0 < 0 || k0 < 0 || i0 + 1 >= nx || j0 + 1 >= ny || k0 + 1 >= nz) return 0;
    const fi = i - i0, fj = j - j0, fk = k - k0, v = this.values;
    const a = (i0 * ny + j0) * nz + k0, b = a + nz, c = a + ny * nz, d = c + nz;
    return (1 - fi) * ((1 - fj) * (v[a] * (1 - fk) + v[a + 1] * fk) + fj * (v[b] * (1 - fk) + v[b + 1] * fk))
      + fi * ((1 - fj) * (v[c] * (1 - fk) + v[c + 1] * fk) + fj * (v[d] * (1 - fk) + v[d + 1] * fk));
  }
}

class Slice {
  constructor(plane, bounds, parent, onPlace) {
    Object.assign(this, { plane, bounds, greyAt: null });
    const size = (axis) => Math.round((bounds.last[axis] - bounds.first[axis]) / PIXEL_MM);
    this.columns = size(plane.right[0]);
    this.rows = size(plane.up);
    this.canvas = document.createElement("canvas");
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "img");
    this.canvas.style.flex = `${this.columns} 1 0`;
    this.canvas.style.aspectRatio = `${this.columns} / ${this.rows}`;
    parent.append(this.canvas);
    this.picture = document.createElement("canvas");
    this.picture.width = this.columns;
    this.picture.height = this.rows;
    this.listen(onPlace);
  }

  listen(onPlace) {
    const go = (event) => {
      const box = this.canvas.getBoundingClientRect();
      onPlace(this.place((event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height));
    };
    this.canvas.addEventListener("pointerdown", go);
    this.canvas.addEventListener("pointermove", (event) => { if (event.buttons) go(event); });
    this.canvas.addEventListener("keydown", (event) => {
      const moves = { ArrowLeft: [-2, 0], ArrowRight: [2, 0], ArrowUp: [0, 2], ArrowDown: [0, -2] };
      if (!moves[event.key] || !this.at) return;
      event.preventDefault();
      const at = [...this.at], [right, up] = moves[event.key], [axis, sign] = this.plane.right;
      at[axis] += sign * right;
      at[this.plane.up] += up;
      onPlace(at);
    });
  }

  // Place in mm of a point of the picture, given as shares of its width and height.
  place(across, down) {
    const at = [...this.at], [axis, sign] = this.plane.right, { first, last } = this.bounds;
    at[axis] = sign > 0 ? first[axis] + across * (last[axis] - first[axis]) : last[axis] - across * (last[axis] - first[axis]);
    at[this.plane.up] = last[this.plane.up] - down * (last[this.plane.up] - first[this.plane.up]);
    return at;
  }

  // Where a place in mm is drawn, as shares of width and height.
  shares(at) {
    const [axis, sign] = this.plane.right, { first, last } = this.bounds, { up } = this.plane;
    const across = (at[axis] - first[axis]) / (last[axis] - first[axis]);
    return [sign > 0 ? across : 1 - across, (last[up] - at[up]) / (last[up] - first[up])];
  }

  // Grey levels change only when the plane moves.
  greys(anatomy) {
    const depth = this.at[this.plane.through];
    if (this.greyAt === depth) return this.grey;
    this.greyAt = depth;
    this.grey = new Uint8ClampedArray(this.columns * this.rows);
    if (anatomy) this.each((index, at) => { this.grey[index] = anatomy.at(...at); });
    return this.grey;
  }

  each(visit) {
    const at = [...this.at], [axis, sign] = this.plane.right, { first, last } = this.bounds, { up } = this.plane;
    for (let row = 0; row < this.rows; row++) {
      at[up] = last[up] - (row + 0.5) / this.rows * (last[up] - first[up]);
      for (let column = 0; column < this.columns; column++) {
        const across = (column + 0.5) / this.columns * (last[axis] - first[axis]);
        at[axis] = sign > 0 ? first[axis] + across : last[axis] - across;
        visit(row * this.columns + column, at);
      }
    }
  }

  draw({ at, anatomy, values, table, largest, threshold, fade, rings }) {
    this.at = at;
    const grey = this.greys(anatomy);
    const context = this.picture.getContext("2d");
    const image = context.createImageData(this.columns, this.rows);
    this.each((index, place) => {
      const share = values.at(...place) / largest;
      const alpha = opacity(share, threshold, fade);
      const color = alpha ? shade(table, share) : [0, 0, 0];
      for (let part = 0; part < 3; part++) image.data[4 * index + part] = alpha * color[part] + (1 - alpha) * grey[index];
      image.data[4 * index + 3] = 255;
    });
    context.putImageData(image, 0, 0);
    this.decorate(rings);
    const { name, through } = this.plane;
    this.canvas.setAttribute("aria-label", `${name} slice at ${"xyz"[through]} = ${Math.round(at[through])} mm`);
  }

  decorate(rings) {
    const { context, width, height } = fitted(this.canvas);
    context.imageSmoothingQuality = "high";
    context.drawImage(this.picture, 0, 0, width, height);
    const scale = width / (this.columns * PIXEL_MM);
    const [x, y] = this.shares(this.at);
    context.strokeStyle = "rgba(110, 180, 245, .65)";
    context.lineWidth = 1;
    context.beginPath();
    context.moveTo(x * width, 0); context.lineTo(x * width, height);
    context.moveTo(0, y * height); context.lineTo(width, y * height);
    context.stroke();
    for (const { at, radius } of rings) {
      const away = at[this.plane.through] - this.at[this.plane.through];
      if (Math.abs(away) >= radius) continue;
      const [cx, cy] = this.shares(at);
      context.strokeStyle = "#39c0ff";
      context.lineWidth = 2;
      context.setLineDash([5, 3]);
      context.beginPath();
      context.arc(cx * width, cy * height, scale * Math.sqrt(radius ** 2 - away ** 2), 0, 2 * Math.PI);
      context.stroke();
      context.setLineDash([]);
    }
    this.letters(context, width, height);
  }

  letters(context, width, height) {
    context.fillStyle = "#fff";
    context.font = "bold 12px system-ui, sans-serif";
    context.textBaseline = "middle";
    context.fillText(this.plane.ends[0], 4, height / 2);
    context.textAlign = "right";
    context.fillText(this.plane.ends[1], width - 4, height / 2);
    context.textAlign = "left";
    context.font = "11px system-ui, sans-serif";
    context.fillText(`${"xyz"[this.plane.through]} = ${Math.round(this.at[this.plane.through])} mm`, 4, height - 9);
  }
}
