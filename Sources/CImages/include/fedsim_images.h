// Pictures by libpng and libjpeg. Both report errors by longjmp, which Swift's frames cannot be left by: every call of theirs is made in images.c, and
// what comes out are a status and a message.
#pragma once
#include <stddef.h>
#include <stdint.h>

typedef struct {
  int64_t width;
  int64_t height;
  // 1 for grey levels, 2 with alpha behind them, 3 for red, green and blue, 4 with alpha behind them.
  int64_t channels;
  // height x width x channels, of malloc; null after an error.
  uint8_t *pixels;
  // What was wrong; empty where nothing was.
  char message[256];
} fedsim_image;

// Bytes of a file to pixels of 8 bits. Palettes and fewer bits are expanded exactly, 16 bits are rounded to the nearest of 8, gamma and profiles are
// not looked at. Returns 0, or 1 with a message. A picture of more than `most_pixels`, or one that its bytes cannot hold, is an error before memory is
// asked for.
int fedsim_read_png(const uint8_t *bytes, size_t count, int64_t most_pixels, fedsim_image *image);

// The same for JPEG: the accurate integer transform (JDCT_ISLOW) and the library's standard upsampling. Data that libjpeg only warns of, as those that
// end early, are errors.
int fedsim_read_jpeg(const uint8_t *bytes, size_t count, int64_t most_pixels, fedsim_image *image);

void fedsim_free_image(fedsim_image *image);
