// The camera's video. Frames go to the server as JPEG, and its answers are drawn over the video, so that the video runs
// smoothly however long an answer takes.
const LONGER_SIDE = 640; // pixels of a frame as sent
const QUALITY = 0.8;
// While the server reads one frame, the next is on its way.
const IN_FLIGHT = 2;
const SURE_FROM = 0.9;

const WHY_NO_CAMERA = {
  NotAllowedError: "The camera was not allowed. Click the camera or lock icon in the address bar, allow it, and start again.",
  NotFoundError: "There is no camera. Connect one and start again, or read pictures on the Upload page.",
  NotReadableError: "The camera is in use. Close the program that is using it and start again.",
};
const INSECURE = "Browsers allow the camera only on https pages and on localhost. Open this page through a proxy with TLS.";
const NO_SERVER = "The server does not accept frames: start the app with `make app`. Trying again …";
const LOST = "The connection to the server was lost. Trying again …";

class Live {
  constructor(root) {
    root.innerHTML = `
      <div class="columns">
        <div>
          <div class="screen">
            <video muted playsinline></video><canvas></canvas>
            <div class="message">The camera is off</div><div class="fps" hidden></div>
          </div>
          <div class="tools">
            <button name="start">Start camera</button>
            <button name="stop" hidden>Stop</button>
            <button name="keep" hidden>Keep this frame</button>
            <select aria-label="Camera" hidden></select>
          </div>
        </div>
        <div class="answer" aria-live="off"><p class="number none">Your number appears here</p></div>
      </div>`;
    for (const name of ["video", "canvas", "select"]) this[name] = root.querySelector(name);
    for (const name of ["message", "fps", "answer"]) this[name] = root.querySelector(`.${name}`);
    this.buttons = Object.fromEntries([...root.querySelectorAll("button")].map(b => [b.name, b]));
    for (const [name, button] of Object.entries(this.buttons)) button.onclick = () => this[name]();
    this.select.onchange = () => this.start(this.select.value);
    this.frame = document.createElement("canvas");
  }

  async start(device) {
    this.stop();
    if (!navigator.mediaDevices) return this.say(INSECURE);
    const size = { width: { ideal: 640 }, height: { ideal: 480 } };
    const which = device ? { deviceId: { exact: device } } : { facingMode: { ideal: "environment" } };
    this.say("Waiting for the camera …");
    try {
      this.video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { ...size, ...which }, audio: false });
      await this.video.play();
    } catch (error) {
      this.stop();
      return this.say(WHY_NO_CAMERA[error.name] ?? `The camera cannot be used (${error.message}).`);
    }
    if (this.closed) return this.stop();
    this.say("");
    this.running = true;
    for (const [name, button] of Object.entries(this.buttons)) button.hidden = name === "start";
    this.video.srcObject.getVideoTracks()[0].onended = () => {
      this.stop();
      this.say(WHY_NO_CAMERA.NotFoundError);
    };
    await this.offerCameras();
    this.connect();
  }

  async offerCameras() {
    const cameras = (await navigator.mediaDevices.enumerateDevices()).filter(each => each.kind === "videoinput");
    const current = this.video.srcObject?.getVideoTracks()[0].getSettings().deviceId;
    this.select.replaceChildren(
      ...cameras.map((each, k) => new Option(each.label || `Camera ${k + 1}`, each.deviceId, false, each.deviceId === current))
    );
    this.select.hidden = cameras.length < 2;
  }

  stop() {
    this.running = false;
    clearTimeout(this.retry);
    this.socket?.close();
    for (const track of this.video.srcObject?.getTracks() ?? []) track.stop();
    this.video.srcObject = null;
    this.boxes([]);
    this.fps.hidden = true;
    for (const [name, button] of Object.entries(this.buttons)) button.hidden = name !== "start";
    this.say("The camera is off");
  }

  say(text, over = false) {
    this.message.textContent = text;
    this.message.classList.toggle("over", over);
  }

  connect() {
    const address = new URL("frames", location.href);
    address.protocol = address.protocol.replace("http", "ws");
    address.search = this.version ? new URLSearchParams({ version: this.version }) : "";
    const socket = (this.socket = new WebSocket(address));
    let opened = false;
    socket.onopen = () => {
      opened = true;
      this.times = [];
      this.say("");
      for (let k = 0; k < IN_FLIGHT; k++) this.send(socket);
    };
    socket.onmessage = event => {
      this.show(JSON.parse(event.data));
      this.send(socket);
    };
    socket.onclose = () => {
      if (!this.running || socket !== this.socket) return;
      this.say(opened ? LOST : NO_SERVER, true);
      this.retry = setTimeout(() => this.connect(), 2000);
    };
  }

  send(socket) {
    if (socket.readyState !== WebSocket.OPEN) return;
    // A hidden page sends nothing.
    if (document.hidden || !this.video.videoWidth) return setTimeout(() => this.send(socket), 200);
    this.draw();
    this.frame.toBlob(blob => socket.readyState === WebSocket.OPEN && socket.send(blob), "image/jpeg", QUALITY);
  }

  draw() {
    const { videoWidth, videoHeight } = this.video;
    const scale = Math.min(1, LONGER_SIDE / Math.max(videoWidth, videoHeight));
    this.frame.width = Math.round(videoWidth * scale);
    this.frame.height = Math.round(videoHeight * scale);
    this.frame.getContext("2d").drawImage(this.video, 0, 0, this.frame.width, this.frame.height);
  }

  show({ html, boxes, error }) {
    if (!this.running) return;
    this.say(error ?? "", true);
    if (error) return;
    this.boxes(boxes);
    const now = performance.now();
    // Nobody reads faster, and laying out the page takes the browser longer than everything else.
    if (!(now - this.written < 200)) {
      this.answer.innerHTML = html;
      this.written = now;
    }
    this.times = [...this.times.filter(time => now - time < 2000), now];
    const seconds = (now - this.times[0]) / 1000;
    if (seconds < 0.5) return;
    this.fps.hidden = false;
    this.fps.textContent = `${Math.round((this.times.length - 1) / seconds)} frames a second`;
  }

  boxes(boxes) {
    const { canvas, frame } = this;
    canvas.width = frame.width;
    canvas.height = frame.height;
    const context = canvas.getContext("2d");
    context.font = "600 20px sans-serif";
    for (const { box: [x, y, width, height], label, confidence } of boxes) {
      const colour = confidence >= SURE_FROM ? "#00e676" : "#ffb300";
      for (const [pen, ink] of [[5, "#000a"], [2, colour]]) {
        context.lineWidth = pen;
        context.strokeStyle = ink;
        context.strokeRect(x, y, width, height);
      }
      const top = y > 28 ? y - 28 : y + height + 2;
      context.fillStyle = "#000c";
      context.fillRect(x - 2, top, 22, 26);
      context.fillStyle = colour;
      context.fillText(label, x + 3, top + 20);
    }
  }

  keep() {
    this.draw();
    this.held(this.frame.toDataURL("image/jpeg", 0.92));
  }

  close() {
    this.closed = true;
    this.stop();
  }
}

const pages = new WeakMap();

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".live");
  if (!pages.has(root)) pages.set(root, new Live(root));
  const live = pages.get(root);
  live.held = frame => setStateValue("frame", frame);
  if (live.version !== data.version) {
    live.version = data.version;
    // onclose reconnects, with the new version.
    live.socket?.close();
  }
  return () => {
    live.close();
    pages.delete(root);
  };
}
