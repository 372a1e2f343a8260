/* What a person at a terminal sees: colour, errors, progress. Data goes to stdout and never passes through here. */
#ifndef RATTAN_DRIVER_TERMINAL_H
#define RATTAN_DRIVER_TERMINAL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

typedef enum Colour { COLOUR_GOOD, COLOUR_BAD, COLOUR_DIM, COLOUR_STRONG } Colour;

/* Whether the stream is a terminal that shows colour and NO_COLOR does not forbid it. */
bool terminal_colour(FILE *stream);
/* Escape sequences, or "" where the stream shows no colour. */
const char *colour_on(FILE *stream, Colour colour);
const char *colour_off(FILE *stream);

/* "rattan: line" on stderr. */
void terminal_error(const char *line);
void terminal_warning(const char *line);

/* The line that is on stderr now becomes this one, cut to the terminal's width: a longer one would not be drawn over. */
void terminal_redraw(const char *line);

/* "label  42 %, 3 s left" on stderr, redrawn in place; silent where stderr is no terminal or the work is short. */
typedef struct Progress {
    const char *label;
    double      started, shown;
    bool        visible;
} Progress;

void progress_start(Progress *progress, const char *label);
void progress_step(Progress *progress, int64_t done, int64_t total);
void progress_end(Progress *progress);

#endif
