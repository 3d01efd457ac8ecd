// The page's address, so that a reload or a link opens the same view.

const DELAY_MS = 250; // browsers limit how often the address may change

const timers = new Map(); // parameter → timer of its next change

/** Set a query parameter of the page's address, without a step for the browser's back button. */
export function setQueryParameter(name, value) {
  clearTimeout(timers.get(name));
  const timer = setTimeout(() => {
    const address = new URL(window.location.href);
    if (address.searchParams.get(name) === String(value)) return;
    address.searchParams.set(name, value);
    window.history.replaceState(window.history.state, "", address);
  }, DELAY_MS);
  timers.set(name, timer);
}

/** Cancel a change that is due, because the page shows something else now. */
export function cancelQueryParameter(name) {
  clearTimeout(timers.get(name));
  timers.delete(name);
}
