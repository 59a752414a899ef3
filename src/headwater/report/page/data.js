// Numbers of the page: one block of bytes, and where each array lies in it.

const KINDS = { uint8: Uint8Array, int16: Int16Array, uint16: Uint16Array, uint32: Uint32Array, float32: Float32Array };

const textOf = (id) => document.getElementById(id).textContent.trim();

async function unpacked(id) {
  const bytes = Uint8Array.from(atob(textOf(id)), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}

class Numbers {
  constructor(buffer) { this.buffer = buffer; }

  array(reference) {
    const length = reference.shape.reduce((product, n) => product * n, 1);
    return new KINDS[reference.type](this.buffer, reference.at, length);
  }

  scaled(reference) {
    return Float32Array.from(this.array(reference.values), (value) => value * reference.scale);
  }

  // Magnitudes of all sources at one frame.
  frame({ values, largest }, index) {
    const n = values.shape[1];
    const steps = this.array(values).subarray(index * n, (index + 1) * n);
    const unit = this.array(largest)[index] / 255;
    return Float32Array.from(steps, (step) => step * unit);
  }

  // A function from the values of sources to weighted means of them.
  mixer({ starts, columns, weights }) {
    const from = this.array(starts), column = this.array(columns), weight = this.array(weights);
    return (values) => {
      const means = new Float32Array(from.length - 1);
      for (let row = 0; row < means.length; row++) {
        let sum = 0, total = 0;
        for (let entry = from[row]; entry < from[row + 1]; entry++) {
          sum += weight[entry] * values[column[entry]];
          total += weight[entry];
        }
        means[row] = total ? sum / total : 0;
      }
      return means;
    };
  }
}
