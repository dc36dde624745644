// `npm run demo:webrtc [-- --port N]`: a page that publishes and unpublishes with and without a TransceiverPool, and draws
// what it costs. It is served to this machine only, until Ctrl-C; its code is bench/browser/demo/.

import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { ensureModules, fail, root } from './setup.mjs';

const { port } = options();
ensureModules();
const { rolldown } = await import('rolldown');

const demo = (...parts) => path.join(root, 'bench', 'browser', 'demo', ...parts);
const [main, receiver] = await Promise.all([bundled('main.ts'), bundled('receiver.ts')]);
const pages = {
  '/': { type: 'text/html; charset=utf-8', body: fs.readFileSync(demo('index.html')) },
  '/receiver.html': {
    type: 'text/html; charset=utf-8',
    body: '<!doctype html><script type="module" src="receiver.js"></script>',
  },
  '/main.js': { type: 'text/javascript', body: main },
  '/receiver.js': { type: 'text/javascript', body: receiver },
  '/uplot.css': {
    type: 'text/css',
    body: fs.readFileSync(path.join(root, 'node_modules', 'uplot', 'dist', 'uPlot.min.css')),
  },
};

const server = http.createServer((request, response) => {
  const send = (status, type, body) => response.writeHead(status, { 'content-type': type }).end(body);
  // Only by the names that this machine has for itself: no other site's page is to ask.
  if (!/^(127\.0\.0\.1|localhost)(:\d+)?$/.test(request.headers.host ?? '')) return send(403, 'text/plain', 'no');
  // A request can ask for anything; `//` alone, without a host before it, is no address, and `new URL` throws.
  if (!request.url.startsWith('/')) return send(400, 'text/plain', 'no path');
  const { pathname, searchParams } = new URL(`http://127.0.0.1${request.url}`);
  if (pathname === '/memory') {
    return send(200, 'application/json', JSON.stringify(memory(searchParams.get('pid'))));
  }
  const page = Object.hasOwn(pages, pathname) ? pages[pathname] : undefined;
  if (page) send(200, page.type, page.body);
  else send(404, 'text/plain', 'not here');
});
server.on('error', (error) => fail(`demo:webrtc: ${error.message}`));
server.listen(port, '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${server.address().port}/ in Chromium, Chrome or Edge; Ctrl-C ends it.`);
});

/** Private memory, in MB, of a browser's page process, or of all of them by their ids; empty where it is not told. */
function memory(pid) {
  if (process.platform !== 'linux') return {};
  const all = fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name) && (pid === null || name === pid));
  const found = {};
  for (const id of all) {
    try {
      if (!fs.readFileSync(`/proc/${id}/cmdline`, 'utf8').includes('--type=renderer')) continue;
      const lines = fs.readFileSync(`/proc/${id}/smaps_rollup`, 'utf8').matchAll(/^Private_\w+:\s+(\d+) kB/gm);
      found[id] = ([...lines].reduce((sum, [, kb]) => sum + Number(kb), 0) * 1024) / 1e6;
    } catch {
      // Ended meanwhile, or another process's.
    }
  }
  return found;
}

async function bundled(file) {
  const bundle = await rolldown({ input: demo(file), platform: 'browser' });
  const { output } = await bundle.generate({ format: 'esm' });
  await bundle.close();
  return output[0].code;
}

function options() {
  const usage = '`npm run demo:webrtc [-- --port N]`';
  try {
    const { values } = parseArgs({ options: { port: { type: 'string', default: '8123' } } });
    const port = Number(values.port);
    if (!/^\d+$/.test(values.port) || port > 65_535) throw new Error(`--port is ${values.port}`);
    return { port };
  } catch (error) {
    return fail(`demo:webrtc: ${error.message.split('. ')[0]}: ${usage}.`, 2);
  }
}
