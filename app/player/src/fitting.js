// The size of the picture: as large as the window allows with the controls and the timeline below it in view.

const GAP = 8; // between the rows of a player, in CSS pixels
const BOTTOM_MARGIN = 12;
const MIN_HEIGHT = 180;
const HIGH_ENOUGH = 0.5; // share of the window's height: a player that starts below it is scrolled to first

/**
 * Size the picture of a player.
 *
 * @param {HTMLElement} root - The player.
 * @param {HTMLElement} stage - The element of the picture.
 * @param {object} options
 * @param {number} options.shape - Width of the picture divided by its height.
 * @param {number} options.takenWidth - CSS pixels beside the picture that something else needs.
 * @param {HTMLElement[]} options.rows - The rows that should be in view with the picture.
 */
export function fitPicture(root, stage, { shape, takenWidth, rows }) {
  if (!root.clientWidth) return; // hidden, as in a tab that is not open
  const top = topOf(root);
  const isInView = top < window.innerHeight * HIGH_ENOUGH;
  const rowsHeight = rows.reduce((sum, row) => sum + (row.offsetHeight ? row.offsetHeight + GAP : 0), 0);
  const room = window.innerHeight - (isInView ? top : 0) - rowsHeight - BOTTOM_MARGIN;
  const height = Math.min(Math.max(MIN_HEIGHT, room), (root.clientWidth - takenWidth) / shape);
  Object.assign(stage.style, { width: `${Math.floor(height * shape)}px`, height: `${Math.floor(height)}px` });
}

/** The distance of an element from the top of the window while the page is not scrolled, in CSS pixels. */
function topOf(root) {
  let scrolled = 0;
  const host = root.getRootNode().host ?? root;
  if (document.fullscreenElement !== host) {
    for (let parent = host.parentElement; parent; parent = parent.parentElement) scrolled += parent.scrollTop;
  }
  return root.getBoundingClientRect().top + scrolled;
}
