import { chromium } from 'playwright-core';
import { DEADLINE_MS } from './condition.js';

const ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Starts Debian's Chromium. */
export function startChromium() {
  const executablePath = process.env.FLOWFI_CHROMIUM ?? '/usr/bin/chromium';
  const args = [...ARGS, '--ignore-certificate-errors'];
  return chromium.launch({ executablePath, args, timeout: DEADLINE_MS });
}

/** Opens a context whose pages use the deadline of the other tests. */
export async function newContext(browser, options) {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(DEADLINE_MS);
  return context;
}

/** Opens a page in a context of its own. */
export async function newPage(browser, options) {
  return (await newContext(browser, options)).newPage();
}
