// Icons as SVG paths in a view box of 24 × 24.

const PATHS = {
  play: "M8 5v14l11-7z",
  pause: "M7 5h4v14H7zm6 0h4v14h-4z",
  back: "M15.5 5 8 12l7.5 7 1.5-1.5L11 12l6-5.5z",
  forward: "M8.5 5 16 12l-7.5 7L7 17.5 13 12 7 6.5z",
  first: "M6 5h2v14H6zm12 0v14L9 12z",
  last: "M16 5h2v14h-2zM6 5v14l9-7z",
  previous: "M4 5h2v14H4zm9.5 0L7 12l6.5 7zm7 0L14 12l6.5 7z",
  next: "M18 5h2v14h-2zM3.5 5v14L10 12zm7 0v14L17 12z",
  full: "M4 9V4h5v2H6v3zm11-5h5v5h-2V6h-3zM6 15v3h3v2H4v-5zm12 0h2v5h-5v-2h3z",
  close: "M6.4 5 5 6.4 10.6 12 5 17.6 6.4 19l5.6-5.6 5.6 5.6 1.4-1.4-5.6-5.6L19 6.4 17.6 5 12 10.6z",
  help: "M11 17h2v2h-2zm1-13a5 5 0 0 0-5 5h2a3 3 0 1 1 4.3 2.7C12 12.4 11 13.4 11 15h2c0-.8.5-1.3 1.3-1.7A5 5 0 0 0 12 4z",
  options: "M4 6h10v2H4zm12-2h2v2h2v2h-2v2h-2zM4 16h4v2H4zm6-2h2v2h8v2h-8v2h-2zM4 11h16v2H4z",
  muted: "M4 9v6h4l5 5V4L8 9zm12.6 3 2.4-2.4-1.2-1.2-2.4 2.4L13 8.4",
  sound: "M4 9v6h4l5 5V4L8 9zm11-1v8a4 4 0 0 0 0-8z",
};

/** The markup of an icon, by its name in `PATHS`. */
export function icon(name) {
  return `<svg viewBox="0 0 24 24" width="20" height="20" fill="currentColor" aria-hidden="true"><path d="${PATHS[name]}"/></svg>`;
}
