//! The event schema of @livekit/rtc-ffi-bindings 0.12.73, for tests and fuzzing only: at run time JavaScript reads it
//! from the installed package. Printed by print-livekit-spec.cjs; don't edit.

use crate::wire::{AudioSpec, CaseSpec, SchemaSpec};

/// Field, name, the subject's field (0: none), whether it answers a request, paths to owned ids.
type Row = (u32, &'static str, u32, bool, &'static [&'static [u32]]);

#[rustfmt::skip]
const CASES: &[Row] = &[
    (1, "roomEvent", 1, false, &[&[2, 1, 1, 1], &[7, 2, 1, 1], &[9, 2, 1, 1], &[27, 4, 1, 1, 1], &[34, 1, 1, 1], &[35, 1, 1, 1], &[43, 1, 1, 1]]),
    (2, "trackEvent", 0, false, &[]),
    (3, "videoStreamEvent", 1, false, &[&[2, 1, 1, 1]]),
    (4, "audioStreamEvent", 1, false, &[&[2, 1, 1, 1]]),
    (5, "connect", 1, true, &[&[3, 1, 1, 1], &[3, 2, 1, 1], &[3, 3, 1, 1, 1], &[3, 3, 2, 1, 1]]),
    (7, "disconnect", 1, true, &[]),
    (8, "dispose", 1, true, &[]),
    (9, "publishTrack", 1, true, &[&[3, 1, 1]]),
    (10, "unpublishTrack", 1, true, &[]),
    (11, "publishData", 1, true, &[]),
    (12, "publishTranscription", 1, true, &[]),
    (13, "captureAudioFrame", 1, true, &[]),
    (14, "setLocalMetadata", 1, true, &[]),
    (15, "setLocalName", 1, true, &[]),
    (16, "setLocalAttributes", 1, true, &[]),
    (17, "getStats", 1, true, &[]),
    (18, "logs", 0, false, &[]),
    (19, "getSessionStats", 1, true, &[]),
    (20, "panic", 0, false, &[]),
    (21, "publishSipDtmf", 1, true, &[]),
    (22, "chatMessage", 1, true, &[]),
    (23, "performRpc", 1, true, &[]),
    (24, "rpcMethodInvocation", 1, false, &[]),
    (25, "sendStreamHeader", 1, true, &[]),
    (26, "sendStreamChunk", 1, true, &[]),
    (27, "sendStreamTrailer", 1, true, &[]),
    (28, "byteStreamReaderEvent", 1, false, &[]),
    (29, "byteStreamReaderReadAll", 1, true, &[]),
    (30, "byteStreamReaderWriteToFile", 1, true, &[]),
    (31, "byteStreamOpen", 1, true, &[&[2, 1, 1]]),
    (32, "byteStreamWriterWrite", 1, true, &[]),
    (33, "byteStreamWriterClose", 1, true, &[]),
    (34, "sendFile", 1, true, &[]),
    (35, "textStreamReaderEvent", 1, false, &[]),
    (36, "textStreamReaderReadAll", 1, true, &[]),
    (37, "textStreamOpen", 1, true, &[&[2, 1, 1]]),
    (38, "textStreamWriterWrite", 1, true, &[]),
    (39, "textStreamWriterClose", 1, true, &[]),
    (40, "sendText", 1, true, &[]),
    (41, "sendBytes", 1, true, &[]),
    (42, "publishDataTrack", 1, true, &[&[2, 1, 1]]),
    (43, "dataTrackStreamEvent", 1, false, &[]),
    (44, "simulateScenario", 1, true, &[]),
    (45, "defineSchema", 1, true, &[]),
    (46, "getSchema", 1, true, &[]),
];

const AUDIO: AudioSpec = AudioSpec {
    case: 4,
    frame_received: 2,
    eos: 3,
    frame: 1,
    handle: 1,
    handle_id: 1,
    info: 2,
    data_ptr: 1,
    num_channels: 2,
    sample_rate: 3,
    samples_per_channel: 4,
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
