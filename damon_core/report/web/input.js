// Mouse, touch and keys, as changes of the view.

class Input {
  // `app`: its view and frame; changed() draws anew, read(cross) tells a cell, next(select).
  constructor(app) {
    this.app = app;
    this.moving = false;
    this.pointers = new Map();
    this.drag = null;
    this.wheelAt = 0;
    const canvas = app.frame.overlay;
    canvas.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    canvas.addEventListener("pointerdown", (event) => this.down(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    for (const name of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(name, (event) => this.up(event));
    }
    canvas.addEventListener("pointerleave", () => !this.drag && app.read(null));
    canvas.addEventListener("blur", () => app.read(null));
    canvas.addEventListener("dblclick", (event) => this.zoomAt(0.5, ...this.point(event)));
    canvas.addEventListener("keydown", (event) => this.key(event));
  }

  setMoving(moving) {
    this.moving = moving;
    this.app.frame.overlay.classList.toggle("moving", moving);
  }

  point(event) {
    const { left, top } = this.app.frame.overlay.getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  }

  zoomAt(factor, x, y) {
    this.app.view.keep();
    this.app.view.zoom(factor, factor, ...this.app.frame.shares(x, y));
    this.app.changed();
  }

  wheel(event) {
    event.preventDefault();
    const { view, frame } = this.app;
    const unit = event.deltaMode === 1 ? 30 : event.deltaMode === 2 ? 300 : 1;
    // With Shift some systems turn the wheel's direction to the side.
    const delta = Math.min(Math.max((event.deltaY || event.deltaX) * unit, -400), 400);
    const factor = Math.exp(delta * (event.ctrlKey ? 0.01 : 0.0022));
    if (event.timeStamp - this.wheelAt > 600) view.keep();
    this.wheelAt = event.timeStamp;
    const at = frame.shares(...this.point(event));
    view.zoom(event.altKey ? 1 : factor, event.shiftKey ? 1 : factor, ...at);
    this.app.changed();
    this.app.read(at);
  }

  down(event) {
    const point = this.point(event);
    if (event.button > 1) return;
    if (event.button === 1) event.preventDefault();
    this.app.frame.overlay.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, point);
    if (this.pointers.size === 1) this.app.view.keep();
    const pans = this.moving || event.shiftKey || event.button === 1 || event.pointerType === "touch";
    this.drag = { pans, from: point, moved: false };
  }

  move(event) {
    const { frame, view } = this.app;
    const point = this.point(event);
    if (!this.drag || !this.pointers.has(event.pointerId)) {
      if (event.pointerType !== "touch") this.app.read(frame.inside(...point) ? frame.shares(...point) : null);
      return;
    }
    const before = this.pointers.get(event.pointerId);
    if (Math.hypot(point[0] - this.drag.from[0], point[1] - this.drag.from[1]) > 4) this.drag.moved = true;
    if (this.pointers.size === 2) {
      this.pinch(event.pointerId, before, point);
    } else if (this.drag.pans && this.drag.moved) {
      view.pan(
        (before[0] - point[0]) / (frame.right - frame.left),
        (point[1] - before[1]) / (frame.bottom - frame.top),
      );
      this.app.changed();
    } else if (this.drag.moved) {
      frame.drawOverlay(null, [...this.drag.from, ...point]);
      return;
    }
    this.pointers.set(event.pointerId, point);
  }

  pinch(moved, before, point) {
    const { frame, view } = this.app;
    const [still] = [...this.pointers].filter(([id]) => id !== moved).map(([, at]) => at);
    const spread = (at) => Math.max(20, Math.hypot(at[0] - still[0], at[1] - still[1]));
    const factor = spread(before) / spread(point);
    const middle = [(still[0] + point[0]) / 2, (still[1] + point[1]) / 2];
    view.zoom(factor, factor, ...frame.shares(...middle));
    view.pan(
      (before[0] - point[0]) / 2 / (frame.right - frame.left),
      (point[1] - before[1]) / 2 / (frame.bottom - frame.top),
    );
    this.app.changed();
  }

  up(event) {
    const { frame, view } = this.app;
    if (!this.pointers.delete(event.pointerId) || this.pointers.size) return;
    const drag = this.drag;
    this.drag = null;
    const point = this.point(event);
    if (!drag.moved || event.type === "pointercancel") {
      view.history.pop();
      if (frame.inside(...point)) this.app.read(frame.shares(...point));
    } else if (!drag.pans) {
      this.toBox(drag.from, point);
    }
    this.app.changed();
  }

  toBox(from, point) {
    const { frame, view } = this.app;
    const [x0, y0] = frame.shares(...from);
    const [x1, y1] = frame.shares(...point);
    const [width, height] = [view.t1 - view.t0, view.u1 - view.u0];
    // A flat box means one axis only.
    const flatX = Math.abs(from[0] - point[0]) < 6;
    const flatY = Math.abs(from[1] - point[1]) < 6;
    view.set(
      flatX ? view.t0 : view.t0 + width * Math.min(x0, x1),
      flatX ? view.t1 : view.t0 + width * Math.max(x0, x1),
      flatY ? view.u0 : view.u0 + height * Math.min(y0, y1),
      flatY ? view.u1 : view.u0 + height * Math.max(y0, y1),
    );
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { app } = this;
    const cross = app.cross ?? [0.5, 0.5];
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    const keys = {
      "+": () => this.zoomKey(0.5, cross),
      "=": () => this.zoomKey(0.5, cross),
      "-": () => this.zoomKey(2, cross),
      0: () => app.showAll(),
      Backspace: () => app.goBack(),
      b: () => app.setMoving(false),
      m: () => app.setMoving(true),
      t: () => app.next("target"),
      h: () => app.next("measure"),
      Escape: () => app.read(null),
    };
    if (step && event.shiftKey) {
      app.view.pan(step[0] / 8, step[1] / 8);
      app.changed();
      app.read(cross);
    } else if (step) {
      app.read(cross.map((share, at) => Math.min(Math.max(share + step[at] / 50, 0), 0.9999)));
    } else if (keys[event.key] ?? keys[event.key.toLowerCase()]) {
      (keys[event.key] ?? keys[event.key.toLowerCase()])();
    } else {
      return;
    }
    event.preventDefault();
  }

  zoomKey(factor, cross) {
    this.app.view.keep();
    this.app.view.zoom(factor, factor, ...cross);
    this.app.changed();
    this.app.read([...cross]);
  }
}
