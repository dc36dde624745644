// Prints livekit_spec.rs from the descriptors of an installed @livekit/rtc-ffi-bindings, so that no number in it is
// typed by hand:
//   node print-livekit-spec.cjs <directory of @livekit/rtc-ffi-bindings> > livekit_spec.rs
const path = require('node:path');

const directory = path.resolve(process.argv[2] ?? '.');
const proto = require(directory);
const { version } = require(path.join(directory, 'package.json'));
const UINT64 = 4;

const fieldsOf = (type) => type.fields.list();
const numberOf = (type, name) => {
  const field = fieldsOf(type).find((candidate) => candidate.name === name);
  if (!field) throw new Error(`${type.typeName} has no field ${name}`);
  return field.no;
};

function ownedPaths(type, above = []) {
  if (type.typeName === proto.FfiOwnedHandle.typeName) return [[numberOf(type, 'id')]];
  if (above.includes(type.typeName)) return [];
  return fieldsOf(type)
    .filter((field) => field.kind === 'message')
    .flatMap((field) => ownedPaths(field.T, [...above, type.typeName]).map((rest) => [field.no, ...rest]));
}

const rows = fieldsOf(proto.FfiEvent).map((field) => {
  const subject = fieldsOf(field.T).find(
    ({ name, kind, T }) => kind === 'scalar' && T === UINT64 && (name === 'async_id' || name.endsWith('_handle')),
  );
  const owned = ownedPaths(field.T).map((numbers) => `&[${numbers.join(', ')}]`);
  const answer = subject?.name === 'async_id';
  return `    (${field.no}, "${field.localName}", ${subject?.no ?? 0}, ${answer}, &[${owned.join(', ')}]),`;
});

const audio = [
  ['case', proto.FfiEvent, 'audio_stream_event'],
  ['frame_received', proto.AudioStreamEvent, 'frame_received'],
  ['eos', proto.AudioStreamEvent, 'eos'],
  ['frame', proto.AudioFrameReceived, 'frame'],
  ['handle', proto.OwnedAudioFrameBuffer, 'handle'],
  ['handle_id', proto.FfiOwnedHandle, 'id'],
  ['info', proto.OwnedAudioFrameBuffer, 'info'],
  ['data_ptr', proto.AudioFrameBufferInfo, 'data_ptr'],
  ['num_channels', proto.AudioFrameBufferInfo, 'num_channels'],
  ['sample_rate', proto.AudioFrameBufferInfo, 'sample_rate'],
  ['samples_per_channel', proto.AudioFrameBufferInfo, 'samples_per_channel'],
].map(([key, type, name]) => `    ${key}: ${numberOf(type, name)},`);

process.stdout
  .write(`//! The event schema of @livekit/rtc-ffi-bindings ${version}, for tests and fuzzing only: at run time JavaScript reads it
//! from the installed package. Printed by print-livekit-spec.cjs; don't edit.

use crate::wire::{AudioSpec, CaseSpec, SchemaSpec};

/// Field, name, the subject's field (0: none), whether it answers a request, paths to owned ids.
type Row = (u32, &'static str, u32, bool, &'static [&'static [u32]]);

#[rustfmt::skip]
const CASES: &[Row] = &[
${rows.join('\n')}
];

const AUDIO: AudioSpec = AudioSpec {
${audio.join('\n')}
};

/// The schema's specification, its cases in the order of the descriptors.
pub fn livekit_spec() -> SchemaSpec {
    let case = |&(field, name, subject, answer, owned): &Row| CaseSpec {
        field,
        name: name.to_owned(),
        subject: (subject != 0).then_some(subject),
        answer,
        owned: owned.iter().map(|path| path.to_vec()).collect(),
    };
    SchemaSpec { cases: CASES.iter().map(case).collect(), audio: AUDIO }
}
`);
