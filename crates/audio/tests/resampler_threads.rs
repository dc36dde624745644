//! Many resamplers in many threads at once, with libsoxr's SIMD engines and without. The choice is made by the process's
//! environment, so the second run is a process of its own.

use narrowcast_audio::{Latency, Quality, Resampler, ResamplerSettings};
use std::process::Command;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::{env, thread};

const THREADS: usize = 4;
const EACH: usize = 25;

/// For the tables to grow while they are in use, filters of several lengths.
fn settings(index: usize) -> ResamplerSettings {
    let (input_rate, output_rate) =
        [(48_000, 16_000), (44_100, 16_000), (8_000, 48_000), (24_000, 48_000), (48_000, 44_100)][index % 5];
    let quality = [Quality::Medium, Quality::VeryHigh, Quality::High][index % 3];
    ResamplerSettings { input_rate, output_rate, channels: 1, quality, latency: Latency::Default, dither: false }
}

fn output(resampler: &mut Resampler<i16>) -> Vec<i16> {
    let input: Vec<i16> = (0..480_i32).map(|i| ((i * i * 31) % 50_000 - 25_000) as i16).collect();
    let mut room = vec![0; resampler.max_output(input.len())];
    let mut all = Vec::new();
    for _ in 0..20 {
        let written = resampler.push(&input, &mut room).unwrap();
        all.extend_from_slice(&room[..written]);
    }
    let mut tail = vec![0; resampler.remaining()];
    resampler.flush(&mut tail).unwrap();
    all.extend_from_slice(&tail);
    all
}

#[test]
fn a_hundred_resamplers_in_four_threads_give_what_one_alone_gives() {
    let without_simd = env::var_os("SOXR_USE_SIMD").is_some_and(|value| value == "0");
    let start = Barrier::new(THREADS);
    let work = &|thread: usize| {
        start.wait();
        let indices = (0..EACH).map(|i| i * THREADS + thread);
        let mut resamplers: Vec<_> = indices.map(|i| (i, Resampler::new(settings(i)).unwrap())).collect();
        resamplers.iter_mut().map(|(i, resampler)| (*i, resampler.engine(), output(resampler))).collect::<Vec<_>>()
    };
    let results: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|thread| scope.spawn(move || work(thread))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(results.len(), THREADS * EACH);
    let alone: Vec<_> = (0..15).map(|i| output(&mut Resampler::new(settings(i)).unwrap())).collect();
    for (i, engine, output) in results {
        assert!(output == alone[i % 15], "resampler {i}, engine {engine}");
        if without_simd {
            assert!(engine == "cr32" || engine == "cr64", "{engine}");
        } else if cfg!(target_arch = "x86_64") && settings(i).quality != Quality::VeryHigh {
            assert_eq!(engine, "cr32s");
        }
    }
}

#[test]
fn resamplers_in_use_don_t_notice_that_longer_filters_are_made() {
    let short = ResamplerSettings { quality: Quality::Low, ..settings(0) };
    let expected = output(&mut Resampler::new(short).unwrap());
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 1..THREADS {
            scope.spawn(|| {
                let mut resampler = Resampler::new(short).unwrap();
                while !done.load(Ordering::Relaxed) {
                    assert!(output(&mut resampler) == expected, "engine {}", resampler.engine());
                }
            });
        }
        for (input_rate, output_rate) in [(48_000, 24_000), (48_000, 16_000), (24_000, 8_000), (48_000, 8_000)] {
            for quality in [Quality::Medium, Quality::High] {
                let mut longer =
                    Resampler::new(ResamplerSettings { input_rate, output_rate, quality, ..short }).unwrap();
                output(&mut longer);
            }
        }
        done.store(true, Ordering::Relaxed);
    });
}

#[test]
fn so_it_is_without_simd() {
    // One process for each, whose tables are as short as they can be.
    for test in [
        "a_hundred_resamplers_in_four_threads_give_what_one_alone_gives",
        "resamplers_in_use_don_t_notice_that_longer_filters_are_made",
    ] {
        let child =
            Command::new(env::current_exe().unwrap()).args(["--exact", test]).env("SOXR_USE_SIMD", "0").output();
        let child = child.unwrap();
        let said = String::from_utf8_lossy(&child.stdout);
        assert!(child.status.success() && said.contains("1 passed"), "{}: {said}", child.status);
    }
}
