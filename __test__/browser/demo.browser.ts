import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launch } from '../../bench/browser/chromium.js';
import { chromium } from './support.js';

describe.skipIf(chromium === undefined)('npm run demo:webrtc', () => {
  let browser: Browser;
  let server: ChildProcess;
  let url: string;
  beforeAll(async () => {
    browser = await launch(chromium!);
    const script = fileURLToPath(new URL('../../scripts/demo-webrtc.mjs', import.meta.url));
    server = spawn(process.execPath, [script, '--port', '0'], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(createInterface(server.stdout!), 'line')) as [string];
    url = /^http:\/\/127\.0\.0\.1:\d+\//.exec(line)![0];
  });
  afterAll(async () => {
    server?.kill();
    await browser?.close();
  });

  it('draws publications with the pool and without', async () => {
    const page = await (await browser.newContext({ permissions: ['camera', 'microphone'] })).newPage();
    const errors: string[] = [];
    page.on('pageerror', ({ message }) => errors.push(message));
    await page.goto(url);
    await page.locator('#cycles').fill('2');
    await page.locator('#both').click();
    await page.locator('#state', { hasText: /Done|Failed/ }).waitFor({ timeout: 100_000 });
    expect(await page.locator('#state').textContent()).toMatch(/^Done/);
    expect(await page.locator('#charts .uplot').count()).toBe(3);
    expect(errors).toEqual([]);
  });

  it('answers to this machine alone', async () => {
    const { port } = new URL(url);
    const response = await fetch(url);
    expect([response.status, await response.text()]).toEqual([200, expect.stringContaining('TransceiverPool')]);
    // As a page of another site would ask, whose name leads here.
    const request = get({
      host: '127.0.0.1',
      port,
      headers: { host: `evil.example:${port}` },
    });
    const [answer] = (await once(request, 'response')) as [IncomingMessage];
    answer.resume();
    expect(answer.statusCode).toBe(403);
  });

  it('answers whatever is asked for', async () => {
    const { port } = new URL(url);
    // As fetch would not ask; and with the name that it has at port 80.
    for (const path of ['//', '//evil.example/', '/%', '*']) {
      const request = get({ host: '127.0.0.1', port, path, headers: { host: '127.0.0.1' } });
      const [answer] = (await once(request, 'response')) as [IncomingMessage];
      answer.resume();
      expect([400, 404]).toContain(answer.statusCode);
    }
  });
});
