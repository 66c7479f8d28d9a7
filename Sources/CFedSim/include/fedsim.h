/* fedsim.h: FedSim as a library, for every language that can call C.
 *
 * Rules (they hold for every function):
 *  - Results >= 0 are success; what they count is said with each function. Results < 0 are failures (FS_* below), and `error`, which has room for
 *    `capacity` bytes, then has the reason as UTF-8 that ends with a NUL, cut between characters where it does not fit. NULL or 0: no reason is written.
 *  - Objects are numbers (fs_handle), never 0 and never used twice: one that was released, or is of another kind, is an error and nothing worse.
 *    Every object may be used from any thread; calls on one object wait for each other, but for fs_run_progress and fs_stop.
 *  - Text that goes in is UTF-8 with its length in bytes, and need not end with a NUL. Bytes that come out (uint8_t **) are the caller's, to be freed by
 *    fs_free; a NUL follows the last one, and is not counted. Where a function fails *out is NULL.
 *  - Arrays are contiguous, row-major, in the machine's byte order. NULL stands for an array of no elements, and is an error for any other.
 *  - All numbers are checked. No value ends the process; an address that is not the caller's memory does.
 */
#ifndef FEDSIM_H
#define FEDSIM_H
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

typedef int64_t fs_handle;

enum {
  FS_INVALID = -1, /* an argument, a scenario, a key, data: the reason names the place, what was found and what is allowed */
  FS_REFUSED = -2, /* no guarantee would follow, or none is proved */
  FS_PAYLOAD = -3, /* bytes that no honest client sends */
  FS_STATE = -4,   /* not now: a round is open, a client was not drawn or has sent, all is done */
  FS_FILES = -5,   /* a folder or file: there is a run already, it cannot be written, it is of another run */
  FS_STOPPED = -6  /* fs_stop was called; the object is as it was before the call */
};
enum { FS_KEY_BYTES = 32, FS_ABI = 1 };

/* ---- Library */
int32_t fs_abi(void); /* FS_ABI of the library: another one must not be used */
/* JSON: version, codecs (name, exact, options with ranges), accountants, relations, samplings, threads (cores). */
int64_t fs_about(uint8_t **json, char *error, int64_t capacity);
void fs_free(void *bytes);
void fs_release(fs_handle object); /* 0 and what was released already: nothing happens */

/* ---- Keys. seed: 32 bytes, which are the secret. */
int64_t fs_random_key(uint8_t key[32], char *error, int64_t capacity);
/* 32 bytes that follow from all parts, each with its length (BLAKE2b): Federation.nonce(seed:data:). */
int64_t fs_run_key(uint64_t seed, const uint8_t *const *parts, const int64_t *counts, int64_t n, uint8_t key[32], char *error, int64_t capacity);
int64_t fs_public_key(const uint8_t seed[32], uint8_t public_key[32], char *error, int64_t capacity);           /* X25519 */
int64_t fs_session(const uint8_t seed[32], const uint8_t peer[32], int32_t as_server, uint8_t key[32], char *error, int64_t capacity);

/* ---- Channel. settings: {"codec": "polar", "dimension": d, "clippingNorm": C, "noiseScale": sigma, "options": {...}}; clippingNorm null: none. */
int64_t fs_channel_new(const char *settings, int64_t count, const uint8_t rotation_key[32], fs_handle *out, char *error, int64_t capacity);
/* JSON: codec, exact, dimension, clippingNorm, noiseScale, predictedBits, oneLength, totalVariationBound, informationBits, lowerBoundBits. */
int64_t fs_channel_about(fs_handle channel, uint8_t **json, char *error, int64_t capacity);
/* Clips and encodes. -> bytes. secret: NULL takes the sender's randomness from the system. A key and a round are for ONE message. */
int64_t fs_channel_encode(fs_handle channel, int64_t round, const uint8_t pair_key[32], const uint8_t *secret, const float *update, int64_t dimension, uint8_t **out, char *error, int64_t capacity);
int64_t fs_channel_decode(fs_handle channel, int64_t round, const uint8_t pair_key[32], const uint8_t *payload, int64_t count, double *out, int64_t dimension, char *error, int64_t capacity);
/* n rows on `threads` threads; ends[i]: where the i-th payload ends in *out. -> bytes of all. The same bytes as one after the other. */
int64_t fs_channel_encode_many(fs_handle channel, int64_t round, const uint8_t *pair_keys, const uint8_t *secrets, const float *updates, int64_t n, int64_t dimension, int64_t threads, int64_t *ends, uint8_t **out, char *error, int64_t capacity);
/* The exact sum of n decoded payloads, turned back once; terms >= n: a public bound on the payloads of such a sum. On failure (FS_PAYLOAD) the reason names the index. */
int64_t fs_channel_sum(fs_handle channel, int64_t round, const uint8_t *pair_keys, const uint8_t *payloads, const int64_t *ends, int64_t n, int64_t terms, int64_t threads, double *out, int64_t dimension, char *error, int64_t capacity);
/* Adds N(0, target^2 - arrived sigma^2) to each coordinate of a sum of `arrived` decoded payloads: the noise is then `target` = z C. key: NULL takes it from the system. */
int64_t fs_channel_complete(fs_handle channel, int64_t round, const uint8_t *key, int64_t arrived, double target, double *sum, int64_t dimension, char *error, int64_t capacity);

/* ---- Accountant: JSON in, JSON out (docs/python.md has the keys). */
int64_t fs_account(const char *request, int64_t count, uint8_t **json, char *error, int64_t capacity);
int64_t fs_calibrate(const char *request, int64_t count, uint8_t **json, char *error, int64_t capacity);
int64_t fs_plan(const char *request, int64_t count, uint8_t **json, char *error, int64_t capacity);

/* ---- Data in memory. labels or targets, the other NULL; owners, image (height, width, channels): NULL for none; classes: 0 takes largest label + 1. */
int64_t fs_data_new(const float *features, int64_t examples, int64_t width, const int32_t *labels, const float *targets, const int32_t *owners, int64_t classes, const int64_t *image, fs_handle *out, char *error, int64_t capacity);

/* ---- Runs: `fedsim run`. options: {"threads", "folder" (null: no files), "start": "new"|"replacing"|"resuming", "set": ["key=value"], "name", "directory" (beside which files are sought), "tensorboard"} */
int64_t fs_run_new(const char *scenario, int64_t count, const char *options, int64_t options_count, fs_handle training, fs_handle test, fs_handle *out, char *error, int64_t capacity);
int64_t fs_run_about(fs_handle run, uint8_t **json, char *error, int64_t capacity);  /* the "run" line of docs/live.md */
int64_t fs_run_next(fs_handle run, uint8_t **json, char *error, int64_t capacity);   /* a line of rounds.jsonl; 0 bytes: no more rounds */
int64_t fs_run_finish(fs_handle run, uint8_t **json, char *error, int64_t capacity); /* writes what is left; summary.json; may be called before all rounds are made */
int64_t fs_run_progress(fs_handle run, double out[4]);                               /* round, clients done, clients drawn, seconds left (-1: not known) of the call that is going on; -> 4, or 0 */
int64_t fs_run_parameters(fs_handle run, float *out, int64_t dimension, char *error, int64_t capacity); /* out NULL: -> how many there are */
/* What the built-in trainer makes of `parameters` for a client in a round: the update that the run's client would clip and send. */
int64_t fs_run_update(fs_handle run, int64_t round, int64_t client, const float *parameters, int64_t dimension, float *out, char *error, int64_t capacity);
void fs_stop(fs_handle object); /* from any thread, also in a signal handler's: the call that is going on ends soon, with FS_STOPPED */

/* ---- Federations: rounds whose updates the caller computes. scenario: with data and model "external"; run_key: NULL makes a fresh one. */
int64_t fs_federation_new(const char *scenario, int64_t count, const char *options, int64_t options_count, const float *parameters, int64_t dimension, const uint8_t *run_key, int64_t key_count, fs_handle *out, char *error, int64_t capacity);
/* The federation of a run that has made no round: its settings, its keys, its first parameters, no folder; to check that rounds from outside are the run's own. */
int64_t fs_federation_of(fs_handle run, fs_handle *out, char *error, int64_t capacity);
int64_t fs_federation_about(fs_handle federation, uint8_t **json, char *error, int64_t capacity); /* the "run" line, and noiseMultiplier, noiseScale, largestCohort, codec, parameters, clients */
int64_t fs_federation_open(fs_handle federation, uint8_t **json, char *error, int64_t capacity);  /* {"round", "cohort": [...], "epsilon", "clippingNorm"}; 0 bytes: no more rounds */
int64_t fs_federation_parameters(fs_handle federation, float *out, int64_t dimension, char *error, int64_t capacity);
int64_t fs_federation_send(fs_handle federation, const int64_t *clients, const float *updates, const int64_t *examples, int64_t n, int64_t dimension, char *error, int64_t capacity);
int64_t fs_federation_close(fs_handle federation, const char *evaluation, int64_t count, uint8_t **json, char *error, int64_t capacity); /* evaluation: {"accuracy", "loss"} or NULL; -> the line of rounds.jsonl */
int64_t fs_federation_finish(fs_handle federation, uint8_t **json, char *error, int64_t capacity); /* summary.json */
int64_t fs_federation_state(fs_handle federation, uint8_t **bytes, char *error, int64_t capacity); /* a checkpoint between rounds: a secret */
int64_t fs_federation_restore(fs_handle federation, const uint8_t *bytes, int64_t count, char *error, int64_t capacity);
int64_t fs_federation_ledger(fs_handle federation, uint8_t **json, char *error, int64_t capacity); /* as ledger.json */

/* ---- Pages. request: {"folders": [...], ...}: the page that `fedsim report` writes. */
int64_t fs_report(const char *request, int64_t count, uint8_t **html, char *error, int64_t capacity);

#ifdef __cplusplus
}
#endif
#endif
