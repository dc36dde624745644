import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { chromium, type Browser } from 'playwright-core';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome', 'microsoft-edge'];
const PLACES = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
  'C:\\Program Files (x86)\\Microsoft\\Edge\\Application\\msedge.exe',
];

/** What to say where {@link findChromium} finds none. */
export function noChromium(): string {
  const named = process.env['CHROMIUM_PATH'];
  if (named) return `CHROMIUM_PATH is ${named}, and there is no such program: unset it, or say where one is`;
  return 'no Chromium was found: install one (Debian, Ubuntu: apt-get install chromium), or say where it is in CHROMIUM_PATH';
}

/**
 * The program of a Chromium, Chrome or Edge: the path or name in `CHROMIUM_PATH`, and if there is none no other, or one
 * by its usual names. `.ci/run` looks for the same.
 */
export const findChromium = (): string | undefined => findProgram('CHROMIUM_PATH', NAMES, PLACES);

/** The path or name in an environment variable, or one of `names`, or one of `places`. */
export function findProgram(
  variable: string,
  names: readonly string[],
  places: readonly string[] = [],
): string | undefined {
  const named = process.env[variable];
  if (named) return /[/\\]/.test(named) ? [named].find((path) => existsSync(path)) : onPath(named);
  for (const name of names) {
    const found = onPath(name);
    if (found) return found;
  }
  return places.find((place) => existsSync(place));
}

function onPath(name: string): string | undefined {
  const { status, stdout } = spawnSync(process.platform === 'win32' ? 'where' : 'which', [name], { encoding: 'utf8' });
  return status === 0 ? stdout.split(/\r?\n/)[0] : undefined;
}

/** Starts it without a window. Its peer connections may use the loopback interface, and tell their addresses. */
export function launch(executablePath: string): Promise<Browser> {
  return chromium.launch({
    executablePath,
    args: [
      '--no-sandbox', // root has none
      '--allow-loopback-in-peer-connection',
      '--disable-features=WebRtcHideLocalIpsWithMdns,LocalNetworkAccessChecks,LocalNetworkAccessChecksWebSockets',
      '--autoplay-policy=no-user-gesture-required',
      '--enable-precise-memory-info',
    ],
  });
}

/** Private memory of a process, in MB of 10^6 bytes, as Linux tells it. */
export function privateMb(pid: number): number {
  const kilobytes = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8').matchAll(/^Private_\w+:\s+(\d+) kB/gm);
  return ([...kilobytes].reduce((sum, [, kb]) => sum + Number(kb), 0) * 1024) / 1e6;
}
