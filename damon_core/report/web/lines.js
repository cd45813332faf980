// Sizes over time as lines, below the heatmap and at its times.

class Lines {
  constructor(canvas, key) {
    this.canvas = canvas;
    this.key = key;
  }

  // `series`: of { label, color: index, sizes: [bytes or null, one a row] }.
  draw(series, frame, view) {
    const { width, height } = this.canvas.getBoundingClientRect();
    if (!width) return;
    this.canvas.width = Math.round(width * frame.ratio);
    this.canvas.height = Math.round(height * frame.ratio);
    const context = this.canvas.getContext("2d");
    context.setTransform(frame.ratio, 0, 0, frame.ratio, 0, 0);
    const [top, bottom] = [8, height - 22];
    const shown = series.filter(({ sizes }) => sizes.some((size) => size !== null));
    let most = 1;
    for (const { sizes } of shown) for (const size of sizes) most = Math.max(most, size ?? 0);
    const y = (size) => bottom - (size / (most * 1.06)) * (bottom - top);
    this.grid(context, frame, most, y);
    context.save();
    context.beginPath();
    context.rect(frame.left, 0, frame.right - frame.left, height);
    context.clip();
    context.lineWidth = 1.6;
    context.lineJoin = "round";
    for (const { color, sizes } of shown) {
      context.strokeStyle = lineColor(color);
      context.beginPath();
      let pen = false;
      for (let row = Math.max(0, Math.floor(view.t0) - 1); row < Math.min(sizes.length, view.t1 + 1); row++) {
        if (sizes[row] === null) pen = false;
        else {
          context[pen ? "lineTo" : "moveTo"](frame.x(row + 0.5, view), y(sizes[row]));
          pen = true;
        }
      }
      context.stroke();
    }
    context.restore();
    context.strokeStyle = frame.color("line");
    line(context, frame.left, bottom, frame.right, bottom);
    this.legend(shown);
  }

  grid(context, frame, most, y) {
    const unit = 1024 ** Math.floor(Math.log2(most) / 10);
    const whole = most / unit;
    const least = whole / 4;
    const power = 10 ** Math.floor(Math.log10(least));
    const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((one) => one >= least);
    context.font = frame.font(frame.narrow ? 10 : 11);
    context.textAlign = "right";
    context.textBaseline = "middle";
    context.strokeStyle = frame.color("line");
    context.fillStyle = frame.color("soft");
    for (let size = 0; size <= whole * 1.04; size += step) {
      context.globalAlpha = 0.6;
      line(context, frame.left, y(size * unit), frame.right, y(size * unit));
      context.globalAlpha = 1;
      context.fillText(sizeText(size * unit), frame.left - 8, y(size * unit));
    }
  }

  legend(shown) {
    this.key.replaceChildren(
      ...shown.map(({ label, color }) => {
        const item = document.createElement("li");
        const mark = document.createElement("b");
        mark.style.background = lineColor(color);
        item.append(mark, label);
        return item;
      }),
    );
    this.canvas.setAttribute("aria-label", `Sizes over time: ${shown.map(({ label }) => label).join(", ")}`);
  }
}

function lineColor(number) {
  const dark = ["#ff9d5c", "#6cb2ff", "#9aa3b2", "#7ddc9a"];
  const light = ["#b3123a", "#1f63b5", "#7d8390", "#23804a"];
  return (isDark() ? dark : light)[number % 4];
}
