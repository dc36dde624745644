/* An addon for tests and benches: the interface's functions as they are, and threads that call them. */
#include "narrowcast.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

static const narrowcast_interface *table;
static atomic_uint_fast64_t released, dropped, put, refused;
static atomic_int last_refusal;

static void release(void *context, uint32_t type, const void *payload, size_t length) {
  (void)type, (void)payload, (void)length;
  if (context == &released) atomic_fetch_add(&released, 1);
}

static void drop(void *context) {
  if (context == &released) atomic_fetch_add(&dropped, 1);
}

/* ── arguments and results ────────────────────────────────────────────────────────────────────────────────────── */

#define MOST 8

struct call {
  napi_env env;
  napi_value argument[MOST];
};

static struct call call_of(napi_env env, napi_callback_info info) {
  struct call call = {.env = env};
  size_t count = MOST;
  napi_get_cb_info(env, info, &count, call.argument, NULL, NULL);
  return call;
}

static uint64_t big(struct call call, int at) {
  uint64_t value = 0;
  bool lossless;
  napi_get_value_bigint_uint64(call.env, call.argument[at], &value, &lossless);
  return value;
}

static double number(struct call call, int at) {
  double value = 0;
  napi_get_value_double(call.env, call.argument[at], &value);
  return value;
}

/* The memory of a typed array; NULL for anything else. */
static void *memory(struct call call, int at) {
  void *data = NULL;
  bool is_array = false;
  napi_is_typedarray(call.env, call.argument[at], &is_array);
  if (is_array) napi_get_typedarray_info(call.env, call.argument[at], NULL, NULL, &data, NULL, NULL);
  return data;
}

static napi_value result(napi_env env, double value) {
  napi_value made;
  napi_create_double(env, value, &made);
  return made;
}

static napi_value results(napi_env env, const double *values, uint32_t count) {
  napi_value array;
  napi_create_array(env, &array);
  for (uint32_t i = 0; i < count; i++) napi_set_element(env, array, i, result(env, values[i]));
  return array;
}

/* ── the functions ────────────────────────────────────────────────────────────────────────────────────────────── */

/* use(interface, major, minor): returns true, or throws. */
static napi_value use(napi_env env, napi_callback_info info) {
  struct call call = call_of(env, info);
  const narrowcast_interface *found =
      narrowcast_get_interface_of(env, call.argument[0], (uint32_t)number(call, 1), (uint32_t)number(call, 2));
  if (found == NULL) return NULL;
  table = found;
  napi_value yes;
  napi_get_boolean(env, true, &yes);
  return yes;
}

/* queueOpen(id, owner): [status, handle]. owner: 0 none, 1 one that counts, 2 one without `release`. */
static napi_value queue_open(napi_env env, napi_callback_info info) {
  struct call call = call_of(env, info);
  const narrowcast_owner counts = {&released, release, drop}, none = {&released, NULL, drop};
  const int owner = (int)number(call, 1);
  uint64_t handle = 0;
  int32_t status = table->queue_open(big(call, 0), owner == 0 ? NULL : owner == 1 ? &counts : &none, &handle);
  return results(env, (double[]){status, (double)handle}, 2);
}

/* queuePut(handle, type, about, memory or null, length, flags): [status, receivers]. */
static napi_value queue_put(napi_env env, napi_callback_info info) {
  struct call call = call_of(env, info);
  uint32_t receivers = 0;
  int32_t status = table->queue_put((uint64_t)number(call, 0), (uint32_t)number(call, 1), big(call, 2), memory(call, 3),
                                    (size_t)number(call, 4), (uint32_t)number(call, 5), &receivers);
  return results(env, (double[]){status, receivers}, 2);
}

static napi_value queue_close(napi_env env, napi_callback_info info) {
  return result(env, table->queue_close((uint64_t)number(call_of(env, info), 0)));
}

/* streamOpen(id, rate, channels): [status, handle]. */
static napi_value stream_open(napi_env env, napi_callback_info info) {
  struct call call = call_of(env, info);
  uint64_t handle = 0;
  int32_t status = table->stream_open(big(call, 0), (uint32_t)number(call, 1), (uint32_t)number(call, 2), &handle);
  return results(env, (double[]){status, (double)handle}, 2);
}

/* streamWrite(handle, memory or null, count): status. */
static napi_value stream_write(napi_env env, napi_callback_info info) {
  struct call call = call_of(env, info);
  return result(env, table->stream_write((uint64_t)number(call, 0), memory(call, 1), (size_t)number(call, 2)));
}

static napi_value stream_end(napi_env env, napi_callback_info info) {
  return result(env, table->stream_end((uint64_t)number(call_of(env, info), 0)));
}

static napi_value stream_close(napi_env env, napi_callback_info info) {
  return result(env, table->stream_close((uint64_t)number(call_of(env, info), 0)));
}

/* ── threads ──────────────────────────────────────────────────────────────────────────────────────────────────── */

struct flood {
  uint64_t queue;
  uint32_t flags;
};

/* Puts events of type 0 about the handles 0 to 3 until it is refused. */
static void *flood_queue(void *argument) {
  struct flood flood = *(struct flood *)argument;
  free(argument);
  for (uint64_t about = 0;; about++) {
    int32_t status = table->queue_put(flood.queue, 0, about % 4, &about, sizeof about, flood.flags, NULL);
    if (status != NARROWCAST_OK) {
      atomic_store(&last_refusal, status);
      atomic_fetch_add(&refused, 1);
      return NULL;
    }
    /* A few µs, so that the threads leave the machine to others. */
    if ((atomic_fetch_add(&put, 1) & 63) == 0) nanosleep(&(struct timespec){0, 200000}, NULL);
  }
}

/* flood(handle, threads, flags) */
static napi_value flood(napi_env env, napi_callback_info info) {
  struct call call = call_of(env, info);
  for (int threads = (int)number(call, 1); threads > 0; threads--) {
    pthread_t thread;
    struct flood *made = malloc(sizeof *made);
    *made = (struct flood){(uint64_t)number(call, 0), (uint32_t)number(call, 2)};
    if (pthread_create(&thread, NULL, flood_queue, made) != 0) abort();
    pthread_detach(thread);
  }
  return NULL;
}

/* Writes 10 ms of silence at 16 kHz again and again until it is refused. */
static void *flood_stream(void *argument) {
  uint64_t stream = *(uint64_t *)argument;
  free(argument);
  static const int16_t silence[160];
  for (;;) {
    int32_t status = table->stream_write(stream, silence, 160);
    if (status != NARROWCAST_OK) {
      atomic_store(&last_refusal, status);
      atomic_fetch_add(&refused, 1);
      return NULL;
    }
    atomic_fetch_add(&put, 1);
    nanosleep(&(struct timespec){0, 200000}, NULL);
  }
}

/* floodStream(handle) */
static napi_value start_flood_stream(napi_env env, napi_callback_info info) {
  pthread_t thread;
  uint64_t *made = malloc(sizeof *made);
  *made = (uint64_t)number(call_of(env, info), 0);
  if (pthread_create(&thread, NULL, flood_stream, made) != 0) abort();
  pthread_detach(thread);
  return NULL;
}

static pthread_key_t at_end;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static atomic_int end_status;

static void put_at_end(void *queue) {
  atomic_store(&end_status, table->queue_put((uint64_t)(uintptr_t)queue, 0, 0, NULL, 0, 0, NULL));
}

static void make_key(void) { pthread_key_create(&at_end, put_at_end); }

static void *put_and_end(void *queue) {
  pthread_once(&once, make_key);
  pthread_setspecific(at_end, queue);
  table->queue_put((uint64_t)(uintptr_t)queue, 0, 0, NULL, 0, 0, NULL);
  return NULL;
}

/* endOfThread(handle): what a put returns in a destructor of a thread that ends. */
static napi_value end_of_thread(napi_env env, napi_callback_info info) {
  pthread_t thread;
  atomic_store(&end_status, -1);
  if (pthread_create(&thread, NULL, put_and_end, (void *)(uintptr_t)number(call_of(env, info), 0)) != 0) abort();
  pthread_join(thread, NULL);
  return result(env, atomic_load(&end_status));
}

/* counts(): [released, dropped, put, refused, last refusal] */
static napi_value counts(napi_env env, napi_callback_info info) {
  (void)info;
  const double all[] = {(double)atomic_load(&released), (double)atomic_load(&dropped), (double)atomic_load(&put),
                        (double)atomic_load(&refused), atomic_load(&last_refusal)};
  return results(env, all, 5);
}

/* ── for the bench ────────────────────────────────────────────────────────────────────────────────────────────── */

/* This file is a stand-in for LiveKit's engine, too: the callback that narrowcast gives it can be called at will. */
static void (*callback)(const uint8_t *, size_t);

void livekit_ffi_initialize(void (*given)(const uint8_t *, size_t), bool logs, const char *sdk, const char *version) {
  (void)logs, (void)sdk, (void)version;
  callback = given;
}

uint64_t livekit_ffi_request(const uint8_t *data, size_t length, const uint8_t **out, size_t *out_length) {
  (void)data, (void)length, (void)out, (void)out_length;
  return 0;
}

bool livekit_ffi_drop_handle(uint64_t handle) {
  (void)handle;
  return true;
}

static double ns_since(struct timespec start) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return 1e9 * (double)(now.tv_sec - start.tv_sec) + (double)(now.tv_nsec - start.tv_nsec);
}

/* timePut(handle, type, about, memory, length, times): ns for each. */
static napi_value time_put(napi_env env, napi_callback_info info) {
  struct call call = call_of(env, info);
  const uint64_t queue = (uint64_t)number(call, 0), about = big(call, 2);
  const uint32_t type = (uint32_t)number(call, 1);
  const void *bytes = memory(call, 3);
  const size_t length = (size_t)number(call, 4);
  const long times = (long)number(call, 5);
  struct timespec start;
  clock_gettime(CLOCK_MONOTONIC, &start);
  for (long i = 0; i < times; i++) {
    if (table->queue_put(queue, type, about, bytes, length, 0, NULL) != NARROWCAST_OK) return NULL;
  }
  return result(env, ns_since(start) / (double)times);
}

/* timeWrite(handle, samples, count, times): ns for each write. */
static napi_value time_write(napi_env env, napi_callback_info info) {
  struct call call = call_of(env, info);
  const uint64_t stream = (uint64_t)number(call, 0);
  const int16_t *samples = memory(call, 1);
  const size_t count = (size_t)number(call, 2);
  const long times = (long)number(call, 3);
  struct timespec start;
  clock_gettime(CLOCK_MONOTONIC, &start);
  for (long i = 0; i < times; i++) {
    if (table->stream_write(stream, samples, count) != NARROWCAST_OK) return NULL;
  }
  return result(env, ns_since(start) / (double)times);
}

/* timeCallback(memory, length, times): ns for each event that the stand-in engine sends. */
static napi_value time_callback(napi_env env, napi_callback_info info) {
  struct call call = call_of(env, info);
  const uint8_t *bytes = memory(call, 0);
  const size_t length = (size_t)number(call, 1);
  const long times = (long)number(call, 2);
  if (callback == NULL) return NULL;
  struct timespec start;
  clock_gettime(CLOCK_MONOTONIC, &start);
  for (long i = 0; i < times; i++) callback(bytes, length);
  return result(env, ns_since(start) / (double)times);
}

NAPI_MODULE_INIT() {
  const struct {
    const char *name;
    napi_callback function;
  } functions[] = {
      {"use", use},
      {"queueOpen", queue_open},
      {"queuePut", queue_put},
      {"queueClose", queue_close},
      {"streamOpen", stream_open},
      {"streamWrite", stream_write},
      {"streamEnd", stream_end},
      {"streamClose", stream_close},
      {"flood", flood},
      {"floodStream", start_flood_stream},
      {"endOfThread", end_of_thread},
      {"counts", counts},
      {"timePut", time_put},
      {"timeWrite", time_write},
      {"timeCallback", time_callback},
  };
  for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
    napi_value made;
    napi_create_function(env, functions[i].name, NAPI_AUTO_LENGTH, functions[i].function, NULL, &made);
    napi_set_named_property(env, exports, functions[i].name, made);
  }
  return exports;
}
