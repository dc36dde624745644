import { TokenVerifier } from 'livekit-server-sdk';
import { expect, test } from 'vitest';
import { accessFrom } from '../../../src/cli/record/access.js';

const url = 'ws://127.0.0.1:7880';
const keys = { LIVEKIT_API_KEY: 'key', LIVEKIT_API_SECRET: 'a secret that is long enough for HS256' };

test('a token for a room lets its bearer enter and listen, and nothing else', async () => {
  const access = accessFrom({ url, room: 'a room', identity: 'tape' }, keys);
  expect(access.url).toBe(url);
  const verifier = new TokenVerifier(keys.LIVEKIT_API_KEY, keys.LIVEKIT_API_SECRET);
  const { video, sub, exp, nbf } = await verifier.verify(access.token);

  expect(sub).toBe('tape');
  expect(video).toEqual({
    room: 'a room',
    roomJoin: true,
    canSubscribe: true,
    canPublish: false,
    canPublishData: false,
    hidden: false,
  });
  expect(exp! - nbf!).toBeLessThanOrEqual(3600);
  await expect(new TokenVerifier('key', 'another secret, which is as long').verify(access.token)).rejects.toThrow();
});

test('without an identity there is one that no other client has', () => {
  const subject = () => {
    const { token } = accessFrom({ url, room: 'a room' }, keys);
    return (JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as { sub: string }).sub;
  };

  expect(subject()).toMatch(/^recorder-[0-9a-f]{8}$/);
  expect(subject()).not.toBe(subject());
});

test('what is on the command line wins over the environment', () => {
  const env = { LIVEKIT_URL: 'wss://elsewhere', LIVEKIT_TOKEN: 'theirs', ...keys };

  expect(accessFrom({}, env)).toEqual({ url: 'wss://elsewhere', token: 'theirs' });
  expect(accessFrom({ url, token: 'mine' }, env)).toEqual({ url, token: 'mine' });
  expect(accessFrom({ room: 'a room' }, env).token.split('.')).toHaveLength(3);
});

test.each([
  { flags: {}, env: {}, says: '--url is missing' },
  { flags: {}, env: { LIVEKIT_URL: '' }, says: '--url is missing' },
  { flags: { url: 'ftp://x', token: 't' }, env: {}, says: 'must begin with wss:// or ws://' },
  { flags: { url: 'localhost:7880', token: 't' }, env: {}, says: 'must begin with wss:// or ws://' },
  { flags: { url }, env: {}, says: 'give --token (or LIVEKIT_TOKEN), or --room' },
  { flags: { url, token: 't', room: 'r' }, env: keys, says: 'leave --room out' },
  { flags: { url, token: 't', identity: 'i' }, env: keys, says: 'leave --identity out' },
  { flags: { url, token: '' }, env: { LIVEKIT_TOKEN: 't', ...keys }, says: '--token is empty' },
  { flags: { url, room: '' }, env: { LIVEKIT_TOKEN: 't', ...keys }, says: '--room is empty' },
  { flags: { url, room: 'r', identity: '' }, env: keys, says: '--identity is empty' },
  { flags: { url, room: 'r' }, env: { LIVEKIT_API_KEY: 'key' }, says: 'LIVEKIT_API_KEY and LIVEKIT_API_SECRET' },
])('$flags with $env is refused: $says', ({ flags, env, says }) => {
  expect(() => accessFrom(flags, env)).toThrow(says);
});
