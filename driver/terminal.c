/* Colour, errors and progress: see terminal.h. */
#include "driver/terminal.h"
#include "base/clock.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Work that takes less than this shows no progress; it is redrawn no more often than this. */
static const double QUIET_SECONDS = 0.5, REDRAW_SECONDS = 0.2;

bool terminal_colour(FILE *stream) {
    const char *forbidden = getenv("NO_COLOR"), *term = getenv("TERM");
    return isatty(fileno(stream)) && !(forbidden && *forbidden) && term && strcmp(term, "dumb") != 0;
}

const char *colour_on(FILE *stream, Colour colour) {
    static const char *const CODES[] = {
        [COLOUR_GOOD] = "\033[32m", [COLOUR_BAD] = "\033[31m", [COLOUR_DIM] = "\033[2m", [COLOUR_STRONG] = "\033[1m"};
    return terminal_colour(stream) ? CODES[colour] : "";
}

const char *colour_off(FILE *stream) { return terminal_colour(stream) ? "\033[0m" : ""; }

static void say(Colour colour, const char *who, const char *line) {
    fprintf(stderr, "%s%s%s %s\n", colour_on(stderr, colour), who, colour_off(stderr), line);
}

void terminal_error(const char *line) { say(COLOUR_BAD, "rattan:", line); }
void terminal_warning(const char *line) { say(COLOUR_STRONG, "rattan: warning:", line); }

void terminal_redraw(const char *line) {
    struct winsize size;
    const int      columns = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
    fprintf(stderr, "\r\033[K%.*s", columns - 1, line);
    fflush(stderr);
}

void progress_start(Progress *progress, const char *label) {
    *progress = (Progress){.label = label, .started = seconds_now(), .visible = isatty(STDERR_FILENO)};
}

void progress_step(Progress *progress, int64_t done, int64_t total) {
    if (!progress->visible || done <= 0 || total <= 0)
        return;
    const double now = seconds_now(), spent = now - progress->started;
    if (spent < QUIET_SECONDS || now - progress->shown < REDRAW_SECONDS)
        return;
    progress->shown = now;
    char line[256];
    snprintf(line, sizeof line, "%s  %d %%, %.0f s left", progress->label, (int)(100 * done / total),
             spent * (double)(total - done) / (double)done);
    terminal_redraw(line);
}

void progress_end(Progress *progress) {
    if (progress->shown > 0)
        terminal_redraw("");
}
