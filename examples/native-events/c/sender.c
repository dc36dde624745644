/*
 * An addon whose own threads send events and a tone into narrowcast, without JavaScript.
 *
 * start(interface, queueId, threads, events): each thread sends `events` events of the types `level` and `stats` in turn, about the
 *   handles 1 to 16, at 100 times 64 a second in bursts, as an audio engine with 64 streams does. Returns at once.
 * tone(interface, streamId, seconds): a thread writes a 440 Hz tone at 16 kHz into a stream, 10 ms at a time, and ends it.
 * sent(): how many events were sent, and how many were refused.
 */
#include "narrowcast.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BURST 64
#define HANDLES 16
#define TICK_NS 10000000L
#define RATE 16000

/* Set before the first thread starts, and never changed. */
static const narrowcast_interface *narrowcast;

static atomic_uint_fast64_t sent, refused;

struct sender {
  uint64_t queue, events;
  uint32_t level, stats;
};

/* Sleeps until `time`, and moves it on by 10 ms. */
static void next_tick(struct timespec *time) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  int64_t wait = (int64_t)(time->tv_sec - now.tv_sec) * 1000000000 + (time->tv_nsec - now.tv_nsec);
  if (wait > 0) {
    struct timespec rest = {wait / 1000000000, wait % 1000000000};
    nanosleep(&rest, NULL);
  }
  time->tv_nsec += TICK_NS;
  if (time->tv_nsec >= 1000000000) {
    time->tv_sec++;
    time->tv_nsec -= 1000000000;
  }
}

static void *send_events(void *argument) {
  struct sender sender = *(struct sender *)argument;
  free(argument);
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  for (uint64_t number = 0; number < sender.events; number++) {
    if (number % BURST == 0) next_tick(&time);
    uint32_t type = number % 2 == 0 ? sender.level : sender.stats;
    /* Copied during the call, if a subscription wants it, and not looked at otherwise. */
    int32_t status = narrowcast->queue_put(sender.queue, type, 1 + number / 2 % HANDLES, &number, sizeof number, 0, NULL);
    atomic_fetch_add(status == NARROWCAST_OK ? &sent : &refused, 1);
    if (status != NARROWCAST_OK) break; /* JavaScript has closed the queue. */
  }
  narrowcast->queue_close(sender.queue);
  return NULL;
}

struct tone {
  uint64_t stream;
  uint32_t frames;
};

static void *play_tone(void *argument) {
  struct tone tone = *(struct tone *)argument;
  free(argument);
  int16_t frame[RATE / 100];
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  for (uint32_t at = 0; at < tone.frames; at++) {
    for (uint32_t i = 0; i < RATE / 100; i++) {
      frame[i] = (int16_t)(8000 * sin(2 * 3.14159265358979 * 440 * (at * (RATE / 100) + i) / RATE));
    }
    next_tick(&time);
    if (narrowcast->stream_write(tone.stream, frame, RATE / 100) != NARROWCAST_OK) break;
  }
  narrowcast->stream_end(tone.stream);
  narrowcast->stream_close(tone.stream);
  return NULL;
}

/* ── called by JavaScript ─────────────────────────────────────────────────────────────────────────────────────── */

static napi_value fail(napi_env env, int32_t status) {
  napi_throw_error(env, NULL, narrowcast->message(status));
  return NULL;
}

/* The thread runs on its own until it is done; false if the system has none left. */
static bool run(napi_env env, void *(*work)(void *), const void *argument, size_t size) {
  pthread_t thread;
  void *copy = malloc(size);
  if (copy != NULL) memcpy(copy, argument, size);
  if (copy == NULL || pthread_create(&thread, NULL, work, copy) != 0) {
    free(copy);
    napi_throw_error(env, NULL, "no thread could be started");
    return false;
  }
  pthread_detach(thread);
  return true;
}

/* The arguments (interface, id, number...); false with a pending exception. */
static bool arguments(napi_env env, napi_callback_info info, uint64_t *id, uint32_t numbers[], size_t count) {
  napi_value argument[4];
  size_t given = 4;
  bool lossless = false;
  napi_get_cb_info(env, info, &given, argument, NULL, NULL);
  const narrowcast_interface *found = narrowcast_get_interface(env, argument[0]);
  if (found == NULL) return false;
  narrowcast = found;
  bool valid = given == 2 + count && napi_get_value_bigint_uint64(env, argument[1], id, &lossless) == napi_ok && lossless;
  for (size_t i = 0; valid && i < count; i++) valid = napi_get_value_uint32(env, argument[2 + i], &numbers[i]) == napi_ok;
  if (!valid) napi_throw_type_error(env, NULL, "expected an interface, a BigInt, and numbers");
  return valid;
}

static napi_value start(napi_env env, napi_callback_info info) {
  uint64_t id;
  uint32_t numbers[2];
  if (!arguments(env, info, &id, numbers, 2)) return NULL;
  for (uint32_t thread = 0; thread < numbers[0]; thread++) {
    struct sender sender = {.events = numbers[1]};
    int32_t status = narrowcast->queue_open(id, NULL, &sender.queue);
    if (status != NARROWCAST_OK) return fail(env, status);
    status = narrowcast->queue_type(sender.queue, "level", 5, &sender.level);
    if (status == NARROWCAST_OK) status = narrowcast->queue_type(sender.queue, "stats", 5, &sender.stats);
    if (status != NARROWCAST_OK || !run(env, send_events, &sender, sizeof sender)) {
      narrowcast->queue_close(sender.queue);
      return status == NARROWCAST_OK ? NULL : fail(env, status);
    }
  }
  return NULL;
}

static napi_value tone(napi_env env, napi_callback_info info) {
  uint64_t id;
  uint32_t seconds;
  if (!arguments(env, info, &id, &seconds, 1)) return NULL;
  struct tone tone = {.frames = seconds * 100};
  int32_t status = narrowcast->stream_open(id, RATE, 1, &tone.stream);
  if (status != NARROWCAST_OK) return fail(env, status);
  if (!run(env, play_tone, &tone, sizeof tone)) narrowcast->stream_close(tone.stream);
  return NULL;
}

static napi_value counts(napi_env env, napi_callback_info info) {
  (void)info;
  napi_value object, value;
  napi_create_object(env, &object);
  napi_create_int64(env, (int64_t)atomic_load(&sent), &value);
  napi_set_named_property(env, object, "sent", value);
  napi_create_int64(env, (int64_t)atomic_load(&refused), &value);
  napi_set_named_property(env, object, "refused", value);
  return object;
}

NAPI_MODULE_INIT() {
  const napi_property_descriptor functions[] = {
      {"start", NULL, start, NULL, NULL, NULL, napi_enumerable, NULL},
      {"tone", NULL, tone, NULL, NULL, NULL, napi_enumerable, NULL},
      {"counts", NULL, counts, NULL, NULL, NULL, napi_enumerable, NULL},
  };
  napi_define_properties(env, exports, sizeof functions / sizeof functions[0], functions);
  return exports;
}
