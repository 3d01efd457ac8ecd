// Hides icons from screen readers, in what Streamlit shows now and later: it gives an icon in a text the name of the
// symbol, such as "arrow_forward icon", which would be read out in the middle of a sentence.

const ICONS = 'span[role="img"][translate="no"][aria-label$=" icon"]';

export default function () {
  if (window.studioIcons) return;
  window.studioIcons = new MutationObserver((mutations) => {
    for (const { addedNodes } of mutations) {
      for (const node of addedNodes) if (node.nodeType === Node.ELEMENT_NODE) hideIcons(node);
    }
  });
  window.studioIcons.observe(document.body, { childList: true, subtree: true });
  hideIcons(document.body);
}

function hideIcons(element) {
  const icons = [...element.querySelectorAll(ICONS)];
  if (element.matches(ICONS)) icons.push(element);
  for (const icon of icons) {
    icon.removeAttribute("role");
    icon.removeAttribute("aria-label");
    icon.ariaHidden = "true";
  }
}
