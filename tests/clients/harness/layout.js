/** Returns the groups of digits on a page that a line break splits. Addresses and hashes may break anywhere. */
export function tornDigits(page) {
  return page.evaluate(() => {
    const torn = [];
    const walker = document.createTreeWalker(document.querySelector('main'), NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const node = walker.currentNode;
      if (node.parentElement.closest('.copy, code')) continue;
      for (const { 0: digits, index } of node.data.matchAll(/\b\d+\b/g)) {
        const range = document.createRange();
        range.setStart(node, index);
        range.setEnd(node, index + digits.length);
        const tops = new Set([...range.getClientRects()].map(({ top }) => Math.round(top)));
        if (tops.size > 1) torn.push(`${digits} of ${node.data}`);
      }
    }
    return torn;
  });
}

/** Returns the numbers on a page that would fit on one line, and take more. */
export function tornNumbers(page) {
  return page.evaluate(() => {
    const widthOfLine = (element) => {
      const box = element.parentElement.closest('p, dd, td, div, li');
      const { paddingLeft, paddingRight } = getComputedStyle(box);
      return box.clientWidth - Number.parseFloat(paddingLeft) - Number.parseFloat(paddingRight);
    };
    const isTorn = (number) => {
      const range = document.createRange();
      range.selectNodeContents(number);
      const pieces = [...range.getClientRects()].filter(({ width }) => width > 0);
      const lines = new Set(pieces.map(({ top }) => Math.round(top)));
      return lines.size > 1 && pieces.reduce((sum, { width }) => sum + width, 0) <= widthOfLine(number);
    };
    return [...document.querySelectorAll('main b.number')].filter(isTorn).map(({ textContent }) => textContent);
  });
}

/** Returns the parts of a page whose content overflows them or is cut off by mistake. */
export function overflowing(page) {
  return page.evaluate(() => {
    const parts = document.querySelectorAll('header, main, section, .head, table, tr, th, td, dd, li, p, .badge, .big, .key');
    const isOver = (element) => {
      const { display, textOverflow } = getComputedStyle(element);
      const isMeasured = !display.startsWith('inline') || display === 'inline-block';
      return isMeasured && textOverflow !== 'ellipsis' && element.scrollWidth > element.clientWidth + 1;
    };
    return [...parts].filter(isOver).map((element) => `${element.tagName}.${element.className}: ${element.innerText}`);
  });
}

/** The widths at which tests look at a page: a laptop's, a tablet's, two phones'. */
export const WIDTHS = [1280, 768, 390, 360];
/** The narrowest screen on which nothing may scroll sideways (WCAG 2.2, 1.4.10). */
export const NARROWEST = 320;

/** Returns how far a page can be scrolled sideways, in px. */
export function sideways(page) {
  return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
}

export async function setWidth(page, width) {
  await page.setViewportSize({ width, height: 844 });
}
