// The brain and the head, to be turned around: meshes drawn by NiiVue, coloured by us.

const VIEWS = { Left: [90, 0], Right: [270, 0], Back: [0, 0], Front: [180, 0], Top: [0, 90], Below: [180, -90] };
const SENSOR_MM = 6;
const FILLED = 1.05; // NiiVue leaves room for the farthest vertex of all meshes; what is shown is made to fill it
const SHADER = "Matte";
// Corners and faces of an octahedron, for each sensor.
const CORNERS = [[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]];
const FACES = [[0, 2, 4], [2, 1, 4], [1, 3, 4], [3, 0, 4], [2, 0, 5], [1, 2, 5], [3, 1, 5], [0, 3, 5]];
const SKIN = [214, 188, 170];

async function loadNiivue() {
  const source = new Blob([await unpacked("headwater-niivue")], { type: "text/javascript" });
  const script = document.createElement("script");
  await new Promise((done, fail) => {
    script.onload = done;
    script.onerror = () => fail(new Error("NiiVue was not loaded"));
    script.src = URL.createObjectURL(source);
    document.head.append(script);
  });
  URL.revokeObjectURL(script.src);
  return window.niivue;
}

class Brain {
  static async open(canvas, numbers, meshes) {
    const niivue = await loadNiivue();
    const brain = new Brain();
    const dark = matchMedia("(prefers-color-scheme: dark)").matches;
    brain.viewer = new niivue.Niivue({
      show3Dcrosshair: false, backColor: dark ? [0.055, 0.067, 0.078, 1] : [1, 1, 1, 1], isColorbar: false,
      dragAndDropEnabled: false, loadingText: "", isOrientationTextVisible: false, logLevel: "error",
    });
    await brain.viewer.attachToCanvas(canvas, true);
    canvas.parentElement.style.backgroundColor = "";
    brain.Mesh = niivue.NVMesh;
    brain.numbers = numbers;
    brain.build(meshes);
    return brain;
  }

  mesh(name, rr, tris, grey) {
    const colors = new Uint8Array(rr.length / 3 * 4).fill(255);
    if (grey) grey.forEach((level, vertex) => colors.fill(level, 4 * vertex, 4 * vertex + 3));
    const made = new this.Mesh(rr, Uint32Array.from(tris), name, colors, 1, true, this.viewer.gl);
    this.viewer.addMesh(made);
    this.viewer.setMeshShader(made.id, SHADER);
    return made;
  }

  build({ cortex, scalp, sensors }) {
    if (cortex) {
      this.grey = this.numbers.array(cortex.grey);
      this.mixer = this.numbers.mixer(cortex.mixing);
      this.shapes = { Folded: this.numbers.scaled(cortex.folded) };
      if (cortex.inflated) this.shapes.Inflated = this.numbers.scaled(cortex.inflated);
      this.cortex = this.mesh("cortex", this.shapes.Folded.slice(), this.numbers.array(cortex.tris), this.grey);
    }
    if (scalp) {
      this.scalp = this.mesh("scalp", this.numbers.scaled(scalp.rr), this.numbers.array(scalp.tris));
      for (let vertex = 0; vertex < this.scalp.rgba255.length / 4; vertex++) this.scalp.rgba255.set(SKIN, 4 * vertex);
      this.scalp.updateMesh(this.viewer.gl);
    }
    this.sensors = sensors.map((group) => this.sensorMesh(group));
  }

  sensorMesh({ kind, known, rr }) {
    const there = this.numbers.array(known), places = this.numbers.scaled(rr);
    const chosen = [...there.keys()].filter((sensor) => there[sensor]);
    const points = chosen.flatMap((sensor) => CORNERS.flatMap(
      (corner) => corner.map((part, axis) => places[3 * sensor + axis] + SENSOR_MM * part)));
    const tris = chosen.flatMap((_, number) => FACES.flatMap((face) => face.map((corner) => 6 * number + corner)));
    if (!chosen.length) return { kind, chosen };
    return { kind, chosen, mesh: this.mesh(kind, Float32Array.from(points), tris) };
  }

  get modes() {
    const heads = this.sensors.some((group) => group.mesh) ? ["Head and sensors"] : [];
    return [...Object.keys(this.shapes || {}), ...heads];
  }

  show(mode) {
    const head = mode === "Head and sensors";
    if (this.cortex) {
      this.cortex.pts = (this.shapes[mode] || this.shapes.Folded).slice();
      this.cortex.visible = !head || !this.scalp;
    }
    if (this.scalp) this.scalp.visible = head;
    for (const { mesh } of this.sensors) if (mesh) mesh.visible = head;
    this.viewer.setScale(FILLED * this.reach(this.viewer.meshes) / this.reach(this.viewer.meshes.filter((mesh) => mesh.visible)));
  }

  // Largest distance of a vertex from the middle of all meshes, around which they are turned.
  reach(meshes) {
    const low = [0, 1, 2].map((axis) => Math.min(...this.viewer.meshes.map((mesh) => mesh.extentsMin[axis])));
    const high = [0, 1, 2].map((axis) => Math.max(...this.viewer.meshes.map((mesh) => mesh.extentsMax[axis])));
    let farthest = 1;
    for (const { pts } of meshes) {
      for (let part = 0; part < pts.length; part += 3) {
        farthest = Math.max(farthest, Math.hypot(...[0, 1, 2].map((axis) => pts[part + axis] - (low[axis] + high[axis]) / 2)));
      }
    }
    return farthest;
  }

  // Look from outside at a place.
  face(at) {
    const middle = this.middle();
    const [x, y, z] = at.map((part, axis) => part - middle[axis]);
    const degrees = 180 / Math.PI;
    const turn = (Math.atan2(-x, -y) * degrees + 360) % 360;
    const lift = Math.atan2(z, Math.hypot(x, y)) * degrees;
    this.look([turn, Math.max(-35, Math.min(60, lift))]);
  }

  middle() {
    const rr = this.shapes ? this.shapes.Folded : this.scalp ? this.scalp.pts : [0, 0, 0];
    const sums = [0, 0, 0];
    rr.forEach((part, index) => { sums[index % 3] += part; });
    return sums.map((sum) => 3 * sum / rr.length);
  }

  look([azimuth, elevation]) { this.viewer.setRenderAzimuthElevation(azimuth, elevation); }

  // values: of the sources; measured: for each sensor group, with the largest value of its colours.
  draw({ values, table, signed, largest, threshold, fade, measured }) {
    const gl = this.viewer.gl;
    if (this.cortex && this.cortex.visible) {
      const means = this.mixer(values), colors = this.cortex.rgba255;
      means.forEach((value, vertex) => {
        const alpha = opacity(value / largest, threshold, fade);
        const color = shade(table, value / largest);
        for (let part = 0; part < 3; part++) colors[4 * vertex + part] = alpha * color[part] + (1 - alpha) * this.grey[vertex];
      });
      this.cortex.updateMesh(gl);
    }
    for (const { kind, chosen, mesh } of this.sensors) {
      if (!mesh || !mesh.visible) continue;
      const { values: shown, largest: most } = measured[kind];
      chosen.forEach((sensor, number) => {
        const color = shade(signed, 0.5 + 0.5 * shown[sensor] / most);
        for (let corner = 0; corner < 6; corner++) mesh.rgba255.set(color, 4 * (6 * number + corner));
      });
      mesh.updateMesh(gl);
    }
    this.viewer.drawScene();
  }
}
