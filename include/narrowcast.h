/*
 * narrowcast.h: events and PCM from native threads of your own, into narrowcast's queues and streams.
 *
 * A Node-API addon gets the interface from JavaScript, which calls `nativeInterface()` of the package `narrowcast` and hands
 * the result to a function of the addon. There is nothing to link against, and no symbol to look up:
 *
 *     static const narrowcast_interface *narrowcast;
 *
 *     static napi_value start(napi_env env, napi_callback_info info) {
 *       ... argument 0: what nativeInterface() returned; argument 1: the id of a queue, a BigInt ...
 *       narrowcast = narrowcast_get_interface(env, argument[0]);
 *       if (narrowcast == NULL) return NULL;        // a JavaScript exception is pending; it names both versions
 *       int32_t status = narrowcast->queue_open(id, NULL, &queue);
 *       ...
 *     }
 *
 * Then any thread of the addon may call:
 *
 *     narrowcast->queue_put(queue, type, handle, bytes, length, 0, NULL);
 *
 * Rules
 * - Every function may be called from any thread, at any time until the process ends. None waits for JavaScript, and none may be
 *   called from a signal handler.
 * - Every function returns a status: NARROWCAST_OK, or why it did nothing. A handle that was closed, or never opened, is refused
 *   with NARROWCAST_NOT_FOUND: it is a number, and never used again for something else.
 * - The table lives as long as the process.
 * - Link an addon that has threads or an owner so that it stays in memory when a worker thread of Node ends: `-Wl,-z,nodelete` on
 *   Linux. Elsewhere keep a reference to it yourself.
 *
 * Versions: an addon works with every narrowcast whose interface has the same major version, and the same or a higher minor one.
 * Functions are only ever added, at the end of the table, with a new minor version.
 *
 * MIT licence, as narrowcast itself.
 */
#ifndef NARROWCAST_H
#define NARROWCAST_H

#include <stddef.h>
#include <stdint.h>

#define NARROWCAST_ABI_MAJOR 1
#define NARROWCAST_ABI_MINOR 0

/* Most bytes of a payload, most samples of one write, and most channels of what is written. */
#define NARROWCAST_MAX_PAYLOAD ((size_t)64 << 20)
#define NARROWCAST_MAX_SAMPLES ((size_t)16 << 20)
#define NARROWCAST_MAX_CHANNELS 64

#ifdef __cplusplus
extern "C" {
#endif

/* What a function returns. `message` of the table has a sentence for each. */
enum {
  NARROWCAST_OK = 0,
  /* A null pointer where there must be memory, a length that is too large, a misaligned pointer, an unknown type. */
  NARROWCAST_INVALID_ARGUMENT = 1,
  /* JavaScript has closed the queue or stream, or the thread that read the stream has ended. */
  NARROWCAST_CLOSED = 2,
  /* No open queue or stream has this id, or this handle. */
  NARROWCAST_NOT_FOUND = 3,
  /* Another producer has the stream, or another thread is writing to it at this moment. */
  NARROWCAST_LOCKED = 4,
  /* A defect of narrowcast: please report it. What the call was about may have been done in part. */
  NARROWCAST_PANIC = 5
};

/* Flags of `queue_put`. */
enum {
  /* The payload owns something that the queue's owner knows how to release. */
  NARROWCAST_OWNED = 1
};

/*
 * Releases what payloads own. An event that was put with NARROWCAST_OWNED has one owner at each moment: first the caller; once
 * `queue_put` returned NARROWCAST_OK, the event; a subscription with `own: true` once it has read the event. `release` is called
 * for an event that no such subscription has read, once, when the last subscription has dropped it.
 *
 * Both functions are called on whichever thread gives up the event: one that puts, also within `queue_put`, or one that reads.
 * They must not block, must not call Node-API, and must not throw. They may call the functions of the table.
 */
typedef struct narrowcast_owner {
  /* Passed to both functions. */
  void *context;
  /* Releases what this payload owns. The payload may be read during the call. */
  void (*release)(void *context, uint32_t type, const void *payload, size_t length);
  /* The last call: the queue's handle was closed, and no event is left. May be NULL. */
  void (*dropped)(void *context);
} narrowcast_owner;

/* What narrowcast's addon can do for another one. */
typedef struct narrowcast_interface {
  uint32_t major;
  uint32_t minor;
  /* The version of narrowcast, such as "1.2.3". */
  const char *version;

  /* A sentence about a status, for an error message; never NULL. */
  const char *(*message)(int32_t status);

  /*
   * Opens the queue that has this id: `queue.id` of an FfiQueue. `owner` is copied, and may be NULL: then no payload owns
   * anything. It is called if and only if NARROWCAST_OK is returned. The queue stays open for JavaScript whether or not
   * this handle is closed.
   */
  int32_t (*queue_open)(uint64_t id, const narrowcast_owner *owner, uint64_t *queue);

  /* The number of a type, by its name in UTF-8: the place that it has in the `types` of the FfiQueue. */
  int32_t (*queue_type)(uint64_t queue, const char *name, size_t length, uint32_t *type);

  /*
   * Sends an event about `handle` to the subscriptions that want this type and this handle. The payload is copied once if there
   * is one, and never otherwise. `receivers` may be NULL: how many subscriptions have the event to read. Returned is NARROWCAST_OK also
   * where that is 0. With any other status the event was not sent, and the caller still owns what the payload owns.
   */
  int32_t (*queue_put)(uint64_t queue, uint32_t type, uint64_t handle, const void *payload, size_t length, uint32_t flags,
                       uint32_t *receivers);

  /* Gives the handle back. Events that were put stay readable. */
  int32_t (*queue_close)(uint64_t queue);

  /*
   * Becomes the producer of the stream that has this id: `stream.id` of an AudioStream. `sample_rate`, in Hz, and `channels` are
   * those of what will be written: where the stream has others, it is resampled, and mixed or spread. More channels than
   * NARROWCAST_MAX_CHANNELS are NARROWCAST_INVALID_ARGUMENT. Until `stream_close` no other producer may write: `stream.write` of
   * JavaScript throws `LOCKED`. After `stream.discard` of JavaScript, the next call gives up what waits in the resampler.
   */
  int32_t (*stream_open)(uint64_t id, uint32_t sample_rate, uint32_t channels, uint64_t *stream);

  /*
   * Appends `count` samples of all channels, interleaved: a multiple of the channels. They are copied, or converted. Where the reader is late,
   * the oldest frames of the stream are dropped and counted. The call takes as long as the conversion of its samples does: write
   * pieces of 10 to 100 ms. One thread at a time may write to a stream: another one gets NARROWCAST_LOCKED.
   */
  int32_t (*stream_write)(uint64_t stream, const int16_t *samples, size_t count);

  /* No more samples will come: the reader gets what is buffered, and then the end. */
  int32_t (*stream_end)(uint64_t stream);

  /*
   * Gives the handle back. Does not end the stream: another producer may open it as soon as this returns. What waits in the
   * resampler goes on. Where another thread is writing to the stream, this waits until it is done.
   */
  int32_t (*stream_close)(uint64_t stream);
} narrowcast_interface;

#ifdef __cplusplus
}
#endif

/* Where there is no Node-API, define this: then `narrowcast_get_interface` is missing. */
#ifndef NARROWCAST_WITHOUT_NODE_API

/* Type tags came with Node-API 8. */
#ifndef NAPI_VERSION
#define NAPI_VERSION 8
#endif
#include <node_api.h>
#include <stdio.h>

/*
 * The interface in `value`, which is what `nativeInterface()` returned in JavaScript, if it has what this version of it promises.
 * Otherwise NULL, and an exception is pending: `INVALID_ARGUMENT`, or `VERSION_MISMATCH` with both versions.
 */
static inline const narrowcast_interface *narrowcast_get_interface_of(napi_env env, napi_value value, uint32_t major,
                                                                      uint32_t minor) {
  const napi_type_tag tag = {0x6e6172726f776361ULL, 0x73742e6e61746976ULL};
  void *found = NULL;
  bool is_interface = false;
  napi_valuetype type = napi_undefined;
  if (napi_typeof(env, value, &type) != napi_ok || type != napi_object ||
      napi_check_object_type_tag(env, value, &tag, &is_interface) != napi_ok || !is_interface ||
      napi_unwrap(env, value, &found) != napi_ok || found == NULL) {
    bool pending = false;
    napi_is_exception_pending(env, &pending);
    if (!pending) {
      napi_throw_type_error(env, "INVALID_ARGUMENT", "expected what nativeInterface() of narrowcast returns");
    }
    return NULL;
  }
  const narrowcast_interface *table = (const narrowcast_interface *)found;
  if (table->major != major || table->minor < minor) {
    char message[256];
    snprintf(message, sizeof message,
             "this addon was built for version %u.%u of narrowcast's C interface, and narrowcast %s has version %u.%u: build the "
             "addon with the narrowcast.h of that narrowcast, or install the narrowcast that it was built for",
             (unsigned)major, (unsigned)minor, table->version, (unsigned)table->major, (unsigned)table->minor);
    napi_throw_error(env, "VERSION_MISMATCH", message);
    return NULL;
  }
  return table;
}

/* The same for the version of this header. */
static inline const narrowcast_interface *narrowcast_get_interface(napi_env env, napi_value value) {
  return narrowcast_get_interface_of(env, value, NARROWCAST_ABI_MAJOR, NARROWCAST_ABI_MINOR);
}

#endif
#endif
