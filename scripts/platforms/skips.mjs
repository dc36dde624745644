// Why tests are skipped on a platform. A test that is skipped there for no reason of this list fails the run.

/** By file; `on`: where the reason holds. */
const REASONS = [
  [/^livekit\/copies\.test/, 'win32', 'Wine makes no links between folders'],
  [/^webrtc\/libraries\.test/, 'musl', '@roamhq/wrtc has no build for musl'],
  [
    /^(agents|diagnostics|e2e|issues|livekit)\/|^cli\/(doctor|meeting|record)\/|^docs\/run\.test/,
    'musl',
    "LiveKit's engine has no build for musl",
  ],
  [/^validate\.test/, 'musl', "LiveKit's engine has no build for musl"],
  [/^platform\/packages\.test/, 'win32', 'Wine has no tar'],
  [/^platform\/cache\.test/, 'win32', '`npm run test:platform` runs on Linux'],
  [/^(gc|diagnostics\/report)\.test/, 'win32', "memory and files are looked up in Linux's /proc"],
  [/^diagnostics\/channels\.test/, 'win32', 'Windows stops no process by a signal'],
  [/^native\.test/, 'win32', 'Windows has one C library'],
  [/^recorder\.test/, 'win32', 'a folder with an open file stays on Windows'],
  [/^cli\/shared\/meters\.test/, 'win32', "Windows counts a thread's time in steps of 15.6 ms"],
  [/^cli\/shared\/wav\.test/, 'win32', 'Windows has no /dev/full'],
  [/^cli\/(meeting|record)\//, 'win32', 'Windows has no signals, and no /dev/full'],
  [/^e2e\/soak\.test/, 'win32', "rtc-node's own side of the soak ends in a fault on Windows"],
  [/^webrtc\/chromium\.test/, 'win32', 'looks for a program by its Linux names'],
  [/^(native-interface|docs\/run)\.test/, 'win32', 'no C compiler for it is there'],
  [/^(native-interface)\.test/, '', 'its example in Rust is built for the machine that runs cargo'],
  [/^(werift-call|telephony\/example)\.test/, '', "an example's own packages are not installed"],
];

/**
 * How many tests are skipped for each reason, and the names of those for none.
 *
 * @param {string} platform as napi-rs calls it
 * @param {readonly { file: string, name: string }[]} skipped files as below `__test__`
 * @returns {{ reasons: Record<string, number>, unexplained: string[] }}
 */
export function whySkipped(platform, skipped) {
  const reasons = {};
  const unexplained = [];
  for (const { file, name } of skipped) {
    const why = REASONS.find(([files, on]) => files.test(file) && platform.includes(on))?.[2];
    if (why === undefined) unexplained.push(`${file}: ${name}`);
    else reasons[why] = (reasons[why] ?? 0) + 1;
  }
  return { reasons, unexplained };
}
