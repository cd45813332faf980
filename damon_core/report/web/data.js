// What the page carries: facts as JSON, heat as bytes of cells, compressed.

const facts = JSON.parse(document.getElementById("data").textContent);

async function inflated(text) {
  const bytes = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// A grid of bytes: cells[column * nrRows + row]; 0 no region, 1 no access, else heat.
class Grid {
  constructor(packed, cells, nrRows) {
    this.top = packed.top;
    this.cells = cells;
    this.nrRows = nrRows;
    this.shares = new Float64Array(256);
    for (let level = 1; level < 256; level++) {
      this.shares[level] = ((level - 1) / 254) ** packed.power;
    }
  }

  // Mean share of the top over the cells with regions, or -1 where none had.
  mean(firstColumn, endColumn, firstRow, endRow) {
    let sum = 0;
    let nr = 0;
    for (let column = firstColumn; column < endColumn; column++) {
      const start = column * this.nrRows;
      for (let at = start + firstRow; at < start + endRow; at++) {
        const level = this.cells[at];
        if (level) {
          sum += this.shares[level];
          nr++;
        }
      }
    }
    return nr ? sum / nr : -1;
  }
}

const unpacked = new Map();

async function gridOf(target, measure) {
  const key = `${target}/${measure}`;
  if (!unpacked.has(key)) {
    const packed = facts.targets[target].grids[measure];
    unpacked.set(key, new Grid(packed, await inflated(packed.data), facts.nrRows));
  }
  return unpacked.get(key);
}
