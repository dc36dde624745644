/* eslint-disable */
// Made by `npm run build` from scripts/addon-loader.cjs and crates/node.

// Loads the addon of the machine that this runs on: a file beside this one, or that of the platform's package. The rest of
// index.cjs is made by `napi build`; scripts/loader.mjs puts both together.

const { closeSync, existsSync, openSync, readFileSync, readSync, statSync } = require('node:fs');
const { dirname, join } = require('node:path');

/** Whether this process uses musl: by its own program, by its report, and last by the machine. */
const isMusl = () => isMuslFromInterpreter() ?? isMuslFromReport() ?? isMuslFromFilesystem();

// By the header of the running ELF program: a report costs a process 1 MB and some ms.
function isMuslFromInterpreter() {
  let file;
  const read = (length, position) => {
    const bytes = Buffer.alloc(length);
    readSync(file, bytes, 0, length, position);
    return bytes;
  };
  try {
    file = openSync(process.execPath, 'r');
    const header = read(64, 0);
    if (header.toString('latin1', 0, 6) !== '\x7fELF\x02\x01') return undefined;
    const [table, size, count] = [Number(header.readBigUInt64LE(32)), header.readUInt16LE(54), header.readUInt16LE(56)];
    for (let i = 0; i < count; i++) {
      const entry = read(size, table + i * size);
      if (entry.readUInt32LE(0) !== 3) continue;
      const path = read(Number(entry.readBigUInt64LE(32)), Number(entry.readBigUInt64LE(8))).toString();
      if (path.includes('musl')) return true;
      return path.includes('/ld-linux') ? false : undefined;
    }
    return undefined;
  } catch {
    return undefined;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

function isMuslFromReport() {
  try {
    const { excludeNetwork } = process.report;
    process.report.excludeNetwork = true;
    const { header } = process.report.getReport();
    process.report.excludeNetwork = excludeNetwork;
    return header && !header.glibcVersionRuntime;
  } catch {
    return undefined;
  }
}

function isMuslFromFilesystem() {
  try {
    return readFileSync('/usr/bin/ldd', 'utf8').includes('musl');
  } catch {
    return false;
  }
}

/** napi-rs' names of this platform. On Linux both C libraries', the likelier one first: the other one's addon seldom loads. */
function platforms() {
  const { platform, arch } = process;
  if (platform === 'win32') return [`win32-${arch}-msvc`];
  if (platform !== 'linux') return [`${platform}-${arch}`];
  const abi = arch === 'arm' ? 'eabihf' : '';
  const libraries = isMusl() ? ['musl', 'gnu'] : ['gnu', 'musl'];
  return libraries.map((library) => `linux-${arch}-${library}${abi}`);
}

/** Where an addon may be: a file, or a package that has it. */
const candidates = () =>
  platforms().flatMap((platform) => [
    { file: join(__dirname, `narrowcast.${platform}.node`) },
    { package: `narrowcast-${platform}` },
  ]);

/** Throws if `file` is there, and is no file; returns its length, undefined if nothing is there. */
function lengthOf(file) {
  const found = statSync(file, { throwIfNoEntry: false });
  if (found?.isDirectory()) throw new Error(`${file} is a folder, and not an addon`);
  return found?.size;
}

/** The addon's file; of a package, its length is looked at: of a file that ends too early, the system ends the process. */
function fileOf(candidate) {
  if (candidate.file) return candidate.file;
  const manifest = require.resolve(`${candidate.package}/package.json`);
  const { main = '', addonBytes } = JSON.parse(readFileSync(manifest, 'utf8'));
  const file = join(dirname(manifest), main);
  const bytes = lengthOf(file);
  if (bytes === undefined) throw new Error(`${file} is missing; install again`);
  if (addonBytes !== undefined && bytes !== addonBytes) {
    throw new Error(`${file} has ${bytes} bytes, and should have ${addonBytes}; install again`);
  }
  return file;
}

function load() {
  const tried = [];
  const named = process.env.NAPI_RS_NATIVE_LIBRARY_PATH;
  for (const candidate of named ? [{ file: named, named }] : candidates()) {
    const failed = (why, more) => tried.push({ candidate: candidate.file ?? candidate.package, why, ...more });
    try {
      const file = fileOf(candidate);
      if (!candidate.file || named || lengthOf(file) !== undefined) return require(file);
      failed('not there');
    } catch (error) {
      const missing = /^Cannot find (module|package) '/.test(error.message);
      if (!missing) failed(error.message.split(/\r?\n/, 1)[0], { error });
      else if (!named) failed('not installed');
      // A folder may be a package that has an addon: Node was asked first.
      else if (existsSync(named)) failed(`${named} is a folder, and not an addon`, { error });
      else failed('not there');
    }
  }
  // src/native-failure.ts says what to do.
  const error = new Error('no native addon of narrowcast loads here', {
    cause: tried.find((each) => each.error)?.error,
  });
  throw Object.defineProperty(error, 'tried', { value: tried });
}

// What follows in index.cjs exports it.
// oxlint-disable-next-line no-unused-vars
const nativeBinding = load();

module.exports = nativeBinding
module.exports.NativeAudioStream = nativeBinding.NativeAudioStream
module.exports.NativeAudioTrack = nativeBinding.NativeAudioTrack
module.exports.NativeEar = nativeBinding.NativeEar
module.exports.NativeQueue = nativeBinding.NativeQueue
module.exports.NativeResampler = nativeBinding.NativeResampler
module.exports.NativeRingBuffer = nativeBinding.NativeRingBuffer
module.exports.NativeSpeechDetector = nativeBinding.NativeSpeechDetector
module.exports.NativeSubscription = nativeBinding.NativeSubscription
module.exports.NativeTrackTap = nativeBinding.NativeTrackTap
module.exports.NativeVideoStream = nativeBinding.NativeVideoStream
module.exports.addonVersion = nativeBinding.addonVersion
module.exports.addressOf = nativeBinding.addressOf
module.exports.answerDoorbell = nativeBinding.answerDoorbell
module.exports.AUDIO_ENDED = nativeBinding.AUDIO_ENDED
module.exports.audioReadable = nativeBinding.audioReadable
module.exports.audioReadFrames = nativeBinding.audioReadFrames
module.exports.audioReadInto = nativeBinding.audioReadInto
module.exports.captureAudio = nativeBinding.captureAudio
module.exports.decodePcm = nativeBinding.decodePcm
module.exports.DOORBELL_STALLED = nativeBinding.DOORBELL_STALLED
module.exports.doorbellStall = nativeBinding.doorbellStall
module.exports.encodePcm = nativeBinding.encodePcm
module.exports.engineAnswersQueue = nativeBinding.engineAnswersQueue
module.exports.engineAttach = nativeBinding.engineAttach
module.exports.engineAttached = nativeBinding.engineAttached
module.exports.engineClaim = nativeBinding.engineClaim
module.exports.engineCountTheft = nativeBinding.engineCountTheft
module.exports.engineEndPlaying = nativeBinding.engineEndPlaying
module.exports.engineEndStreams = nativeBinding.engineEndStreams
module.exports.engineLeave = nativeBinding.engineLeave
module.exports.engineNoteSilence = nativeBinding.engineNoteSilence
module.exports.enginePeek = nativeBinding.enginePeek
module.exports.engineQueue = nativeBinding.engineQueue
module.exports.engineStats = nativeBinding.engineStats
module.exports.engineTakeBack = nativeBinding.engineTakeBack
module.exports.engineTakenBack = nativeBinding.engineTakenBack
module.exports.engineThreadIds = nativeBinding.engineThreadIds
module.exports.engineVideoQueue = nativeBinding.engineVideoQueue
module.exports.EVENT_META = nativeBinding.EVENT_META
module.exports.EVENTS_ARMED = nativeBinding.EVENTS_ARMED
module.exports.EVENTS_ENDED = nativeBinding.EVENTS_ENDED
module.exports.EVENTS_LAGGED = nativeBinding.EVENTS_LAGGED
module.exports.mixAdd = nativeBinding.mixAdd
module.exports.mixTake = nativeBinding.mixTake
module.exports.NativeCoding = nativeBinding.NativeCoding
module.exports.nativeInterface = nativeBinding.nativeInterface
module.exports.NativePushRefusal = nativeBinding.NativePushRefusal
module.exports.NativeRingCall = nativeBinding.NativeRingCall
module.exports.NativeRingRefusal = nativeBinding.NativeRingRefusal
module.exports.NativeSpeechRefusal = nativeBinding.NativeSpeechRefusal
module.exports.openDoorbell = nativeBinding.openDoorbell
module.exports.openScratch = nativeBinding.openScratch
module.exports.replaceScratch = nativeBinding.replaceScratch
module.exports.ringAgain = nativeBinding.ringAgain
module.exports.sourceEmptied = nativeBinding.sourceEmptied
module.exports.subscriptionDiscard = nativeBinding.subscriptionDiscard
module.exports.subscriptionKeep = nativeBinding.subscriptionKeep
module.exports.subscriptionRead = nativeBinding.subscriptionRead
module.exports.subscriptionReadable = nativeBinding.subscriptionReadable
module.exports.threadWakes = nativeBinding.threadWakes
module.exports.trackBegin = nativeBinding.trackBegin
module.exports.trackCapture = nativeBinding.trackCapture
module.exports.trackDueIn = nativeBinding.trackDueIn
module.exports.trackForget = nativeBinding.trackForget
module.exports.trackHasPlayed = nativeBinding.trackHasPlayed
module.exports.trackHeard = nativeBinding.trackHeard
module.exports.trackInterrupt = nativeBinding.trackInterrupt
module.exports.trackLate = nativeBinding.trackLate
module.exports.trackPause = nativeBinding.trackPause
module.exports.trackQueued = nativeBinding.trackQueued
module.exports.trackRecv = nativeBinding.trackRecv
module.exports.trackRestTimeout = nativeBinding.trackRestTimeout
module.exports.trackSinkConfirm = nativeBinding.trackSinkConfirm
module.exports.trackSinkPause = nativeBinding.trackSinkPause
module.exports.trackSinkRead = nativeBinding.trackSinkRead
module.exports.trackSinkSent = nativeBinding.trackSinkSent
module.exports.trackSinkWait = nativeBinding.trackSinkWait
module.exports.trackWaitFor = nativeBinding.trackWaitFor
module.exports.trackWasRefused = nativeBinding.trackWasRefused
module.exports.trackWrite = nativeBinding.trackWrite
module.exports.trackWriteFloat = nativeBinding.trackWriteFloat
module.exports.trackWritten = nativeBinding.trackWritten
