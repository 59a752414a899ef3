// Topographies: measured, modelled, and what is left.

class HeadMap {
  constructor(canvas, numbers, map) {
    this.canvas = canvas;
    this.radius = map.radius;
    this.side = map.side;
    this.dots = numbers.array(map.dots);
    this.members = numbers.array(map.members);
    this.perPlace = map.members.shape[1];
    this.pixels = numbers.array(map.pixels);
    this.matrix = numbers.scaled(map.matrix);
    this.magnitude = map.magnitude;
    this.picture = document.createElement("canvas");
    this.picture.width = this.picture.height = map.side;
  }

  // Values at places: of one sensor, or the root mean square of two.
  places(values) {
    const n = this.dots.length / 2;
    return Float32Array.from({ length: n }, (_, place) => {
      const own = Array.from({ length: this.perPlace }, (_, k) => values[this.members[place * this.perPlace + k]]);
      return this.magnitude ? Math.hypot(...own) / Math.sqrt(own.length) : own[0];
    });
  }

  draw(values, largest, colors) {
    const places = this.places(values), n = places.length;
    const picture = this.picture.getContext("2d");
    const image = picture.createImageData(this.side, this.side);
    this.pixels.forEach((pixel, row) => {
      let value = 0;
      for (let place = 0; place < n; place++) value += this.matrix[row * n + place] * places[place];
      const share = this.magnitude ? value / largest : 0.5 + 0.5 * value / largest;
      image.data.set([...shade(this.magnitude ? colors.magnitude : colors.signed, share), 255], 4 * pixel);
    });
    picture.putImageData(image, 0, 0);
    const width = this.canvas.clientWidth || 150;
    const { context } = fitted(this.canvas, width);
    const scale = width / (2 * this.radius);
    context.save();
    context.beginPath();
    context.arc(width / 2, width / 2, width / 2 - 1, 0, 2 * Math.PI);
    context.clip();
    context.imageSmoothingQuality = "high";
    context.drawImage(this.picture, 0, 0, width, width);
    context.restore();
    this.outline(context, width / 2, scale);
  }

  outline(context, middle, scale) {
    context.strokeStyle = ink("ink");
    context.lineWidth = 1.2;
    context.beginPath();
    context.arc(middle, middle, scale, 0, 2 * Math.PI);
    context.moveTo(middle - 0.1 * scale, middle - 0.995 * scale);
    context.lineTo(middle, middle - 1.05 * scale);
    context.lineTo(middle + 0.1 * scale, middle - 0.995 * scale);
    context.stroke();
    context.fillStyle = "#000";
    context.globalAlpha = 0.55;
    for (let place = 0; place < this.dots.length; place += 2) {
      context.fillRect(middle + scale * this.dots[place] - 0.8, middle - scale * this.dots[place + 1] - 0.8, 1.6, 1.6);
    }
    context.globalAlpha = 1;
  }
}
