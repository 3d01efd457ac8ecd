// Completes the address of the page without adding an entry to the browser's history, see app/address.py.

export default function ({ data }) {
  const url = new URL(window.location.href);
  for (const [name, value] of Object.entries(data)) url.searchParams.set(name, value);
  if (url.href !== window.location.href) window.history.replaceState(window.history.state, "", url);
}
