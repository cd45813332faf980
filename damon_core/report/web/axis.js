// Places on the two axes, and words for them.  Addresses need more bits than a number has.

class Band {
  constructor([start, end, folded, first, nr, low, high]) {
    this.start = BigInt(`0x${start}`);
    this.size = BigInt(`0x${end}`) - this.start;
    this.folded = Boolean(folded);
    this.first = first;
    this.nr = nr;
    this.low = low;
    this.high = high;
  }

  addressAt(place) {
    const share = Math.min(Math.max((place - this.low) / (this.high - this.low), 0), 1);
    const offset = (this.size * BigInt(Math.floor(share * 2 ** 40))) >> 40n;
    return this.start + (offset < this.size ? offset : this.size - 1n);
  }

  placeOf(address) {
    const share = Number(((address - this.start) << 40n) / this.size) / 2 ** 40;
    return this.low + (this.high - this.low) * share;
  }
}

class AddressAxis {
  constructor(target) {
    this.bands = target.bands.map((band) => new Band(band));
    this.labels = target.labels;
  }

  bandAt(place) {
    return this.bands.find((band) => band.low <= place && place < band.high);
  }

  // The column at a place, -1 between two areas.
  columnAt(place) {
    const band = this.bandAt(place);
    if (!band) return -1;
    const share = (place - band.low) / (band.high - band.low);
    return band.first + Math.min(Math.floor(share * band.nr), band.nr - 1);
  }

  nameAt(place) {
    const label = this.labels.find(([low, high]) => low <= place && place < high);
    return label ? label[2] : "";
  }

  // Round addresses between two places, no two nearer than `least`; the ends of bands come first.
  ticks(low, high, least) {
    const wanted = [];
    for (const band of this.bands) {
      if (band.high < low || band.low > high) continue;
      const shown = Math.min(band.high, high) - Math.max(band.low, low);
      wanted.push([shown, band.low, band.start], [shown, band.high, band.start + band.size]);
      if (band.folded || shown < 2 * least) continue;
      let step = 4096n;
      const span = band.high - band.low;
      while (span * (Number(step) / Number(band.size)) < least * 1.6) step *= 2n;
      const from = band.addressAt(Math.max(band.low, low));
      const end = band.addressAt(Math.min(band.high, high));
      for (let at = (from / step + 1n) * step; at < end; at += step) {
        wanted.push([0, band.placeOf(at), at]);
      }
    }
    wanted.sort((one, other) => other[0] - one[0]);
    const chosen = [];
    for (const [, place, address] of wanted) {
      if (place < low || place > high) continue;
      if (chosen.every(([other]) => Math.abs(other - place) >= least)) chosen.push([place, address]);
    }
    return chosen;
  }
}

const hex = (address) => address.toString(16);

function timeText(seconds, step = 0) {
  const digits = step > 0 ? Math.min(6, Math.max(0, Math.ceil(-Math.log10(step)))) : 2;
  if (Math.abs(seconds) < 60) return `${seconds.toFixed(digits)} s`;
  const whole = Math.floor(seconds / 60);
  const rest = (seconds - whole * 60).toFixed(digits).padStart(digits ? digits + 3 : 2, "0");
  if (whole < 60) return `${whole}m ${rest}s`;
  return `${Math.floor(whole / 60)}h ${String(whole % 60).padStart(2, "0")}m ${rest}s`;
}

function timeStep(span, most) {
  const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400];
  const least = span / Math.max(most, 1);
  if (least <= 1) {
    const unit = 10 ** Math.floor(Math.log10(least));
    return [1, 2, 5, 10].map((factor) => factor * unit).find((step) => step >= least * 0.999);
  }
  return steps.find((step) => step >= least) ?? Math.ceil(least / 86400) * 86400;
}

function sizeText(bytes) {
  let size = Number(bytes);
  for (const unit of ["B", "KiB", "MiB", "GiB", "TiB", "PiB"]) {
    if (size < 1000 || unit === "PiB") return `${unit === "B" ? size : Number(size.toPrecision(3))} ${unit}`;
    size /= 1024;
  }
}

function heatText(share, top, measure) {
  if (share < 0) return "no region";
  if (share === 0) return measure.percent ? "0 %" : "0";
  const heat = share * top;
  const text = Math.abs(heat) >= 1e5 ? heat.toExponential(2) : String(Number(heat.toPrecision(3)));
  return measure.percent ? `${text} %` : text;
}
