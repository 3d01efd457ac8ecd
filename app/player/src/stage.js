// The canvas with the picture: as sharp as the screen, zoomed with the wheel, moved by dragging with the middle button
// or with a key held. It knows where on the picture a place on the screen is.

const LARGEST = 12;

export class Stage {
  // panes: side by side, each showing the whole picture.
  constructor(canvas, width, height) {
    Object.assign(this, { canvas, width, height, panes: 1 });
    this.context = canvas.getContext("2d", { alpha: false, desynchronized: false, willReadFrequently: false });
    this.view = { zoom: 1, x: 0, y: 0 }; // x, y: the picture's pixel at the left and top of a pane
  }

  // Fit the canvas's own pixels to the room that it has; whether that changed anything.
  fit() {
    const ratio = window.devicePixelRatio || 1;
    const width = Math.max(1, Math.round(this.canvas.clientWidth * ratio));
    const height = Math.max(1, Math.round(this.canvas.clientHeight * ratio));
    if (this.canvas.width === width && this.canvas.height === height) return false;
    Object.assign(this.canvas, { width, height });
    return true;
  }

  get paneWidth() {
    return this.canvas.width / this.panes;
  }

  // Canvas pixels per pixel of the picture.
  get scale() {
    return Math.min(this.paneWidth / this.width, this.canvas.height / this.height) * this.view.zoom;
  }

  // Canvas pixels from a pane's corner to the picture's at a zoom of 1: bars left and right, or above and below.
  get margin() {
    const scale = this.scale / this.view.zoom;
    return { x: (this.paneWidth - this.width * scale) / 2, y: (this.canvas.height - this.height * scale) / 2 };
  }

  // Let draw(context, pane) paint in the picture's pixels.
  inPane(pane, draw) {
    const { context, scale, margin, view } = this;
    context.save();
    context.beginPath();
    context.rect(pane * this.paneWidth, 0, this.paneWidth, this.canvas.height);
    context.clip();
    context.setTransform(
      scale,
      0,
      0,
      scale,
      pane * this.paneWidth + margin.x - view.x * scale,
      margin.y - view.y * scale,
    );
    draw(context, pane);
    context.restore();
  }

  clear() {
    this.context.setTransform(1, 0, 0, 1, 0, 0);
    this.context.fillStyle = "#0b0f10";
    this.context.fillRect(0, 0, this.canvas.width, this.canvas.height);
  }

  // The picture's pixel under a mouse event, and the pane that it is in.
  place(event) {
    const box = this.canvas.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * this.canvas.width;
    const y = ((event.clientY - box.top) / box.height) * this.canvas.height;
    const pane = Math.max(0, Math.min(this.panes - 1, Math.floor(x / this.paneWidth)));
    const { margin, scale, view } = this;
    return {
      x: (x - pane * this.paneWidth - margin.x) / scale + view.x,
      y: (y - margin.y) / scale + view.y,
      pane,
    };
  }

  zoomAt(place, factor) {
    const zoom = Math.max(1, Math.min(LARGEST, this.view.zoom * factor));
    const by = this.view.zoom / zoom;
    this.view = { zoom, x: place.x - (place.x - this.view.x) * by, y: place.y - (place.y - this.view.y) * by };
    this.keepInside();
  }

  pan(x, y) {
    this.view = { ...this.view, x: this.view.x + x, y: this.view.y + y };
    this.keepInside();
  }

  keepInside() {
    const { view } = this;
    view.x = Math.max(0, Math.min(this.width * (1 - 1 / view.zoom), view.x));
    view.y = Math.max(0, Math.min(this.height * (1 - 1 / view.zoom), view.y));
  }
}
