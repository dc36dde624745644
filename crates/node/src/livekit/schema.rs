//! What narrowcast has to know of the engine's messages, from the installed package's descriptors.

use crate::error::{Code, Result, error, refused};
use napi::bindgen_prelude::{BigInt, Uint8ArraySlice};
use napi_derive::napi;
use narrowcast_livekit::wire::{AudioSpec, CaseSpec, Schema, SchemaSpec};
use narrowcast_livekit::{CaptureSpec, VideoSpec};

/// One case of the engine's events, from the installed package's descriptors.
#[napi(object)]
pub struct NativeCase {
    /// Field number in `FfiEvent`.
    pub field: u32,
    /// The case's name.
    pub name: String,
    /// Field number of what the event is about.
    pub subject: Option<u32>,
    /// Whether the subject is the async id of a request.
    pub answer: bool,
    /// Paths of field numbers to the ids of the native handles that the event owns.
    pub owned: Vec<Vec<u32>>,
}

/// Field numbers in the audio stream's events.
#[napi(object)]
pub struct NativeAudioFields {
    /// `audioStreamEvent` in `FfiEvent`.
    pub case: u32,
    /// `frameReceived` in the event.
    pub frame_received: u32,
    /// `eos` in the event.
    pub eos: u32,
    /// `frame` in what was received.
    pub frame: u32,
    /// `handle` of the frame.
    pub handle: u32,
    /// `id` of the handle.
    pub handle_id: u32,
    /// `info` of the frame.
    pub info: u32,
    /// `dataPtr` in the info.
    pub data_ptr: u32,
    /// `numChannels` in the info.
    pub num_channels: u32,
    /// `sampleRate` in the info.
    pub sample_rate: u32,
    /// `samplesPerChannel` in the info.
    pub samples_per_channel: u32,
}

/// Field numbers in the messages that capture audio.
#[napi(object)]
pub struct NativeCaptureFields {
    /// `captureAudioFrame` in `FfiRequest`.
    pub request: u32,
    /// `sourceHandle` in the request.
    pub source_handle: u32,
    /// `buffer` in the request.
    pub buffer: u32,
    /// `requestAsyncId` in the request.
    pub request_async_id: u32,
    /// `clearAudioBuffer` in `FfiRequest`.
    pub clear: u32,
    /// `sourceHandle` in that request.
    pub clear_source: u32,
    /// `captureAudioFrame` in `FfiEvent`.
    pub answer: u32,
    /// `error` in the answer.
    pub error: u32,
}

/// Field numbers in the video stream's events.
#[napi(object)]
pub struct NativeVideoFields {
    /// `videoStreamEvent` in `FfiEvent`.
    pub case: u32,
    /// `eos` in the event.
    pub eos: u32,
}

/// What narrowcast has to know of the engine's messages.
#[napi(object)]
pub struct NativeSchema {
    /// Every case of an event, in the order of the queue's types.
    pub cases: Vec<NativeCase>,
    /// Audio frames.
    pub audio: NativeAudioFields,
    /// Audio capture.
    pub capture: NativeCaptureFields,
    /// Video frames.
    pub video: NativeVideoFields,
}

/// Which event an encoded `FfiEvent` is.
#[napi(object)]
pub struct NativePeek {
    /// The case's name.
    pub r#type: String,
    /// What it is about.
    pub handle: BigInt,
    /// The native handles that it owns.
    pub owned: Vec<BigInt>,
}

/// Reads an encoded `FfiEvent` as the callback does, with a schema of its own: `narrowcast doctor` compares this with
/// what the installed package decodes.
#[napi(catch_unwind)]
pub fn engine_peek(schema: NativeSchema, message: Uint8ArraySlice) -> Result<NativePeek> {
    let (schema, ..) = read_schema(schema)?;
    let peek = schema.peek(&message).map_err(refused)?;
    let mut owned = Vec::new();
    schema.for_each_owned(peek.kind, peek.body, &mut |id| owned.push(id.into())).map_err(refused)?;
    Ok(NativePeek { r#type: schema.name(peek.kind).unwrap_or_default().to_owned(), handle: peek.subject.into(), owned })
}

/// The schema in Rust's terms, and what captures audio and video.
pub fn read_schema(schema: NativeSchema) -> Result<(Schema, CaptureSpec, VideoSpec)> {
    let NativeSchema { cases, audio, capture, video } = schema;
    // Kinds are at most 128, which `Schema::new` checks.
    let kind_of = |field: u32| {
        let kind = cases.iter().position(|case| case.field == field);
        kind.and_then(|kind| kind.try_into().ok()).unwrap_or(u8::MAX)
    };
    let video = VideoSpec { kind: kind_of(video.case), eos: video.eos };
    let captures = CaptureSpec {
        request: capture.request,
        source_handle: capture.source_handle,
        buffer: capture.buffer,
        request_async_id: capture.request_async_id,
        data_ptr: audio.data_ptr,
        num_channels: audio.num_channels,
        sample_rate: audio.sample_rate,
        samples_per_channel: audio.samples_per_channel,
        clear: capture.clear,
        clear_source: capture.clear_source,
        answer: kind_of(capture.answer),
        error: capture.error,
    };
    let spec = SchemaSpec {
        cases: cases
            .into_iter()
            .map(|case| CaseSpec {
                field: case.field,
                name: case.name,
                subject: case.subject,
                answer: case.answer,
                owned: case.owned,
            })
            .collect(),
        audio: AudioSpec {
            case: audio.case,
            frame_received: audio.frame_received,
            eos: audio.eos,
            frame: audio.frame,
            handle: audio.handle,
            handle_id: audio.handle_id,
            info: audio.info,
            data_ptr: audio.data_ptr,
            num_channels: audio.num_channels,
            sample_rate: audio.sample_rate,
            samples_per_channel: audio.samples_per_channel,
        },
    };
    let schema = Schema::new(spec).map_err(|invalid| {
        error(
            Code::EngineIncompatible,
            format!("the installed @livekit/rtc-ffi-bindings describes events that narrowcast can't read: {invalid}"),
        )
    })?;
    Ok((schema, captures, video))
}
