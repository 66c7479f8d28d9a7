/* The channel and the accountant from C.
 *
 * A client and the server agree on a key, the client sends an update of 1000 numbers as a few bytes, and the server gets the update plus Gaussian
 * noise of exactly the deviation that was asked for. Then the accountant says what a hundred such rounds cost.
 *
 *     swift build -c release --product FedSimC
 *     cc -I Sources/CFedSim/include Examples/c/channel.c -L .build/release -lFedSimC -Wl,-rpath,"$PWD/.build/release" -lm -o channel
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fedsim.h"

enum { DIMENSION = 1000 };

static char error[FS_ERROR_BYTES];

/* Ends the program with the reason where a call has failed. */
static int64_t sure(int64_t result) {
  if (result < 0) {
    fprintf(stderr, "%s\n", error);
    exit(1);
  }
  return result;
}

int main(void) {
  if (fs_abi() != FS_ABI) return 1;

  /* Each has a secret seed, and the public key of the other one. */
  uint8_t client[FS_KEY_BYTES], server[FS_KEY_BYTES], client_public[FS_KEY_BYTES], server_public[FS_KEY_BYTES];
  uint8_t sent[FS_KEY_BYTES], received[FS_KEY_BYTES], rotation[FS_KEY_BYTES];
  sure(fs_random_key(client, error, sizeof error));
  sure(fs_random_key(server, error, sizeof error));
  sure(fs_random_key(rotation, error, sizeof error)); /* public */
  sure(fs_public_key(client, client_public, error, sizeof error));
  sure(fs_public_key(server, server_public, error, sizeof error));
  sure(fs_session(client, server_public, 0, sent, error, sizeof error));
  sure(fs_session(server, client_public, 1, received, error, sizeof error));

  const char *settings = "{\"codec\": \"polar\", \"dimension\": 1000, \"clippingNorm\": 1, \"noiseScale\": 0.1}";
  fs_handle channel;
  sure(fs_channel_new(settings, (int64_t)strlen(settings), rotation, &channel, error, sizeof error));

  float update[DIMENSION];
  for (int i = 0; i < DIMENSION; i++) update[i] = (float)(0.03 * sin(i));

  /* The client's end: a key and a round are for one message. */
  uint8_t *payload;
  int64_t bytes = sure(fs_channel_encode(channel, 0, sent, NULL, update, DIMENSION, &payload, error, sizeof error));

  /* The server's end. */
  double noisy[DIMENSION], squares = 0;
  sure(fs_channel_decode(channel, 0, received, payload, bytes, noisy, DIMENSION, error, sizeof error));
  for (int i = 0; i < DIMENSION; i++) squares += (noisy[i] - update[i]) * (noisy[i] - update[i]);
  printf("%lld bytes in place of %d; noise of deviation %.3f\n", (long long)bytes, 4 * DIMENSION, sqrt(squares / DIMENSION));
  fs_free(payload);
  fs_release(channel);

  /* Epsilon of 100 rounds at delta 1e-6, from above and below. */
  const char *request =
      "{\"rounds\": [{\"noiseMultiplier\": 1.1, \"samplingRate\": 0.01, \"count\": 100}], \"deltas\": [1e-6]}";
  uint8_t *answer;
  sure(fs_account(request, (int64_t)strlen(request), &answer, error, sizeof error));
  printf("%.64s...\n", (const char *)answer);
  fs_free(answer);

  /* What is wrong is said, and nothing happens. */
  const char *wrong = "{\"codec\": \"polar\", \"dimension\": 0, \"noiseScale\": 1}";
  if (fs_channel_new(wrong, (int64_t)strlen(wrong), rotation, &channel, error, sizeof error) != FS_INVALID) return 1;
  printf("%s\n", error);
  return bytes < 4 * DIMENSION && fabs(sqrt(squares / DIMENSION) / 0.1 - 1) < 0.25 ? 0 : 1;
}
