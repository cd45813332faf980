// Which part is shown: times from t0 to t1 in rows, places from u0 to u1 on the address axis.

class View {
  constructor(nrRows) {
    this.nrRows = nrRows;
    this.history = [];
    this.t0 = 0;
    this.t1 = nrRows;
    this.u0 = 0;
    this.u1 = 1;
  }

  get whole() {
    return this.t0 <= 0 && this.t1 >= this.nrRows && this.u0 <= 0 && this.u1 >= 1;
  }

  keep() {
    this.history.push([this.t0, this.t1, this.u0, this.u1]);
    if (this.history.length > 100) this.history.shift();
  }

  back() {
    const last = this.history.pop();
    if (last) [this.t0, this.t1, this.u0, this.u1] = last;
    else this.reset();
  }

  reset() {
    [this.t0, this.t1, this.u0, this.u1] = [0, this.nrRows, 0, 1];
  }

  set(t0, t1, u0, u1) {
    [this.t0, this.t1] = clamped(t0, t1, this.nrRows, Math.min(1, this.nrRows));
    [this.u0, this.u1] = clamped(u0, u1, 1, 1e-6);
  }

  // Factors below 1 zoom in; the point at the shares x, y of the picture stays where it is.
  zoom(factorX, factorY, x, y) {
    const t = this.t0 + (this.t1 - this.t0) * x;
    const u = this.u0 + (this.u1 - this.u0) * y;
    this.set(
      t - (t - this.t0) * factorX,
      t + (this.t1 - t) * factorX,
      u - (u - this.u0) * factorY,
      u + (this.u1 - u) * factorY,
    );
  }

  // By shares of what is shown.
  pan(x, y) {
    const t = (this.t1 - this.t0) * x;
    const u = (this.u1 - this.u0) * y;
    this.set(this.t0 + t, this.t1 + t, this.u0 + u, this.u1 + u);
  }
}

// A part of 0 to `whole`, no smaller than `least`, pushed inside.
function clamped(low, high, whole, least) {
  let size = Math.min(Math.max(high - low, least), whole);
  const middle = (low + high) / 2;
  let start = high - low < least ? middle - size / 2 : low;
  start = Math.min(Math.max(start, 0), whole - size);
  return [start, start + size];
}
