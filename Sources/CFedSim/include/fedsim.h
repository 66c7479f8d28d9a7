/* fedsim.h: FedSim as a library, for every language that can call C.
 *
 * Federated learning with differential privacy, exactly: a channel that turns a clipped update into a few bytes, from which the other end
 * gets the update plus Gaussian noise of exactly the law that was asked for; an accountant with bounds from both sides; whole runs on
 * simulated clients; and federations whose updates the caller computes.
 *
 *   fs_handle channel;
 *   uint8_t *payload;
 *   char error[FS_ERROR_BYTES];
 *   if (fs_channel_new(settings, strlen(settings), rotation_key, &channel, error, sizeof error) < 0) puts(error);
 *   int64_t bytes = fs_channel_encode(channel, 0, pair_key, NULL, update, dimension, &payload, error, sizeof error);
 *   fs_channel_decode(channel, 0, pair_key, payload, bytes, noisy, dimension, error, sizeof error);
 *   fs_free(payload);
 *
 * Rules, which hold for every function:
 *  - A result from 0 on is a success; what it counts is said with each function (0 where nothing is). A result below 0 is a failure, one of the
 *    numbers FS_* below. `error`, which has room for `capacity` bytes, then has the reason in one line of UTF-8 that ends with a NUL, cut between
 *    characters where it does not fit; on success it stays as it was. NULL or a capacity of 0: no reason is written.
 *  - Objects are numbers (fs_handle), from 1 on, and no number is ever used for a second object. One that was released or is of another kind
 *    is an error and nothing worse. Every object may be used from any thread: calls on one run or one federation wait for each other (but for
 *    fs_run_progress, fs_release and fs_stop); calls on a channel do not, it never changes.
 *  - Text that goes in is UTF-8 with its length in bytes, and need not end with a NUL. Bytes that come out (uint8_t **) are the caller's, who frees
 *    them with fs_free; a NUL follows the last one, and is not counted. Where the function fails they are NULL.
 *  - Arrays are contiguous, row by row, in the byte order of the machine. NULL stands for an array without elements, and is an error for any
 *    other unless it is said what it means. What a function reads is only read during the call, and what it writes is written on success only,
 *    but for `ends` and where it says otherwise.
 *  - JSON that goes in is an object; keys that do not exist, values out of range and keys that are given twice are errors that name the key. A key
 *    that is not there, or null, has its default. JSON that comes out is one line.
 *  - Every number is checked: none ends the process. An address that is not the caller's memory does, and so does a system without memory.
 *  - Results do not depend on the number of threads, by one bit.
 *  - Rounds are from 0 to 2^62 in a channel and from 1 on in a run; dimensions are up to 2^27, threads up to 1024, rows of one call up to 2^28, values
 *    of one array up to 2^38.
 *
 * Randomness. A pair key is a secret of one client and the server, and **a key and a round are for one message**: with two, the difference of
 * both updates lies open. fs_session agrees on one. The rotation key is public. What is drawn in round r follows from
 * crypto_kdf (BLAKE2b) of the key with r: shared candidates from the pair key, the rotation from the channel's, a sender's own noise from his
 * secret, the server's completion from its key. NULL in place of a secret takes the randomness of the system, which nobody can repeat.
 */
#ifndef FEDSIM_H
#define FEDSIM_H
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

/* An object of the library: a channel, data, a run or a federation. */
typedef int64_t fs_handle;

enum {
  FS_INVALID = -1, /* an argument, a scenario, a key, data: the reason names the place, what was found and what is allowed */
  FS_REFUSED = -2, /* no guarantee would follow, or none is proved */
  FS_PAYLOAD = -3, /* bytes that no honest client sends */
  FS_STATE = -4,   /* not now: a round is open or none is, a client was not drawn or has sent, all is done */
  FS_FILES = -5,   /* a folder or a file: there is a run already, it cannot be written, it is of another run */
  FS_STOPPED = -6  /* fs_stop was called; the object is as it was before the call */
};

enum {
  FS_ABI = 1,           /* the number of this header; see fs_abi */
  FS_KEY_BYTES = 32,    /* bytes of every key */
  FS_ERROR_BYTES = 2048 /* room that every reason of ordinary length fits into */
};

/* ---- Library ------------------------------------------------------------------------------------------------------------------------- */

/* FS_ABI of the library. One with another number must not be used. */
int32_t fs_abi(void);

/* {"version", "abi", "codecs": [{"name", "exact", "noise", "worksWithoutNoise", "summary", "cost", "views", "reference",
 *   "options": [{"name", "allowed", "default", "meaning"}]}], "accountants", "relations", "samplings", "threads" (cores)} -> bytes */
int64_t fs_about(uint8_t **json, char *error, int64_t capacity);

/* Frees bytes that a function handed out. NULL: nothing happens. */
void fs_free(void *bytes);

/* Forgets an object, whose number is an error from then on; its memory goes when the last call on it ends. 0 and numbers that were released or
 * never given: nothing happens. */
void fs_release(fs_handle object);

/* The call that is going on with a run, a federation or many rows of a channel ends soon, with FS_STOPPED. Where none is going on the next
 * one ends at once. The request is gone when that call has returned. May be called from any thread and in a signal's handler: it takes no lock
 * and no memory. Another number: nothing happens. */
void fs_stop(fs_handle object);

/* ---- Keys ---------------------------------------------------------------------------------------------------------------------------- */

/* 32 bytes from the operating system's generator. -> 32 */
int64_t fs_random_key(uint8_t key[FS_KEY_BYTES], char *error, int64_t capacity);

/* The key of a federation that can be made again: 32 bytes that follow from the seed and all n parts, each with its length (BLAKE2b; in Swift
 * Federation.nonce(seed:data:)). The parts must have **everything** that decides the updates: all examples of all clients and the settings of
 * the training. Two runs whose data differ and whose keys do not share their noise, and have no privacy against whoever sees both. -> 32 */
int64_t fs_run_key(uint64_t seed, const uint8_t *const *parts, const int64_t *counts, int64_t n, uint8_t key[FS_KEY_BYTES],
                   char *error, int64_t capacity);

/* The X25519 public key of the pair that a secret seed of 32 bytes makes. -> 32 */
int64_t fs_public_key(const uint8_t seed[FS_KEY_BYTES], uint8_t public_key[FS_KEY_BYTES], char *error, int64_t capacity);

/* The pair key that a client and the server agree on (crypto_kx): each has its own seed and the other one's public key; as_server is 0 at the
 * client's end and 1 at the server's. -> 32; FS_INVALID for a public key with which no secret can be agreed */
int64_t fs_session(const uint8_t seed[FS_KEY_BYTES], const uint8_t peer[FS_KEY_BYTES], int32_t as_server, uint8_t key[FS_KEY_BYTES],
                   char *error, int64_t capacity);

/* ---- Channel ------------------------------------------------------------------------------------------------------------------------- */

/* A channel for updates of one dimension, with both ends. settings:
 *   {"codec": a name of fs_about, "dimension": d, "clippingNorm": C (1e-30 to 1e30, or null: no clipping, and no privacy; "float32" only),
 *    "noiseScale": sigma (0, for "float32" only, or 1e-30 to 1e30), "options": {of the codec}}
 * sigma is the standard deviation of one message's noise, each coordinate: z C / sqrt(m_max) in a federation (fs_plan), never by the number of
 * clients that happen to be drawn. -> 0 */
int64_t fs_channel_new(const char *settings, int64_t count, const uint8_t rotation_key[FS_KEY_BYTES], fs_handle *out, char *error, int64_t capacity);

/* {"codec", "options", "exact" (whether the noise is exactly Gaussian), "noise", "dimension", "clippingNorm", "noiseScale",
 *   "predictedBits" and "predictedEncodeMicroseconds" (for an update of norm C), "oneLength" (whether every payload has one length),
 *   "totalVariationBound" (what floating point may change), "informationBits" (I(X; Y)), "lowerBoundBits" (of any exact one-shot code)} -> bytes */
int64_t fs_channel_about(fs_handle channel, uint8_t **json, char *error, int64_t capacity);

/* Clips an update of `dimension` floats to norm C and encodes it. A value that is not finite is FS_INVALID. secret: 32 bytes of this sender alone,
 * or NULL. -> bytes of *out */
int64_t fs_channel_encode(fs_handle channel, int64_t round, const uint8_t pair_key[FS_KEY_BYTES], const uint8_t *secret, const float *update,
                          int64_t dimension, uint8_t **out, char *error, int64_t capacity);

/* The clipped update plus its noise, `dimension` doubles. Any bytes give a vector that an honest client may send, or FS_PAYLOAD. -> 0 */
int64_t fs_channel_decode(fs_handle channel, int64_t round, const uint8_t pair_key[FS_KEY_BYTES], const uint8_t *payload, int64_t count,
                          double *out, int64_t dimension, char *error, int64_t capacity);

/* Encodes n rows on `threads` threads: the bytes of fs_channel_encode, one payload behind the other; the i-th ends before byte ends[i] of *out.
 * pair_keys: n x 32 bytes, each of another client; secrets: n x 32 bytes, or NULL. Memory beside *out does not grow with n. -> bytes of *out */
int64_t fs_channel_encode_many(fs_handle channel, int64_t round, const uint8_t *pair_keys, const uint8_t *secrets, const float *updates,
                               int64_t n, int64_t dimension, int64_t threads, int64_t *ends, uint8_t **out, char *error, int64_t capacity);

/* The sum of n decoded payloads, exact on a public grid, so that it is the same in any order and for any number of threads; turned back once.
 * terms: a public bound on the payloads that such a sum may have, at least n and at most 2^40, such as m_max: the grid follows from it. ends must rise
 * from 0 on. -> 0; FS_PAYLOAD with the index of the first payload that is none */
int64_t fs_channel_sum(fs_handle channel, int64_t round, const uint8_t *pair_keys, const uint8_t *payloads, const int64_t *ends, int64_t n,
                       int64_t terms, int64_t threads, double *out, int64_t dimension, char *error, int64_t capacity);

/* Adds N(0, target^2 - arrived sigma^2) to each coordinate of a sum of `arrived` decoded payloads, whose noise is then `target` = z C whoever
 * dropped out. key: the server's, 32 bytes, or NULL for the system's randomness; one sum a key and round. -> 0; FS_REFUSED where the payloads bring more
 * noise than that, and for channels whose noise is not exactly Gaussian or which do not clip */
int64_t fs_channel_complete(fs_handle channel, int64_t round, const uint8_t *key, int64_t arrived, double target, double *sum,
                            int64_t dimension, char *error, int64_t capacity);

/* ---- Accountant ---------------------------------------------------------------------------------------------------------------------- */

/* What rounds cost. request, about rounds of any kinds:
 *   {"rounds": [{"noiseMultiplier": z, "samplingRate": q, "sampling": "poisson" | "fixed-size" | "everyone", "count": 1, "countNoise": null}],
 *    "relation": "zero-out" | "add-or-remove" | "replace-one", "accountant": "pld" | "rdp" | "gaussian",
 *    "deltas": [...] or "epsilons": [...], "coarse": false, "curve": false}
 * or {"ledger": {as ledger.json}, ...}, which may have its own relation and delta. z holds as it is given; a run accounts for z / (1 + 1e-6).
 * "coarse": bounds that may be 10^-3 apart where closer ones would take longer; both are bounds all the same.
 * Answer: {"epsilon", "epsilonLowerBound", "delta", "deltaLowerBound", "accountant", "relation", "sampling", "samplingRate", "noiseMultiplier",
 *   "rounds", "adversary", "theorem", "warnings"}; "curve": [rows] where several were asked; with "curve" also "profile", "tradeOff", "mu", "rho" and their
 *   bounds; of a ledger that has planned rounds their figures (that is what a run claims), "roundsDone" and "epsilonOfRoundsDone". No finite
 *   epsilon is "inf". -> bytes; FS_REFUSED where there is no proof, with the reason */
int64_t fs_account(const char *request, int64_t count, uint8_t **json, char *error, int64_t capacity);

/* The noise, the rate or the number of rounds of a budget, whichever of the three is not given:
 *   {"epsilon", "delta", "noiseMultiplier", "samplingRate", "rounds", "sampling": "poisson", "relation": "zero-out", "accountant": "pld"}
 * Answer: as of fs_account, and "targetEpsilon", "noiseMultiplierLowerBound" (provably too little), "roundsLimitReached". -> bytes */
int64_t fs_calibrate(const char *request, int64_t count, uint8_t **json, char *error, int64_t capacity);

/* What a federation would cost before there are data:
 *   {"parameters": d, "clients": N, "cohort": m, "rounds": T, "epsilon" or "noiseMultiplier", "delta": min(1e-5, N^-1.1), "clippingNorm": 1,
 *    "sampling": "poisson", "relation": "zero-out", "accountant": "pld", "codecs": [all exact ones], "uplink": bits a second}
 * Answer: {"epsilon", "epsilonLowerBound", "delta", "noiseMultiplier", "noiseScale" (sigma), "largestCohort" (m_max), "truncationDelta", "numericalDelta",
 *   "chosenCodec", "codecs": [{"codec", "noiseMultiplier", "noiseScale", "uplinkBits", "encodeSeconds", "problem", ...}], "views", "warnings", ...} -> bytes */
int64_t fs_plan(const char *request, int64_t count, uint8_t **json, char *error, int64_t capacity);

/* ---- Data in memory -------------------------------------------------------------------------------------------------------------------- */

/* Examples for runs whose scenario says {"data": {"source": "given"}}: a copy.
 *   features: examples x width floats, finite
 *   labels: a class from 0 on for each example, or targets: a finite quantity for each; the other one is NULL
 *   owners: the client of each example, from 0 on ("partition": {"kind": "natural"}), or NULL
 *   classes: how many there are; 0 takes the largest label + 1
 *   image: height, width and channels (last) of a row that is a picture, or NULL
 * -> 0 */
int64_t fs_data_new(const float *features, int64_t examples, int64_t width, const int32_t *labels, const float *targets,
                    const int32_t *owners, int64_t classes, const int64_t *image, fs_handle *out, char *error, int64_t capacity);

/* ---- Runs: what `fedsim run` does ------------------------------------------------------------------------------------------------------ */

/* Sets a run up: reads its data, plans its noise, makes or opens its folder. scenario: docs/scenario.md. options:
 *   {"threads": all cores, "folder": null (no files), "start": "new" | "replacing" | "resuming", "set": ["key=value"], "name": "scenario" (in messages),
 *    "directory": null (where files are sought that the working directory does not have), "tensorboard": false}
 * no bytes: all defaults. training and test: data of fs_data_new for a scenario with "given" data, or 0; test 0 with training: a part is split off as the
 * scenario says. -> 0 */
int64_t fs_run_new(const char *scenario, int64_t count, const char *options, int64_t options_count, fs_handle training, fs_handle test,
                   fs_handle *out, char *error, int64_t capacity);

/* The "run" line of docs/live.md: {"name", "folder", "rounds", "roundsDone", "guarantee", "epsilon", "delta", "guaranteeStatement", "outsideGuarantee",
 *   "warnings", "scenario" (every default filled in), "parameters", "clients", ...} -> bytes */
int64_t fs_run_about(fs_handle run, uint8_t **json, char *error, int64_t capacity);

/* Makes the next round. A line of rounds.jsonl, which is on the disk where there is a folder. -> bytes; 0: there are no more rounds */
int64_t fs_run_next(fs_handle run, uint8_t **json, char *error, int64_t capacity);

/* Writes what a run has at its end, and a checkpoint: summary.json. May be called before all rounds are made: the run is then one that was
 * interrupted, and goes on with the next fs_run_next, or with "start": "resuming". -> bytes */
int64_t fs_run_finish(fs_handle run, uint8_t **json, char *error, int64_t capacity);

/* How far the round is that another thread makes: out has its number, the clients that are done, those that were drawn, and the seconds that are left
 * at the pace so far (-1: not known). -> 4; 0 where no round is made just now, or none has said it yet */
int64_t fs_run_progress(fs_handle run, double out[4]);

/* The present model, flat: as many floats as fs_run_about says in "parameters". out NULL: nothing is written. -> how many there are */
int64_t fs_run_parameters(fs_handle run, float *out, int64_t dimension, char *error, int64_t capacity);

/* What the built-in trainer makes of `parameters` for a client in a round (from 1 on): the update that the run's client would clip and send. It is a
 * function of its arguments and of the run. -> the client's number of examples */
int64_t fs_run_update(fs_handle run, int64_t round, int64_t client, const float *parameters, int64_t dimension, float *out, char *error,
                      int64_t capacity);

/* ---- Federations: rounds whose updates the caller computes ----------------------------------------------------------------------------- */

/* Sets a federation up. scenario: one with {"data": {"source": "external", "clients": N}, "model": {"kind": "external", "parameters": d}} and the sections
 * cohort, server, privacy and channel. options: as of fs_run_new, and "tensors": [{"name", "shape"}], the parts of the flat parameters in
 * their order. parameters: what the first round starts from; they count as public. run_key: 16 bytes or more that follow from everything that decides
 * the updates (fs_run_key), or NULL for fresh ones, which nobody can make again. -> 0 */
int64_t fs_federation_new(const char *scenario, int64_t count, const char *options, int64_t options_count, const float *parameters,
                          int64_t dimension, const uint8_t *run_key, int64_t key_count, fs_handle *out, char *error, int64_t capacity);

/* The federation of a run that has made no round: its settings, its keys, its first parameters, no folder. To check that rounds from outside are the
 * run's own: send no other updates than those of fs_run_update, and keep no model of it. -> 0 */
int64_t fs_federation_of(fs_handle run, fs_handle *out, char *error, int64_t capacity);

/* The "run" line of docs/live.md, and "noiseMultiplier" (z), "noiseScale" (sigma), "clippingNorm", "largestCohort" (m_max), "truncationDelta", "codec",
 * "parameters", "clients", "roundIsOpen". -> bytes */
int64_t fs_federation_about(fs_handle federation, uint8_t **json, char *error, int64_t capacity);

/* Opens the next round: the accountant is asked, then the cohort is drawn, once. {"round", "cohort": [clients], "epsilon" (of the rounds up to and with
 * this one; null without privacy), "clippingNorm" (null without)} -> bytes; 0: there are no more rounds. FS_STATE while a round is open */
int64_t fs_federation_open(fs_handle federation, uint8_t **json, char *error, int64_t capacity);

/* The present model, flat; while a round is open, what its clients start from. out NULL: nothing is written. -> how many there are */
int64_t fs_federation_parameters(fs_handle federation, float *out, int64_t dimension, char *error, int64_t capacity);

/* Sends updates of n different clients of the open cohort, n x dimension floats, each once a round: clipped, encoded, decoded and added up, in batches
 * on all threads. The update of a client with a value that is not finite is replaced by zeros, and counted in the record. examples: each client's
 * number, for runs whose updates are weighted or whose clipping adapts; NULL: 1. A client that never sends has dropped out, and the server completes
 * the noise. -> how many were sent, n. FS_STATE for clients that were not drawn or have sent: then nothing is sent. FS_STOPPED: the first of them have
 * sent, as many as the reason says, and the others may still */
int64_t fs_federation_send(fs_handle federation, const int64_t *clients, const float *updates, const int64_t *examples, int64_t n,
                           int64_t dimension, char *error, int64_t capacity);

/* Completes the noise of the open round and moves the model: fs_federation_parameters gives the new one, and the checkpoint of the round is on the disk.
 * Then it can be measured, and fs_federation_close ends the round. A second call in a round does nothing. FS_FILES: nothing of the round was shown, and
 * the federation makes no more; what the disk has can be resumed. -> 0 */
int64_t fs_federation_step(fs_handle federation, char *error, int64_t capacity);

/* Ends the open round and makes its row, after fs_federation_step, or with it where that was not called. evaluation: {"accuracy" (0 to 1), "loss"} of the
 * model after the step, which only who has called it can have, or no bytes. A line of rounds.jsonl -> bytes */
int64_t fs_federation_close(fs_handle federation, const char *evaluation, int64_t count, uint8_t **json, char *error, int64_t capacity);

/* Writes what a federation has at its end: summary.json. May be called before all rounds are made. -> bytes */
int64_t fs_federation_finish(fs_handle federation, uint8_t **json, char *error, int64_t capacity);

/* A checkpoint between rounds, as state.bin: **a secret**, with it the noise can be taken off what was released. -> bytes */
int64_t fs_federation_state(fs_handle federation, uint8_t **bytes, char *error, int64_t capacity);

/* Goes on after such a checkpoint, in a new federation without a folder that has the same settings and first parameters. Go back only to make the same
 * rounds again: other updates in a round that was made release two sums under one noise. -> 0 */
int64_t fs_federation_restore(fs_handle federation, const uint8_t *bytes, int64_t count, char *error, int64_t capacity);

/* What was spent, as ledger.json. -> bytes */
int64_t fs_federation_ledger(fs_handle federation, uint8_t **json, char *error, int64_t capacity);

/* ---- Pages ------------------------------------------------------------------------------------------------------------------------------- */

/* The page that `fedsim report` writes of folders of runs or sweeps: {"folders": [paths]}. HTML without any network -> bytes. Folders that cannot be
 * read are named on the page; FS_INVALID where none can */
int64_t fs_report(const char *request, int64_t count, uint8_t **html, char *error, int64_t capacity);

#ifdef __cplusplus
}
#endif
#endif
