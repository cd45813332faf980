// The picture in its frame: axes, names, marks of what is folded, the cross and the box.

class Frame {
  constructor(picture, overlay) {
    this.picture = picture;
    this.overlay = overlay;
  }

  measureOut(axis) {
    const { width, height } = this.picture.getBoundingClientRect();
    this.ratio = Math.min(window.devicePixelRatio || 1, 3);
    for (const canvas of [this.picture, this.overlay]) {
      canvas.width = Math.max(1, Math.round(width * this.ratio));
      canvas.height = Math.max(1, Math.round(height * this.ratio));
    }
    this.narrow = width < 620;
    this.style = getComputedStyle(document.documentElement);
    this.em = parseFloat(this.style.fontSize) / 15;
    this.left = this.narrow ? 66 : 102 * this.em;
    this.right = width - (this.narrow ? 8 : this.widest(axis) + 18);
    this.top = 8;
    this.bottom = height - 38 * this.em;
    this.width = width;
    this.height = height;
  }

  // Pixels that the longest of the names needs, within limits.
  widest(axis) {
    const context = this.picture.getContext("2d");
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.font = this.font(11.5);
    const widths = axis.labels.slice(0, 400).map(([, , text]) => context.measureText(text).width);
    return Math.min(Math.max(0, ...widths), 180 * this.em);
  }

  color(name) {
    return this.style.getPropertyValue(`--${name}`).trim();
  }

  context(canvas) {
    const context = canvas.getContext("2d");
    context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    context.clearRect(0, 0, this.width, this.height);
    return context;
  }

  font(size, mono = false) {
    return `${size * this.em}px ${mono ? "ui-monospace, 'DejaVu Sans Mono', Menlo, monospace" : this.style.fontFamily}`;
  }

  // Pixels of a time in rows and of a place on the address axis, and back as shares of the view.
  x(row, view) {
    return this.left + ((row - view.t0) / (view.t1 - view.t0)) * (this.right - this.left);
  }

  y(place, view) {
    return this.bottom - ((place - view.u0) / (view.u1 - view.u0)) * (this.bottom - this.top);
  }

  shares(x, y) {
    const across = (x - this.left) / (this.right - this.left);
    const up = (this.bottom - y) / (this.bottom - this.top);
    return [Math.min(Math.max(across, 0), 1), Math.min(Math.max(up, 0), 1)];
  }

  // Where the heat is: left, top, width, height.
  get plot() {
    return [this.left, this.top, this.right - this.left, this.bottom - this.top];
  }

  inside(x, y) {
    return x >= this.left && x <= this.right && y >= this.top && y <= this.bottom;
  }

  draw(grid, measure, axis, view) {
    this.measureOut(axis);
    const context = this.context(this.picture);
    const [left, top] = [Math.round(this.left * this.ratio), Math.round(this.top * this.ratio)];
    const width = Math.max(1, Math.round((this.right - this.left) * this.ratio));
    const height = Math.max(1, Math.round((this.bottom - this.top) * this.ratio));
    context.putImageData(painted(grid, measure, axis, view, width, height), left, top);
    this.drawFolds(context, axis, view);
    this.drawTimes(context, view);
    this.drawAddresses(context, axis, view);
    this.drawNames(context, axis, view);
    context.strokeStyle = this.color("line");
    context.strokeRect(this.left - 0.5, this.top - 0.5, this.right - this.left + 1, this.bottom - this.top + 1);
  }

  drawFolds(context, axis, view) {
    let before = 0;
    for (const band of axis.bands) {
      if (band.low > before) this.fill(context, view, before, band.low, hatched(context, this));
      if (band.folded) this.fill(context, view, band.low, band.high, dotted(context, this));
      before = band.high;
    }
  }

  fill(context, view, low, high, pattern) {
    const top = Math.max(this.y(high, view), this.top);
    const bottom = Math.min(this.y(low, view), this.bottom);
    if (bottom <= top) return;
    context.fillStyle = pattern;
    context.fillRect(this.left, top, this.right - this.left, bottom - top);
  }

  drawTimes(context, view) {
    const span = (view.t1 - view.t0) * facts.rowS;
    const most = (this.right - this.left) / ((this.narrow ? 76 : 96) * this.em);
    const step = timeStep(span, most);
    context.font = this.font(11.5);
    context.fillStyle = this.color("soft");
    context.strokeStyle = this.color("line");
    context.textBaseline = "top";
    const first = Math.ceil((view.t0 * facts.rowS) / step - 1e-9);
    for (let number = first; number * step <= view.t1 * facts.rowS * (1 + 1e-12); number++) {
      const x = this.x((number * step) / facts.rowS, view);
      line(context, x, this.bottom, x, this.bottom + 5);
      const text = timeText(number * step, step);
      const half = context.measureText(text).width / 2;
      context.textAlign = "center";
      context.fillText(text, Math.min(Math.max(x, half + 2), this.width - half - 2), this.bottom + 8);
    }
    context.textAlign = "right";
    context.fillText("time", this.right, this.bottom + 23 * this.em);
  }

  drawAddresses(context, axis, view) {
    const least = ((17 * this.em) / (this.bottom - this.top)) * (view.u1 - view.u0);
    context.font = this.font(this.narrow ? 10 : 11, true);
    context.textAlign = "right";
    context.textBaseline = "middle";
    context.fillStyle = this.color("soft");
    context.strokeStyle = this.color("line");
    for (const [place, address] of axis.ticks(view.u0, view.u1, least)) {
      const y = this.y(place, view);
      line(context, this.left - 5, y, this.left, y);
      const text = this.narrow ? `…${hex(address).slice(-7)}` : hex(address);
      context.fillText(text, this.left - 8, Math.min(Math.max(y, 7), this.bottom - 2));
    }
  }

  drawNames(context, axis, view) {
    const room = this.narrow ? (this.right - this.left) * 0.6 : this.width - this.right - 12;
    const shown = axis.labels
      .map(([low, high, text]) => [Math.max(low, view.u0), Math.min(high, view.u1), text])
      .filter(([low, high]) => high > low)
      .sort((one, other) => other[1] - other[0] - (one[1] - one[0]));
    context.font = this.font(11.5);
    context.textBaseline = "middle";
    context.textAlign = this.narrow ? "right" : "left";
    const taken = [];
    for (const [low, high, text] of shown.slice(0, 400)) {
      const y = Math.min(Math.max(this.y((low + high) / 2, view), 8), this.bottom - 6);
      if (!this.narrow) this.tie(context, this.y(low, view), this.y(high, view));
      if (this.y(low, view) - this.y(high, view) < 3) continue;
      if (taken.some((other) => Math.abs(other - y) < 15 * this.em)) continue;
      taken.push(y);
      const short = fitted(context, text, room);
      if (this.narrow) {
        const width = context.measureText(short).width + 8;
        context.globalAlpha = 0.78;
        context.fillStyle = this.color("paper");
        context.fillRect(this.right - width - 3, y - 8, width, 16);
        context.globalAlpha = 1;
      }
      context.fillStyle = this.color("ink");
      context.fillText(short, this.narrow ? this.right - 7 : this.right + 10, y);
    }
  }

  // A bracket beside the picture, along one mapping.
  tie(context, bottom, top) {
    context.strokeStyle = this.color("hatch");
    const x = this.right + 4.5;
    if (bottom - top > 2) line(context, x, top + 1, x, bottom - 1);
  }

  // The cross at shares of the view, and the box between two points in pixels.
  drawOverlay(cross, box) {
    const context = this.context(this.overlay);
    context.strokeStyle = this.color("accent");
    if (cross) {
      const x = this.left + (this.right - this.left) * cross[0];
      const y = this.bottom - (this.bottom - this.top) * cross[1];
      context.globalAlpha = 0.75;
      line(context, this.left, y, this.right, y);
      line(context, x, this.top, x, this.bottom);
      context.globalAlpha = 1;
    }
    if (box) {
      const [x0, y0, x1, y1] = box;
      context.fillStyle = this.color("accent");
      context.globalAlpha = 0.18;
      context.fillRect(x0, y0, x1 - x0, y1 - y0);
      context.globalAlpha = 1;
      context.strokeRect(x0, y0, x1 - x0, y1 - y0);
    }
  }
}

function line(context, x0, y0, x1, y1) {
  context.beginPath();
  context.moveTo(x0, y0);
  context.lineTo(x1, y1);
  context.stroke();
}

function fitted(context, text, width) {
  if (context.measureText(text).width <= width) return text;
  let nr = text.length;
  while (nr > 1 && context.measureText(`${text.slice(0, nr)}…`).width > width) nr--;
  return `${text.slice(0, nr)}…`;
}

function tile(context, frame, draw) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = Math.round(6 * frame.ratio);
  const inner = canvas.getContext("2d");
  inner.scale(canvas.width / 6, canvas.width / 6);
  draw(inner);
  const pattern = context.createPattern(canvas, "repeat");
  pattern.setTransform(new DOMMatrix().scale(6 / canvas.width));
  return pattern;
}

function hatched(context, frame) {
  return tile(context, frame, (inner) => {
    inner.fillStyle = frame.color("paper");
    inner.fillRect(0, 0, 6, 6);
    inner.strokeStyle = frame.color("hatch");
    line(inner, -1, 7, 7, -1);
  });
}

function dotted(context, frame) {
  return tile(context, frame, (inner) => {
    inner.fillStyle = frame.color("hatch");
    inner.fillRect(2, 2, 1.4, 1.4);
  });
}
