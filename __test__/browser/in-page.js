// Runs in a page, and tells which elements are cut, and which text is too faint to read.
/* global document, getComputedStyle, HTMLElement, NodeFilter */
(() => {
  /** Elements that reach beyond the page, or hold more than they show. */
  function beyond() {
    const found = [];
    const wide = document.documentElement.clientWidth;
    for (const element of document.querySelectorAll('body *')) {
      const style = getComputedStyle(element);
      if (style.display === 'none' || element.closest('script, style')) continue;
      const { left, right, width } = element.getBoundingClientRect();
      if (width === 0) continue;
      const name = `${element.tagName} ${element.getAttribute('class')} ${element.textContent.trim().slice(0, 40)}`;
      if (left < -0.5 || right > wide + 0.5) found.push(`${name}: from ${left} to ${right} of ${wide}`);
      const holdsMore = element instanceof HTMLElement && element.clientWidth > 0;
      if (style.overflowX !== 'visible' && holdsMore && element.scrollWidth > element.clientWidth + 1)
        found.push(`${name}: cut`);
    }
    return found;
  }

  /** Text whose contrast with what is behind it is less than 4.5 to 1, the least that WCAG 2 has for small text. */
  function faint() {
    const luminance = (color) => {
      const [r, g, b] = color.match(/[\d.]+/g).map((each) => {
        const part = Number(each) / 255;
        return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
      });
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = (element) => {
      for (let each = element; each; each = each.parentElement) {
        const { backgroundColor } = getComputedStyle(each);
        if (!/^rgba\(.*, 0\)$/.test(backgroundColor)) return backgroundColor;
      }
      return 'rgb(255, 255, 255)';
    };
    const found = new Set();
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      const element = texts.currentNode.parentElement;
      if (!texts.currentNode.textContent.trim() || element.closest('script, style')) continue;
      const [one, other] = [luminance(getComputedStyle(element).color), luminance(behind(element))];
      const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
      if (contrast < 4.5) found.add(`${element.tagName} ${element.getAttribute('class')}: ${contrast.toFixed(2)}`);
    }
    return [...found];
  }

  return { beyond: beyond(), faint: faint() };
})();
