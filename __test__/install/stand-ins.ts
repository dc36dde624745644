import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Publishes a platform's package without an addon that loads: a package manager looks for those of all platforms, and this
 * machine has packed its own one only.
 */
export async function publishStandIn(
  registry: string,
  platform: string,
  version: string,
  folder: string,
): Promise<void> {
  const name = `narrowcast-${platform}`;
  const [os, cpu, abi] = platform.split('-') as [string, string, string?];
  const libc = os === 'linux' && { libc: [abi === 'gnu' ? 'glibc' : 'musl'] };
  const main = `narrowcast.${platform}.node`;
  const manifest = { name, version, os: [os], cpu: [cpu], ...libc, main, addonBytes: 0 };
  const at = join(folder, name);
  mkdirSync(join(at, 'package'), { recursive: true });
  writeFileSync(join(at, 'package', 'package.json'), JSON.stringify(manifest));
  writeFileSync(join(at, 'package', main), '');
  const file = `${name}-${version}.tgz`;
  const { status, stderr } = spawnSync('tar', ['-czf', file, 'package'], { cwd: at, encoding: 'utf8' });
  if (status !== 0) throw new Error(`tar failed: ${stderr}`);
  const tarball = readFileSync(join(at, file));
  const integrity = `sha512-${createHash('sha512').update(tarball).digest('base64')}`;
  const shasum = createHash('sha1').update(tarball).digest('hex');
  const answer = await fetch(`${registry}${name}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      _id: name,
      name,
      'dist-tags': { latest: version },
      versions: { [version]: { ...manifest, dist: { integrity, shasum, tarball: `${registry}${name}/-/${file}` } } },
      _attachments: {
        [file]: {
          content_type: 'application/octet-stream',
          data: tarball.toString('base64'),
          length: tarball.length,
        },
      },
    }),
  });
  if (!answer.ok) throw new Error(`${name} could not be published: ${answer.status} ${await answer.text()}`);
}
