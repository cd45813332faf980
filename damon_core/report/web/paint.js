// From bytes of cells to colours of pixels.

const SHADES = 1024;
const LEAST = 0.07; // of the ramp: a little heat is told from none

function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

function rampAt(ramp, place) {
  const scaled = Math.min(Math.max(place, 0), 1) * (ramp.length - 1);
  const first = Math.min(Math.floor(scaled), ramp.length - 2);
  return ramp[first].map((part, at) => Math.round(part + (ramp[first + 1][at] - part) * (scaled - first)));
}

function packedColor([red, green, blue]) {
  return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}

// Colours of pixels by place on the ramp.
function palette() {
  const ramp = facts.ramps[isDark() ? "dark" : "light"];
  const colors = new Uint32Array(SHADES + 1);
  for (let shade = 0; shade <= SHADES; shade++) {
    colors[shade] = packedColor(rampAt(ramp, shade ? Math.max(shade / SHADES, LEAST) : 0));
  }
  return colors;
}

function placeOf(share, measure) {
  return measure.power === 4 ? Math.sqrt(Math.sqrt(share)) : share;
}

// The view as pixels, `width` x `height`; where there is no region they stay clear.
function painted(grid, measure, axis, view, width, height) {
  const image = new ImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  const colors = palette();
  const rowOf = (x) => view.t0 + ((view.t1 - view.t0) * x) / width;
  const firstRows = new Int32Array(width);
  const endRows = new Int32Array(width);
  for (let x = 0; x < width; x++) {
    [firstRows[x], endRows[x]] = cellsOf(rowOf(x), rowOf(x + 1), facts.nrRows);
  }
  const uOf = (y) => view.u1 - ((view.u1 - view.u0) * y) / height;
  let above = -2;
  for (let y = 0; y < height; y++) {
    const middle = axis.columnAt(uOf(y + 0.5));
    if (middle < 0) {
      above = -2;
      continue;
    }
    const upper = axis.columnAt(uOf(y));
    const lower = axis.columnAt(uOf(y + 1));
    const several = lower >= 0 && upper - lower > 1;
    const first = several ? lower : middle;
    const end = several ? upper : middle + 1;
    const line = y * width;
    if (first === above && !several) {
      pixels.copyWithin(line, line - width, line); // the same column again
      continue;
    }
    above = several ? -2 : first;
    for (let x = 0; x < width; x++) {
      const share = grid.mean(first, end, firstRows[x], endRows[x]);
      if (share < 0) continue;
      const shade = share > 0 ? Math.max(1, Math.round(placeOf(share, measure) * SHADES)) : 0;
      pixels[line + x] = colors[shade];
    }
  }
  return image;
}

// Whole cells of a stretch of them: all whose middle it has, one at least.
function cellsOf(low, high, nr) {
  let first = Math.round(low);
  let end = Math.round(high);
  if (end <= first) {
    first = Math.floor((low + high) / 2);
    end = first + 1;
  }
  first = Math.min(Math.max(first, 0), nr - 1);
  return [first, Math.min(Math.max(end, first + 1), nr)];
}
