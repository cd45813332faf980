// The page: what is chosen, what is shown, what is read.

const $ = (id) => document.getElementById(id);

class App {
  constructor() {
    this.frame = new Frame($("picture"), $("overlay"));
    this.view = new View(facts.nrRows);
    this.axes = facts.targets.map((target) => new AddressAxis(target));
    this.lines = new Lines($("lines"), $("lines-key"));
    this.cross = null;
    this.grid = null;
    this.waiting = false;
    this.choices();
    this.input = new Input(this);
    this.buttons();
    new ResizeObserver(() => this.changed()).observe($("frame"));
  }

  get target() {
    return $("target").selectedIndex;
  }

  get measure() {
    return facts.measures[$("measure").selectedIndex];
  }

  get axis() {
    return this.axes[this.target];
  }

  choices() {
    for (const target of facts.targets) $("target").add(new Option(target.name));
    for (const measure of facts.measures) {
      $("measure").add(new Option(`${measure.label}: ${measure.unit}`));
    }
    $("measure").selectedIndex = facts.first;
    for (const id of ["target", "measure"]) {
      $(id).addEventListener("change", () => this.load(id === "target"));
    }
    $("about").textContent = [facts.about, facts.by, facts.pace, clockText(0)].filter(Boolean).join(" · ");
  }

  buttons() {
    const press = (id, act) => $(id).addEventListener("click", act);
    press("box", () => this.setMoving(false));
    press("move", () => this.setMoving(true));
    press("in", () => this.input.zoomKey(0.5, [0.5, 0.5]));
    press("out", () => this.input.zoomKey(2, [0.5, 0.5]));
    press("back", () => this.goBack());
    press("reset", () => this.showAll());
    const name = () => ($("theme").textContent = isDark() ? "Light" : "Dark");
    const recolored = () => {
      name();
      if (this.grid) this.legend();
      this.changed();
    };
    press("theme", () => {
      document.documentElement.dataset.theme = isDark() ? "light" : "dark";
      recolored();
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", recolored);
    name();
  }

  async load(whole) {
    const [target, measure] = [this.target, $("measure").selectedIndex];
    const grid = await gridOf(target, measure);
    if (target !== this.target || measure !== $("measure").selectedIndex) return;
    this.grid = grid;
    if (whole) {
      this.view.history = [];
      this.view.reset();
    }
    this.legend();
    this.tables();
    this.changed();
  }

  next(id) {
    $(id).selectedIndex = ($(id).selectedIndex + 1) % $(id).options.length;
    $(id).dispatchEvent(new Event("change"));
  }

  setMoving(moving) {
    this.input.setMoving(moving);
    $("box").setAttribute("aria-pressed", String(!moving));
    $("move").setAttribute("aria-pressed", String(moving));
  }

  goBack() {
    this.view.back();
    this.changed();
  }

  showAll() {
    this.view.keep();
    this.view.reset();
    this.changed();
  }

  // Draw once before the next frame, however often it changed.
  changed() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      if (this.grid) this.draw();
    });
  }

  draw() {
    this.frame.draw(this.grid, this.measure, this.axis, this.view);
    this.frame.drawOverlay(this.cross, null);
    const series = facts.targets[this.target].series;
    $("sizes").hidden = !series;
    if (series) this.lines.draw(series, this.frame, this.view);
    $("back").disabled = !this.view.history.length;
    $("reset").disabled = this.view.whole;
    this.say();
    $("overlay").dataset.plot = this.frame.plot.join(" ");
    $("overlay").dataset.drawn = String(Number($("overlay").dataset.drawn ?? 0) + 1);
  }

  // What is shown, in words; also for who cannot see it.
  say() {
    const { view, axis, frame } = this;
    const low = axis.bandAt(view.u0) ?? axis.bands.find((band) => band.high > view.u0);
    const high = axis.bands.findLast((band) => band.low < view.u1);
    const times = `${timeText(view.t0 * facts.rowS)} to ${timeText(view.t1 * facts.rowS)}`;
    const text = `Shown: ${times}, ${hex(low.addressAt(view.u0))} to ${hex(high.addressAt(view.u1))}`;
    frame.overlay.setAttribute("aria-label", `Heatmap of ${facts.targets[this.target].name}. ${text}`);
    if (!this.cross) $("status").textContent = text;
  }

  // Tell the cell at shares of the view; null: of none.
  read(cross) {
    this.cross = cross;
    this.frame.drawOverlay(cross, null);
    $("tip").hidden = !cross;
    if (!cross || !this.grid) {
      this.say();
      return;
    }
    const { view, axis, grid } = this;
    const place = view.u0 + (view.u1 - view.u0) * cross[1];
    const row = Math.min(Math.floor(view.t0 + (view.t1 - view.t0) * cross[0]), facts.nrRows - 1);
    const seconds = (row + 0.5) * facts.rowS;
    const parts = [`${timeText(row * facts.rowS, facts.rowS / 10)}  (${clockText(seconds)})`];
    const band = axis.bandAt(place);
    if (band) {
      const name = axis.nameAt(place);
      const column = axis.columnAt(place);
      const share = grid.mean(column, column + 1, row, row + 1);
      parts.push(`${hex(band.addressAt(place))}${name ? `  ${name}` : ""}`);
      parts.push(`${heatText(share, grid.top, this.measure)}${share < 0 ? "" : `  ${unitText(this.measure)}`}`);
      if (band.folded) parts.push(`in a folded stretch of ${sizeText(band.size)}`);
    } else {
      parts.push("addresses between two areas");
    }
    $("tip").textContent = parts.join("\n");
    $("status").textContent = parts.join("; ");
    this.placeTip(cross);
  }

  placeTip([across, up]) {
    const { frame } = this;
    const tip = $("tip");
    const x = frame.left + (frame.right - frame.left) * across;
    const y = frame.bottom - (frame.bottom - frame.top) * up;
    const { width, height } = tip.getBoundingClientRect();
    const left = x + 14 + width < frame.width ? x + 14 : x - 14 - width;
    const top = y - 14 - height > 0 ? y - 14 - height : y + 14;
    tip.style.left = `${Math.min(Math.max(left, 0), Math.max(frame.width - width, 0))}px`;
    tip.style.top = `${Math.min(top, Math.max(frame.height - height, 0))}px`;
  }

  legend() {
    const { measure, grid } = this;
    const ramp = facts.ramps[isDark() ? "dark" : "light"];
    $("unit").textContent = measure.percent ? measure.unit : `${measure.unit} (the scale is not even)`;
    const places = [0, 0.25, 0.5, 0.75, 1];
    $("ticks").replaceChildren(
      ...places.map((place) => {
        const mark = document.createElement("span");
        mark.textContent = heatText(place ** measure.power, grid.top, measure);
        return mark;
      }),
    );
    const canvas = $("ramp");
    canvas.width = 512;
    const context = canvas.getContext("2d");
    for (let x = 0; x < 512; x++) {
      context.fillStyle = `rgb(${rampAt(ramp, x / 511).join(",")})`;
      context.fillRect(x, 0, 1, canvas.height);
    }
    const { hidden } = facts.targets[this.target].grids[$("measure").selectedIndex];
    const leftOut = [
      hidden > 0.005 && `${(100 * hidden).toFixed(1)} % of the accesses were in addresses not shown.`,
      facts.nrLeftOut && `Targets left out: ${facts.nrLeftOut}.`,
    ];
    $("left-out").textContent = leftOut.filter(Boolean).join(" ");
    $("gap-key").hidden = !this.axis.bands.some((band, at, all) => at && band.low > all[at - 1].high);
    $("fold-key").hidden = !this.axis.bands.some((band) => band.folded);
  }

  tables() {
    const shown = [...(facts.targets[this.target].tables ?? []), ...(facts.tables ?? [])];
    const made = shown.map(({ title, head, rows }) => {
      const table = document.createElement("table");
      const line = table.createTHead().insertRow();
      for (const text of head) {
        const cell = document.createElement("th");
        cell.scope = "col";
        cell.textContent = text;
        line.append(cell);
      }
      const body = table.createTBody();
      for (const row of rows) {
        const inner = body.insertRow();
        for (const text of row) inner.insertCell().textContent = text;
      }
      const [heading, part, box] = ["h2", "div", "div"].map((name) => document.createElement(name));
      heading.textContent = title;
      box.className = "table";
      box.append(table);
      part.append(heading, box);
      return part;
    });
    $("tables").replaceChildren(...made);
  }
}

function unitText(measure) {
  return measure.percent ? measure.unit.replace("% ", "") : measure.unit;
}

function clockText(seconds) {
  const moment = new Date(facts.startMs + seconds * 1000);
  if (Number.isNaN(moment.getTime())) return "";
  const text = moment.toLocaleString("sv-SE", { dateStyle: "short", timeStyle: "medium" });
  return seconds ? text.slice(11) : `from ${text}`;
}

function start() {
  if (typeof DecompressionStream === "undefined") {
    $("problem").textContent = "This browser is too old to unpack the heatmap: Chrome 80, Firefox 113 or Safari 16.4 can.";
    $("problem").hidden = false;
    return;
  }
  const app = new App();
  app.load(true).catch((error) => {
    $("problem").textContent = `The heatmap could not be unpacked (${error.message}): the file is damaged.`;
    $("problem").hidden = false;
  });
}

start();
