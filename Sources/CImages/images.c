#include "fedsim_images.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <png.h>

static void say(fedsim_image *image, const char *message) { snprintf(image->message, sizeof image->message, "%s", message); }

void fedsim_free_image(fedsim_image *image) {
  free(image->pixels);
  image->pixels = NULL;
}

// MARK: PNG

typedef struct {
  const uint8_t *bytes;
  size_t count;
  size_t next;
} source;

static void read_source(png_structp png, png_bytep target, png_size_t count) {
  source *from = png_get_io_ptr(png);
  if (count > from->count - from->next) png_error(png, "the file ends early");
  memcpy(target, from->bytes + from->next, count);
  from->next += count;
}

static void png_fails(png_structp png, png_const_charp message) {
  say(png_get_error_ptr(png), message);
  png_longjmp(png, 1);
}

static void png_warns(png_structp png, png_const_charp message) {
  (void)png;
  (void)message;
}

int fedsim_read_png(const uint8_t *bytes, size_t count, int64_t most_pixels, fedsim_image *image) {
  memset(image, 0, sizeof *image);
  png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, image, png_fails, png_warns);
  png_infop info = png ? png_create_info_struct(png) : NULL;
  source from = {bytes, count, 0};
  png_bytep *volatile rows = NULL;
  if (!png || !info) {
    say(image, "libpng has no memory");
    png_destroy_read_struct(&png, &info, NULL);
    return 1;
  }
  if (setjmp(png_jmpbuf(png))) {
    png_destroy_read_struct(&png, &info, NULL);
    free(rows);
    fedsim_free_image(image);
    return 1;
  }
  png_set_read_fn(png, &from, read_source);
  png_set_user_limits(png, 65535, 65535);
  png_set_chunk_malloc_max(png, 1 << 24);
  png_read_info(png, info);
  int64_t width = png_get_image_width(png, info), height = png_get_image_height(png, info);
  if (width * height > most_pixels) png_error(png, "too many pixels");
  // Deflate packs at most 1032 to 1.
  if ((double)png_get_rowbytes(png, info) * (double)height > 1100.0 * (double)count + 65536) {
    png_error(png, "the file is too short for its pixels");
  }
  png_set_expand(png);
  png_set_scale_16(png);
  png_set_interlace_handling(png);
  png_read_update_info(png, info);
  int64_t channels = png_get_channels(png, info);
  if (png_get_bit_depth(png, info) != 8 || png_get_rowbytes(png, info) != (size_t)(width * channels)) {
    png_error(png, "a kind of pixels that is not read");
  }
  image->pixels = malloc((size_t)(width * height * channels));
  rows = malloc((size_t)height * sizeof *rows);
  if (!image->pixels || !rows) png_error(png, "there is no memory for its pixels");
  for (int64_t y = 0; y < height; y++) rows[y] = image->pixels + y * width * channels;
  png_read_image(png, rows);
  png_read_end(png, NULL);
  image->width = width;
  image->height = height;
  image->channels = channels;
  png_destroy_read_struct(&png, &info, NULL);
  free(rows);
  return 0;
}

// MARK: JPEG

typedef struct {
  struct jpeg_error_mgr base;
  jmp_buf place;
  fedsim_image *image;
} jpeg_errors;

static void jpeg_fails(j_common_ptr common) {
  jpeg_errors *errors = (jpeg_errors *)common->err;
  char message[JMSG_LENGTH_MAX];
  errors->base.format_message(common, message);
  say(errors->image, message);
  longjmp(errors->place, 1);
}

// Negative levels are warnings of damaged data, which libjpeg would fill in with something.
static void jpeg_warns(j_common_ptr common, int level) {
  if (level < 0) jpeg_fails(common);
}

static void jpeg_says(j_common_ptr common) { (void)common; }

// A small file of very many scans over one picture would take for ever.
static void jpeg_progresses(j_common_ptr common) {
  jpeg_errors *errors = (jpeg_errors *)common->err;
  if (common->is_decompressor && ((j_decompress_ptr)common)->input_scan_number > 500) {
    say(errors->image, "more than 500 scans");
    longjmp(errors->place, 1);
  }
}

int fedsim_read_jpeg(const uint8_t *bytes, size_t count, int64_t most_pixels, fedsim_image *image) {
  memset(image, 0, sizeof *image);
  struct jpeg_decompress_struct info;
  struct jpeg_progress_mgr progress;
  jpeg_errors errors;
  memset(&info, 0, sizeof info);
  memset(&progress, 0, sizeof progress);
  info.err = jpeg_std_error(&errors.base);
  errors.base.error_exit = jpeg_fails;
  errors.base.emit_message = jpeg_warns;
  errors.base.output_message = jpeg_says;
  errors.image = image;
  if (setjmp(errors.place)) {
    jpeg_destroy_decompress(&info);
    fedsim_free_image(image);
    return 1;
  }
  jpeg_create_decompress(&info);
  progress.progress_monitor = jpeg_progresses;
  info.progress = &progress;
  jpeg_mem_src(&info, (unsigned char *)bytes, (unsigned long)count);
  jpeg_read_header(&info, TRUE);
  int64_t width = info.image_width, height = info.image_height;
  if (width * height > most_pixels) {
    say(image, "too many pixels");
    longjmp(errors.place, 1);
  }
  // A block of 8 x 8 takes a bit of each channel at least, and a restart of coding none.
  if ((double)width * (double)height > 1024.0 * (double)count + 65536) {
    say(image, "the file is too short for its pixels");
    longjmp(errors.place, 1);
  }
  switch (info.jpeg_color_space) {
    case JCS_GRAYSCALE: info.out_color_space = JCS_GRAYSCALE; break;
    case JCS_RGB:
    case JCS_YCbCr: info.out_color_space = JCS_RGB; break;
    default:
      say(image, "colours for print (CMYK), which are not read");
      longjmp(errors.place, 1);
  }
  info.dct_method = JDCT_ISLOW;
  jpeg_start_decompress(&info);
  int64_t channels = info.output_components;
  image->pixels = malloc((size_t)(width * height * channels));
  if (!image->pixels) {
    say(image, "there is no memory for its pixels");
    longjmp(errors.place, 1);
  }
  while (info.output_scanline < info.output_height) {
    JSAMPROW row = image->pixels + (int64_t)info.output_scanline * width * channels;
    jpeg_read_scanlines(&info, &row, 1);
  }
  jpeg_finish_decompress(&info);
  image->width = width;
  image->height = height;
  image->channels = channels;
  jpeg_destroy_decompress(&info);
  return 0;
}
