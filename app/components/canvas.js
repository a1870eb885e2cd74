// A sheet to write on, as wide as the page allows. After each stroke the drawing is sent as `drawing`: a PNG of dark ink
// on white whatever the theme and the screen size, so that the same hand gives the same picture.
const SENT_WIDTH = 640; // pixels
const HEIGHT = 0.62; // of the width
const SURE_FROM = 0.9;
const ICONS = {
  undo: '<path d="M9 14 4 9l5-5M4 9h10a6 6 0 0 1 0 12h-3"/>',
  redo: '<path d="m15 14 5-5-5-5M20 9H10a6 6 0 0 0 0 12h3"/>',
};

const icon = name => `<svg viewBox="0 0 24 24" aria-hidden="true">${ICONS[name]}</svg>`;

function drawStrokes(context, strokes, scale, colour) {
  context.strokeStyle = context.fillStyle = colour;
  context.lineCap = context.lineJoin = "round";
  for (const { points } of strokes) {
    let [x, y, width] = points[0];
    context.beginPath();
    context.arc(x * scale, y * scale, (width * scale) / 2, 0, 2 * Math.PI);
    context.fill();
    for (const [nextX, nextY, nextWidth] of points.slice(1)) {
      context.beginPath();
      context.lineWidth = nextWidth * scale;
      context.moveTo(x * scale, y * scale);
      context.lineTo(nextX * scale, nextY * scale);
      context.stroke();
      [x, y] = [nextX, nextY];
    }
  }
}

class Sheet {
  constructor(root) {
    this.strokes = []; // lengths as shares of the sheet's width
    this.past = []; // the lists of strokes before each change
    this.future = []; // and before each undo
    this.boxes = [];
    root.innerHTML = `
      <div class="sheet">
        <canvas role="img" aria-label="Sheet to write a number on"></canvas>
        <div class="hint">Write a number here<small>mouse, finger or pen</small></div>
      </div>
      <div class="tools">
        <button name="undo" title="Undo (Ctrl+Z)" aria-label="Undo">${icon("undo")}</button>
        <button name="redo" title="Redo (Ctrl+Y)" aria-label="Redo">${icon("redo")}</button>
        <button name="clear" title="Clear (c)">Clear</button>
        <label>Pen <input type="range" min="1" max="6" step="0.5" value="2.5" aria-label="Pen width"></label>
      </div>`;
    this.canvas = root.querySelector("canvas");
    this.hint = root.querySelector(".hint");
    this.pen = root.querySelector("input");
    this.buttons = Object.fromEntries([...root.querySelectorAll("button")].map(b => [b.name, b]));
    for (const [name, button] of Object.entries(this.buttons)) button.onclick = () => this[name]();
    this.canvas.onpointerdown = event => this.begin(event);
    this.canvas.onpointermove = event => this.extend(event);
    this.canvas.onpointerup = this.canvas.onpointercancel = () => this.end();
    this.resize = new ResizeObserver(() => this.fit());
    this.resize.observe(this.canvas.parentElement);
    // Capture keys before Streamlit does: its own c clears caches.
    this.keys = event => this.key(event);
    window.addEventListener("keydown", this.keys, true);
    this.update();
  }

  close() {
    this.resize.disconnect();
    window.removeEventListener("keydown", this.keys, true);
  }

  fit() {
    const width = this.canvas.parentElement.clientWidth;
    const density = window.devicePixelRatio || 1;
    this.canvas.width = Math.round(width * density);
    this.canvas.height = Math.round(width * HEIGHT * density);
    this.draw();
  }

  draw() {
    const { canvas } = this;
    const context = canvas.getContext("2d");
    const style = getComputedStyle(canvas);
    context.clearRect(0, 0, canvas.width, canvas.height);
    drawStrokes(context, this.strokes, canvas.width, style.getPropertyValue("--st-text-color"));
    this.drawBoxes(context, canvas.width / SENT_WIDTH);
  }

  drawBoxes(context, scale) {
    const density = window.devicePixelRatio || 1;
    context.font = `600 ${14 * density}px ${getComputedStyle(this.canvas).fontFamily}`;
    context.lineWidth = 2 * density;
    for (const { box, label, confidence } of this.boxes) {
      const [x, y, width, height] = box.map(side => side * scale);
      const margin = 5 * density;
      const colour = confidence >= SURE_FROM ? "#10a37f" : "#d98200";
      context.strokeStyle = context.fillStyle = colour;
      context.beginPath();
      context.roundRect(x - margin, y - margin, width + 2 * margin, height + 2 * margin, 6 * density);
      context.stroke();
      context.fillText(label, x - margin, Math.max(14 * density, y - 2 * margin));
    }
  }

  point(event) {
    const frame = this.canvas.getBoundingClientRect();
    // A mouse has no pressure; browsers report 0.5 for it.
    const pressure = event.pointerType === "pen" && event.pressure ? 0.5 + event.pressure : 1;
    const width = (this.pen.value / 100) * pressure;
    return [(event.clientX - frame.left) / frame.width, (event.clientY - frame.top) / frame.width, width];
  }

  begin(event) {
    if (event.button || this.stroke) return;
    event.preventDefault();
    this.canvas.setPointerCapture(event.pointerId);
    this.stroke = { pointer: event.pointerId, points: [this.point(event)] };
    this.change([...this.strokes, this.stroke]);
    this.boxes = [];
    this.update();
  }

  extend(event) {
    if (this.stroke?.pointer !== event.pointerId) return;
    const events = event.getCoalescedEvents?.() ?? [];
    for (const each of events.length ? events : [event]) this.stroke.points.push(this.point(each));
    this.draw();
  }

  end() {
    if (!this.stroke) return;
    this.stroke = null;
    this.changed();
  }

  change(strokes) {
    this.past.push(this.strokes);
    this.future = [];
    this.strokes = strokes;
  }

  undo() {
    if (!this.past.length || this.stroke) return;
    this.future.push(this.strokes);
    this.strokes = this.past.pop();
    this.changed();
  }

  redo() {
    if (!this.future.length || this.stroke) return;
    this.past.push(this.strokes);
    this.strokes = this.future.pop();
    this.changed();
  }

  clear() {
    if (!this.strokes.length || this.stroke) return;
    this.change([]);
    this.changed();
  }

  key(event) {
    const target = event.composedPath()[0];
    if (target.isContentEditable || /^(TEXTAREA|SELECT)$/.test(target.tagName)) return;
    if (target.tagName === "INPUT" && target !== this.pen) return;
    const control = event.ctrlKey || event.metaKey;
    const key = event.key.toLowerCase();
    let action = { p: "read", c: "clear" }[key];
    if (control) action = { z: event.shiftKey ? "redo" : "undo", y: "redo" }[key];
    if (!action || event.altKey) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    this[action]();
  }

  changed() {
    this.boxes = [];
    this.update();
    this.read();
  }

  update() {
    this.hint.hidden = this.strokes.length > 0;
    this.buttons.undo.disabled = !this.past.length;
    this.buttons.redo.disabled = !this.future.length;
    this.buttons.clear.disabled = !this.strokes.length;
    this.draw();
  }

  read() {
    if (!this.strokes.length) return this.send(null);
    const picture = document.createElement("canvas");
    picture.width = SENT_WIDTH;
    picture.height = Math.round(SENT_WIDTH * HEIGHT);
    const context = picture.getContext("2d");
    context.fillStyle = "#fff";
    context.fillRect(0, 0, picture.width, picture.height);
    drawStrokes(context, this.strokes, SENT_WIDTH, "#111");
    this.sent = (this.sent ?? 0) + 1;
    // The number makes equal drawings differ; otherwise p would do nothing on an unchanged drawing.
    this.send({ png: picture.toDataURL("image/png"), number: this.sent });
  }
}

const sheets = new WeakMap();

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".canvas");
  if (!sheets.has(root)) sheets.set(root, new Sheet(root));
  const sheet = sheets.get(root);
  sheet.send = drawing => setStateValue("drawing", drawing);
  // Ignore the boxes of an earlier drawing.
  if (data && data.number === sheet.sent && !sheet.stroke) sheet.boxes = data.boxes;
  sheet.draw();
  return () => {
    sheet.close();
    sheets.delete(root);
  };
}
