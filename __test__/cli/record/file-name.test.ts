import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fileNameOf } from '../../../src/cli/record/file-name.js';

test.each([
  ['alice', 'alice'],
  ['Zoë Smith', 'Zoë Smith'],
  ['李雷', '李雷'],
  ['a.b@example.com', 'a.b@example.com'],
  ['../../etc/passwd', '__.._etc_passwd'],
  ['..', '_'],
  ['.hidden', '_hidden'],
  ['ends with dots..', 'ends with dots_'],
  ['a\\b:c*d?e"f<g>h|i', 'a_b_c_d_e_f_g_h_i'],
  ['line\nbreak\u001b[31m\0', 'line_break__31m_'],
  ['CON', '_CON'],
  ['nul.txt', '_nul.txt'],
  ['console', 'console'],
  ['', 'participant'],
  ['x'.repeat(300), 'x'.repeat(50)],
  ['𠮷'.repeat(300), '𠮷'.repeat(50)],
])('%j gives %j', (identity, name) => {
  expect(fileNameOf(identity)).toBe(name);
});

test('of any participant, whatever the name, is one that every file system takes', () => {
  const anything = fc.oneof(fc.string({ unit: 'binary', maxLength: 300 }), fc.string({ maxLength: 300 }));
  fc.assert(
    fc.property(anything, (identity) => {
      const name = fileNameOf(identity);
      expect(name).not.toMatch(/[/\\:*?"<>|\p{Cc}]/u);
      expect(name).not.toMatch(/^[. ]|[. ]$/);
      expect(name).not.toBe('');
      expect(Buffer.byteLength(`${name}.screen-999.wav`)).toBeLessThan(256);
    }),
  );
});
