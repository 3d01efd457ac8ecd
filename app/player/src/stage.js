// The canvas that shows the frame: as sharp as the screen, with zoom and pan, and with the mapping between points of
// the screen and pixels of the image.

import { pixelRatio } from "./dom.js";

const MAX_ZOOM = 12;
const BACKGROUND = "#0b0f10";
const ZOOM_PER_WHEEL_PIXEL = 0.004;
const SMOOTH_BELOW_SCALE = 3; // above it, single image pixels should be seen

export class Stage {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {number} width - Of the image, in pixels.
   * @param {number} height - Of the image, in pixels.
   */
  constructor(canvas, width, height) {
    Object.assign(this, { canvas, width, height });
    this.panes = 1; // side by side, each showing the whole image
    this.context = canvas.getContext("2d", { alpha: false });
    this.resetView();
  }

  /** Show the whole image. */
  resetView() {
    this.view = { zoom: 1, x: 0, y: 0 }; // x, y: the image pixel at the upper left corner of a pane
  }

  /** Match the canvas's resolution to its size on the screen. */
  fit() {
    const width = Math.max(1, Math.round(this.canvas.clientWidth * pixelRatio()));
    const height = Math.max(1, Math.round(this.canvas.clientHeight * pixelRatio()));
    if (this.canvas.width !== width || this.canvas.height !== height) Object.assign(this.canvas, { width, height });
  }

  get paneWidth() {
    return this.canvas.width / this.panes;
  }

  /** Canvas pixels per image pixel. */
  get scale() {
    return this.scaleWithoutZoom * this.view.zoom;
  }

  get scaleWithoutZoom() {
    return Math.min(this.paneWidth / this.width, this.canvas.height / this.height);
  }

  /** Canvas pixels between the corner of a pane and that of the whole image, for bars at its sides or above and below. */
  get margin() {
    const scale = this.scaleWithoutZoom;
    return { x: (this.paneWidth - this.width * scale) / 2, y: (this.canvas.height - this.height * scale) / 2 };
  }

  /**
   * Paint the background and the image in every pane.
   *
   * @param {CanvasImageSource} image
   */
  drawImage(image) {
    this.context.setTransform(1, 0, 0, 1, 0, 0);
    this.context.fillStyle = BACKGROUND;
    this.context.fillRect(0, 0, this.canvas.width, this.canvas.height);
    this.context.imageSmoothingEnabled = this.scale < SMOOTH_BELOW_SCALE;
    for (let pane = 0; pane < this.panes; pane++) {
      this.inPane(pane, (context) => context.drawImage(image, 0, 0, this.width, this.height));
    }
  }

  /**
   * Call `paint` with the canvas clipped to a pane and transformed to image pixels.
   *
   * @param {number} pane
   * @param {(context: CanvasRenderingContext2D) => void} paint
   */
  inPane(pane, paint) {
    const { context, scale, margin, view } = this;
    const left = pane * this.paneWidth;
    context.save();
    context.beginPath();
    context.rect(left, 0, this.paneWidth, this.canvas.height);
    context.clip();
    context.setTransform(scale, 0, 0, scale, left + margin.x - view.x * scale, margin.y - view.y * scale);
    paint(context);
    context.restore();
  }

  /**
   * The image pixel under a mouse event.
   *
   * @param {MouseEvent} event
   * @returns {{x: number, y: number, pane: number}}
   */
  imagePoint(event) {
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

  /** Zoom around the mouse as the wheel turns. */
  zoomByWheel(event) {
    const point = this.imagePoint(event);
    const factor = Math.exp(-event.deltaY * ZOOM_PER_WHEEL_PIXEL);
    const zoom = Math.max(1, Math.min(MAX_ZOOM, this.view.zoom * factor));
    const shrink = this.view.zoom / zoom;
    this.moveTo(point.x - (point.x - this.view.x) * shrink, point.y - (point.y - this.view.y) * shrink, zoom);
  }

  /** Move the image along with a mouse that drags it. */
  panByMouse(event) {
    const unit = pixelRatio() / this.scale; // image pixels per CSS pixel
    this.moveTo(this.view.x - event.movementX * unit, this.view.y - event.movementY * unit, this.view.zoom);
  }

  moveTo(x, y, zoom) {
    this.view = {
      zoom,
      x: Math.max(0, Math.min(this.width * (1 - 1 / zoom), x)),
      y: Math.max(0, Math.min(this.height * (1 - 1 / zoom), y)),
    };
  }
}
