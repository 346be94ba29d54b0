import { chromium } from 'playwright-core';

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
  return chromium.launch({ executablePath, args: [...ARGS, '--ignore-certificate-errors'] });
}
